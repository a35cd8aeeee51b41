"""The rows of `bounce_rules.toml`, read once: which words and which codes decide what.

Belongs here: the rows and when one of them speaks. Does not: the order in which they are asked, and the guards over
them (`bounce_rules`).
"""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import NamedTuple, NewType, Self

from outreach_pipelines.domain.inbound.part_text import without_pages
from outreach_pipelines.domain.inbound.verdict import (
    Basis,
    BlockCause,
    BounceClass,
    Cause,
    Confidence,
    EnhancedCode,
    Evidence,
    HardCause,
    RuleName,
    SoftCause,
    Verdict,
)

ProviderName = NewType("ProviderName", str)

GRAM = 5
"""Letters by which phrases are looked up."""
STRIDE = 4
"""Only every fourth run of letters of a text is looked up, so that a phrase stands under four that follow each other."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row says."""

    name: RuleName
    bounce_class: BounceClass
    cause: Cause | None
    confidence: Confidence
    source: str
    example: str
    one_recipient: bool = False
    """A refusal by the rules of one recipient or one group: nothing follows from it for the sender's other mail."""

    def verdict(self, basis: Basis, line: str) -> Verdict:
        """The verdict of this row over `line`."""
        return Verdict(self.bounce_class, self.cause, self.confidence, Evidence(self.name, basis, line))


@dataclass(frozen=True, slots=True)
class TextRule:
    """A row of [[text]]: which words decide, under which codes."""

    outcome: Outcome
    says: tuple[str, ...]
    pattern: re.Pattern[str] | None
    needs: tuple[str, ...]
    """Words of which one stands in whatever `pattern` matches: without one, it is not tried."""
    unless: tuple[str, ...]
    enhanced: frozenset[str]
    pages: bool
    """Whether pages and hosts that the text points to speak too ("https://www.spamhaus.org/..."): elsewhere they do not."""
    proof: bool
    """Said only by the system that keeps the mailbox: a hard verdict then needs no second witness (`certainty`)."""

    def is_said_in(self, text: str) -> bool:
        """Whether one of `says` is in `text`."""
        return any(phrase in text for phrase in self.says)

    def speaks(self, text: str, enhanced: EnhancedCode | None, *, said: bool) -> bool:
        """Whether the row decides on `text` (normalized by `judged_text`), given whether one of `says` is in it."""
        if self.enhanced and str(enhanced or "") not in self.enhanced:
            return False
        if not said and not (self.pattern and self.pattern.search(text)):
            return False
        # Plain loops here and below: for each refusal some fifty rows are asked, and a generator costs twice as much.
        for word in self.unless:  # noqa: SIM110  # see above
            if word in text:
                return False
        return True


class Mark(NamedTuple):
    """A phrase of a row: it decides, or only makes it worth while to try the row's pattern."""

    row: int
    phrase: str
    decides: bool


