"""What a refusal says of a mailbox where no row of the rules knows its sentence: a noun of the recipient, and a predicate.

Belongs here: the grammar of `refusal_grammar.toml`. Does not: the sentences of known systems, which are asked before it
(`rule_book`), and whether a hard verdict may stand (`certainty`), since these are words alone.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from importlib import resources

from outreach_pipelines.domain.inbound.verdict import BounceClass, Cause, Confidence, HardCause, RuleName

REACH_BACK = 90
"""Characters before a predicate in which its noun may stand: an address, and a name, may stand between."""
REACH_ON = 30
"""Characters behind it: "unknown recipient", "no space in the mailbox"."""

_WITHOUT_SPACES = frozenset({"ja", "zh", "ko"})
_SENTENCE_END = re.compile(r"[.!?;](?:\s|$)|[。！？；]")

_BEHIND = re.compile(r"[.!?;](?:\s|$)|[。！？；(]")
"""What follows in brackets speaks of the dialogue, or of something else."""


class State(Enum):
    """What is said of a mailbox, in the order in which it is believed: a full one exists."""

    FULL = "full"
    DISABLED = "disabled"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Worded:
    """What the sentence says: never more than MEDIUM, because nobody documented it."""

    name: RuleName
    bounce_class: BounceClass
    cause: Cause | None
    confidence: Confidence = Confidence.MEDIUM


@dataclass(frozen=True, slots=True)
class _Language:
    code: str
    nouns: Mapping[State, tuple[str, ...]]
    predicates: Mapping[State, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Grammar:
    languages: tuple[_Language, ...]
    strangers: Mapping[State, tuple[str, ...]]


_MEANS: Mapping[State, tuple[BounceClass, Cause | None]] = {
    State.FULL: (BounceClass.FULL, None),
    State.DISABLED: (BounceClass.HARD, HardCause.DISABLED),
    State.ABSENT: (BounceClass.HARD, HardCause.UNKNOWN_USER),
}


def worded_refusal(text: str) -> Worded | None:
    """What `text` (normalized by `judged_text`) says of the recipient's mailbox in any of the languages, or None."""
    grammar = _grammar()
    for state in State:
        for language in grammar.languages:
            if _says(text, state, language, grammar.strangers[state]):
                return Worded(RuleName(f"grammar:{language.code}:{state.value}"), *_MEANS[state])
    return None


def _says(text: str, state: State, language: _Language, strangers: Sequence[str]) -> bool:
    return any(
        _noun(language.code, language.nouns[state]).search(each) and not any(word in each for word in strangers)
        for each in _sentences(text, language, state)
    )


def _sentences(text: str, language: _Language, state: State) -> Iterator[str]:
    """What stands around each predicate, within its sentence."""
    for entry in language.predicates[state]:
        predicate = entry.rstrip("$")
        at = text.find(predicate)
        while at != -1:
            end = at + len(predicate)
            if language.code in _WITHOUT_SPACES or _stands_alone(text, at, end, whole=predicate != entry):
                before = _SENTENCE_END.split(text[max(0, at - REACH_BACK) : at])[-1]
                yield before + predicate + _BEHIND.split(text[end : end + REACH_ON])[0]
            at = text.find(predicate, at + 1)


def _stands_alone(text: str, at: int, end: int, *, whole: bool) -> bool:
    """Whether a word begins at `at`, and ends at `end` if it must; "n't" hangs on to its verb."""
    begins = at == 0 or not text[at - 1].isalpha() or text.startswith("n't", at)
    return begins and not (whole and text[end : end + 1].isalpha())


@lru_cache(maxsize=1)
def _grammar() -> _Grammar:
    """The words of the file. A missing list raises KeyError on first use."""
    table = tomllib.loads(resources.files(__package__).joinpath("refusal_grammar.toml").read_text("utf-8"))
    strangers = table.pop("strangers")
    return _Grammar(
        languages=tuple(_language(code, words) for code, words in table.items()),
        strangers={state: (*strangers["all"], *strangers.get(state.value, ())) for state in State},
    )


def _language(code: str, words: Mapping[str, Sequence[str]]) -> _Language:
    persons, boxes = tuple(words["persons"]), tuple(words["boxes"])
    return _Language(
        code=code,
        nouns={State.FULL: boxes, State.DISABLED: persons, State.ABSENT: persons},
        predicates={state: tuple(words[state.value]) for state in State},
    )


@lru_cache(maxsize=128)
def _noun(code: str, words: tuple[str, ...]) -> re.Pattern[str]:
    """Any of `words` where a word begins. Compiled when a text first needs it: a process meets few of the languages."""
    edge = "" if code in _WITHOUT_SPACES else r"(?<!\w)"
    return re.compile(f"{edge}(?:{'|'.join(map(re.escape, words))})")
