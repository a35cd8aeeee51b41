"""The rows of `bounce_rules.toml`, read once: which words and which codes decide what.

Belongs here: the rows and when one of them speaks. Does not: the order in which they are asked, and the guards over
them (`bounce_rules`).
"""

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import NewType, Self

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row says."""

    name: RuleName
    bounce_class: BounceClass
    cause: Cause | None
    confidence: Confidence
    source: str
    example: str

    def verdict(self, basis: Basis, line: str) -> Verdict:
        """The verdict of this row over `line`."""
        return Verdict(self.bounce_class, self.cause, self.confidence, Evidence(self.name, basis, line))


@dataclass(frozen=True, slots=True)
class TextRule:
    """A row of [[text]]: which words decide, under which codes."""

    outcome: Outcome
    says: tuple[str, ...]
    pattern: re.Pattern[str] | None
    unless: tuple[str, ...]
    enhanced: frozenset[str]
    proof: bool
    """Said only by the system that keeps the mailbox: a hard verdict then needs no second witness (`certainty`)."""

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


@dataclass(frozen=True, slots=True)
class PhraseIndex:
    """All phrases of all rows by five letters of each, so that a text is compared with a few and not with all."""

    by_gram: Mapping[str, tuple[tuple[int, str], ...]]
    short: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, rules: Sequence["TextRule"]) -> Self:
        """Each phrase stands under that of its grams which the fewest other phrases have."""
        phrases = [(row, phrase) for row, rule in enumerate(rules) for phrase in rule.says]
        frequency = Counter(gram for _, phrase in phrases for gram in _grams(phrase))
        by_gram: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for row, phrase in phrases:
            if len(phrase) >= GRAM:
                by_gram[min(_grams(phrase), key=lambda gram: (frequency[gram], gram))].append((row, phrase))
        short = tuple((row, phrase) for row, phrase in phrases if len(phrase) < GRAM)
        return cls({gram: tuple(found) for gram, found in by_gram.items()}, short)

    def rows_in(self, text: str) -> set[int]:
        """The rows of which a phrase is in `text`."""
        rows = {row for row, phrase in self.short if phrase in text}
        for gram in _grams(text) & self.by_gram.keys():
            for row, phrase in self.by_gram[gram]:
                if phrase in text:
                    rows.add(row)
        return rows


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rows, in order of the file; codes from exact to wide."""

    text: tuple[TextRule, ...]
    phrases: PhraseIndex
    enhanced: Mapping[str, Outcome]
    reply_code: Mapping[str, Outcome]
    provider_type: Mapping[tuple[ProviderName, str], Outcome]

    def speaking(self, text: str, enhanced: EnhancedCode | None) -> TextRule | None:
        """The first row that decides on `text`."""
        said = self.phrases.rows_in(text)
        for row, rule in enumerate(self.text):
            if (row in said or rule.pattern) and rule.speaks(text, enhanced, said=row in said):
                return rule
        return None


@lru_cache(maxsize=1)
def rule_book() -> RuleBook:
    """The rows of `bounce_rules.toml`. A wrong row raises ValueError or KeyError on first use."""
    document = tomllib.loads(resources.files(__package__).joinpath("bounce_rules.toml").read_text("utf-8"))
    text = tuple(_text_rule(row) for row in document["text"])
    return RuleBook(
        text=text,
        phrases=PhraseIndex.of(text),
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
        unless=_words(row, "unless"),
        enhanced=frozenset(_words(row, "enhanced")),
        proof=bool(row.get("proof", False)),
    )


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
    )


def _grams(text: str) -> set[str]:
    return {text[at : at + GRAM] for at in range(len(text) - GRAM + 1)}