@dataclass(frozen=True, slots=True)
class MarkIndex:
    """All phrases of all rows by some letters of each, so that a text is compared with a few and not with all."""

    by_gram: Mapping[str, tuple[Mark, ...]]
    short: tuple[Mark, ...]

    @classmethod
    def of(cls, rules: Sequence["TextRule"]) -> Self:
        """Each phrase stands under those of its grams which the fewest other phrases have."""
        marks = [Mark(row, phrase, decides=True) for row, rule in enumerate(rules) for phrase in rule.says]
        marks += [Mark(row, phrase, decides=False) for row, rule in enumerate(rules) for phrase in rule.needs]
        grams = [_grams(mark.phrase) for mark in marks]
        frequency: Counter[str] = Counter()
        for run in grams:
            frequency.update(run)
        by_gram: dict[str, list[Mark]] = {}
        for mark, run in zip(marks, grams, strict=True):
            for gram in _rarest(run, frequency):
                by_gram.setdefault(gram, []).append(mark)
        short = tuple(mark for mark in marks if len(mark.phrase) < GRAM + STRIDE - 1)
        return cls({gram: tuple(found) for gram, found in by_gram.items()}, short)

    def rows_in(self, text: str) -> tuple[set[int], set[int]]:
        """The rows of which a phrase is in `text`, and those whose pattern is worth trying."""
        found: tuple[set[int], set[int]] = (set(), set())
        for mark in self.short:
            if mark.phrase in text:
                found[not mark.decides].add(mark.row)
        sampled = {text[at : at + GRAM] for at in range(0, len(text) - GRAM + 1, STRIDE)}
        for gram in sampled & self.by_gram.keys():
            for mark in self.by_gram[gram]:
                if mark.phrase in text:
                    found[not mark.decides].add(mark.row)
        return found


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rows, in order of the file; codes from exact to wide."""

    text: tuple[TextRule, ...]
    marks: MarkIndex
    enhanced: Mapping[str, Outcome]
    reply_code: Mapping[str, Outcome]
    provider_type: Mapping[tuple[ProviderName, str], Outcome]

    def speaking(self, text: str, enhanced: EnhancedCode | None) -> TextRule | None:
        """The first row that decides on `text`."""
        bare = without_pages(text)
        said, worth_trying = self.marks.rows_in(text)
        for row in sorted(said | worth_trying):
            rule = self.text[row]
            judged = text if rule.pages else bare
            if rule.speaks(judged, enhanced, said=row in said and (judged is text or rule.is_said_in(bare))):
                return rule
        return None


@lru_cache(maxsize=1)
def rule_book() -> RuleBook:
    """The rows of `bounce_rules.toml`. A wrong row raises ValueError or KeyError on first use."""
    document = tomllib.loads(resources.files(__package__).joinpath("bounce_rules.toml").read_text("utf-8"))
    text = tuple(_text_rule(row) for row in document["text"])
    return RuleBook(
        text=text,
        marks=MarkIndex.of(text),
        enhanced={row["code"]: _outcome(row, named=row["code"]) for row in document["enhanced"]},
        reply_code={row["code"]: _outcome(row, named=row["code"]) for row in document["reply_code"]},
        provider_type={
            (ProviderName(row["provider"]), row["type"]): _outcome(row, named=f"{row['provider']} {row['type']}")
            for row in document["provider_type"]
        },
    )


def _text_rule(row: Mapping[str, str | bool | list[str]]) -> TextRule:
    return TextRule(
        outcome=_outcome(row, named=str(row["name"])),
        says=_words(row, "says"),
        pattern=re.compile(str(row["pattern"])) if "pattern" in row else None,
        needs=_needs(row),
        unless=_words(row, "unless"),
        enhanced=frozenset(_words(row, "enhanced")),
        pages=bool(row.get("pages", False)),
        proof=bool(row.get("proof", False)),
    )


def _needs(row: Mapping[str, str | bool | list[str]]) -> tuple[str, ...]:
    needs = _words(row, "needs")
    if bool(needs) is not ("pattern" in row):
        message = f"{row['name']}: a pattern and its needs stand together"
        raise ValueError(message)
    return needs


def _words(row: Mapping[str, str | bool | list[str]], name: str) -> tuple[str, ...]:
    words = row.get(name, [])
    if not isinstance(words, list):
        message = f"{row['name']}: {name} is no list"
        raise ValueError(message)  # the fault is in the file, not in the caller
    return tuple(words)


_CAUSES: Mapping[BounceClass, type[HardCause] | type[BlockCause] | type[SoftCause]] = {
    BounceClass.HARD: HardCause,
    BounceClass.BLOCK: BlockCause,
    BounceClass.SOFT: SoftCause,
}


def _outcome(row: Mapping[str, str | bool | list[str]], *, named: str) -> Outcome:
    bounce_class = BounceClass(row["class"])
    causes = _CAUSES.get(bounce_class)
    return Outcome(
        name=RuleName(named),
        bounce_class=bounce_class,
        cause=causes(row["cause"]) if causes else None,
        confidence=Confidence(row.get("confidence", "high")),
        source=str(row["source"]),
        example=str(row["example"]),
        one_recipient=bool(row.get("one_recipient", False)),
    )


def _rarest(grams: Sequence[str], frequency: Mapping[str, int]) -> Sequence[str]:
    """`STRIDE` of `grams` that follow each other: a text sampled at this stride shows one of them."""
    best: Sequence[str] = ()
    fewest = 0
    for start in range(0, len(grams) - STRIDE + 1, STRIDE):
        run = grams[start : start + STRIDE]
        count = sum([frequency[gram] for gram in run])
        if not best or count < fewest:
            best, fewest = run, count
    return best


def _grams(text: str) -> list[str]:
    return [text[at : at + GRAM] for at in range(len(text) - GRAM + 1)]
