"""Intent by phrases: those of `rules.toml`, and what follows where several kinds of them are found.

Belongs here: finding, negation, precedence. Does not: the phrases (`rules.toml`).
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reply_intent.decided import DecidedIntent, IntentSource, judged_part, undecided

_SPACE = re.compile(r"\s+")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "ʼ": "'"})
_REACH = {Intent.POSITIVE: 32, Intent.MEETING: 32, Intent.REFERRAL: 8}
"""Characters before a phrase in which a negation turns it around, within the sentence.

Who is "not the right person, ask my colleague" refers; refusals and questions hold negations of their own.
"""
_SENTENCE_END = re.compile(r"[.!?;:\n]|,\s+(?:but|aber|sondern|mais|pero|ma|maar|mas)\b")


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's phrases of one intent."""

    intent: Intent
    language: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class IntentRules:
    """All phrases, and the words of each language that turn the one after them around."""

    phrases: tuple[Phrases, ...]
    negations: Mapping[str, re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase in a reply."""

    intent: Intent
    language: str
    words: str

    @property
    def rule(self) -> str:
        """The rule's name and the words it found."""
        return f"{self.intent.value}:{self.language}: {self.words}"


def intent_by_rules(text: str) -> DecidedIntent:
    """What the phrases in a reply's own text say; undecided where there are none, or where they contradict each other.

    Who points to somebody else refers, also when they are not interested themselves. A refusal beside interest is
    undecided: that is for a person to read.
    """
    found: dict[Intent, Found] = {}
    for each in _found(_plain(judged_part(text)), intent_rules()):
        found.setdefault(each.intent, each)
    return _ruled(found)


def _ruled(found: Mapping[Intent, Found]) -> DecidedIntent:
    if Intent.REFERRAL in found:
        return _by(found[Intent.REFERRAL])
    wanted = found.keys() & {Intent.MEETING, Intent.POSITIVE}
    if Intent.NEGATIVE in found and wanted:
        both = ", ".join(found[each].rule for each in Intent if each in found)
        return undecided(f"rules contradict each other: {both}")
    for intent in (Intent.NEGATIVE, Intent.MEETING, Intent.POSITIVE, Intent.QUESTION):
        if intent in found:
            return _by(found[intent])
    return undecided("no rule found a phrase")


def _by(found: Found) -> DecidedIntent:
    return DecidedIntent(found.intent, IntentSource.RULE, found.rule)


def _found(text: str, rules: IntentRules) -> list[Found]:
    return [
        Found(phrases.intent, phrases.language, match.group(0)[:100])
        for phrases in rules.phrases
        for match in phrases.pattern.finditer(text)
        if not _negated(phrases.intent, text[: match.start()], match.group(0), rules.negations[phrases.language])
    ]


def _negated(intent: Intent, before: str, words: str, negation: re.Pattern[str]) -> bool:
    reach = _REACH.get(intent)
    if reach is None:
        return False
    near = _SENTENCE_END.split(before[-reach:])[-1]
    return negation.search(near + words) is not None


def _plain(text: str) -> str:
    # One word, so that phrases count it as one.
    return _SPACE.sub(" ", text.translate(_APOSTROPHES).lower()).replace("e-mail", "email")


@lru_cache(maxsize=1)
def intent_rules() -> IntentRules:
    """`rules.toml`, read once. Raises `ValueError` for one that is broken."""
    table = tomllib.loads(resources.files(__package__).joinpath("rules.toml").read_text("utf-8"))
    phrases = tuple(
        Phrases(intent, language, _whole_words(table[language][intent.value]))
        for intent in Intent
        for language in table
        if table[language].get(intent.value)
    )
    return IntentRules(phrases, {language: _whole_words(words["negations"]) for language, words in table.items()})


def _whole_words(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?<!\w)(?:{each})(?!\w)" for each in patterns))
