"""The phrase table of `phrases.toml`, by language. What a phrase leads to belongs to the modules that ask."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from outreach_pipelines.domain.inbound.message import Language

_SPACE = re.compile(r"\s+")
_WITHOUT_SPACES = frozenset({"ja", "zh"})


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase that was found, and in which language."""

    language: Language
    words: str


@dataclass(frozen=True, slots=True)
class PhraseSet:
    """The phrases of one purpose in all languages, as one pattern a language, in order of the file."""

    patterns: tuple[tuple[Language, re.Pattern[str]], ...]

    def find(self, text: str, *, preferring: Language | None = None) -> Phrase | None:
        """A phrase that is in `text` (normalized by `plain`): of the preferred language, else of the first that has one."""
        for language, pattern in sorted(self.patterns, key=lambda row: row[0] != preferring):
            if match := pattern.search(text):
                return Phrase(language, match.group(0))
        return None

    def starts(self, text: str) -> Phrase | None:
        """As `find`, only at the start of `text`."""
        for language, pattern in self.patterns:
            if match := pattern.match(text):
                return Phrase(language, match.group(0))
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
    return PhraseSet(tuple((code, _pattern(code, words)) for code, words in named if words))


def _pattern(language: Language, words: Sequence[str]) -> re.Pattern[str]:
    """Longest first; whole words, except in scripts that write none."""
    body = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(body if language in _WITHOUT_SPACES else rf"(?<!\w)(?:{body})(?!\w)")
