"""The phrase table of `phrases.toml`, by language. What a phrase leads to belongs to the modules that ask."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from outreach_pipelines.domain.inbound.message import Language

_SPACE = re.compile(r"\s+")
_IN_WORD = re.compile(r"\w")
_WITHOUT_SPACES = frozenset({"ja", "zh"})


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase that was found, and in which language."""

    language: Language
    words: str


@dataclass(frozen=True, slots=True)
class PhraseSet:
    """The phrases of one purpose by language, in order of the file; of a language, the longest first."""

    phrases: tuple[tuple[Language, tuple[str, ...]], ...]

    def find(self, text: str, *, preferring: Language | None = None) -> Phrase | None:
        """A phrase that is in `text` (normalized by `plain`): of the preferred language, else of the first that has one."""
        for language, phrases in sorted(self.phrases, key=lambda row: row[0] != preferring):
            if (words := _first_of(phrases, text, whole=language not in _WITHOUT_SPACES)) is not None:
                return Phrase(language, words)
        return None

    def starts(self, text: str) -> Phrase | None:
        """As `find`, only at the start of `text`."""
        for language, phrases in self.phrases:
            for words in phrases:
                if text.startswith(words) and (language in _WITHOUT_SPACES or _ends_word(text, len(words))):
                    return Phrase(language, words)
        return None


@dataclass(frozen=True, slots=True)
class PhraseBook:
    """All phrases."""

    subjects: PhraseSet
    absent: PhraseSet
    left: PhraseSet
    received: PhraseSet
    contact: PhraseSet
    challenge: PhraseSet
    unsubscribe: PhraseSet
    not_unsubscribe: PhraseSet
    commands: dict[str, Language]


def plain(text: str) -> str:
    """`text` as phrases are compared: lower case, straight apostrophes, single spaces."""
    # "\u0130" lowers to two characters, which no phrase holds.
    straight = text.replace("\u2019", "'").replace("\u2018", "'").replace("\u0130", "i")
    return _SPACE.sub(" ", straight).strip().lower()


@lru_cache(maxsize=1)
def phrase_book() -> PhraseBook:
    """The phrases of the file, compiled once."""
    table = tomllib.loads(resources.files(__package__).joinpath("phrases.toml").read_text("utf-8"))
    return PhraseBook(
        subjects=_phrase_set(table, "subjects"),
        absent=_phrase_set(table, "absent"),
        left=_phrase_set(table, "left"),
        received=_phrase_set(table, "received"),
        contact=_phrase_set(table, "contact"),
        challenge=_phrase_set(table, "challenge"),
        unsubscribe=_phrase_set(table, "unsubscribe"),
        not_unsubscribe=_phrase_set(table, "not_unsubscribe"),
        commands={word: Language(code) for code, rows in reversed(table.items()) for word in rows["commands"]},
    )


def _phrase_set(table: dict[str, dict[str, list[str]]], purpose: str) -> PhraseSet:
    named = ((Language(code), rows.get(purpose, [])) for code, rows in table.items())
    return PhraseSet(tuple((code, tuple(sorted(words, key=len, reverse=True))) for code, words in named if words))


def _first_of(phrases: Sequence[str], text: str, *, whole: bool) -> str | None:
    """The one that stands first in `text`, and of several there the longest. Plain searches: patterns cost a start-up."""
    found, first = None, len(text)
    for words in phrases:
        at = text.find(words)
        while whole and at != -1 and not _is_whole(words, text, at):
            at = text.find(words, at + 1)
        if at != -1 and at < first:
            found, first = words, at
    return found


def _is_whole(words: str, text: str, at: int) -> bool:
    """Scripts that write no spaces have no whole words."""
    return not (at and _IN_WORD.match(text, at - 1)) and _ends_word(text, at + len(words))


def _ends_word(text: str, end: int) -> bool:
    return _IN_WORD.match(text, end) is None
