"""Requests for no more mail that people write, and that mail clients write for them.

In doubt it is a request: one wrongly honoured costs a lead, one overlooked breaks an objection. The quoted history
does not count, because our own footer speaks of unsubscribing.
"""

import re

from outreach_pipelines.domain.inbound.language import language_of
from outreach_pipelines.domain.inbound.message import Language, UnsubscribeRequest
from outreach_pipelines.domain.inbound.part_text import header_text
from outreach_pipelines.domain.inbound.phrases import Phrase, phrase_book, plain
from outreach_pipelines.domain.inbound.structure import Part
from outreach_pipelines.domain.inbound.verdict import Basis, Evidence, RuleName

MAX_JUDGED = 2_000
MAX_WORDS = 120
"""A longer text speaks of something else, and a person reads it."""
MAX_SUBJECT_WORDS = 8
_EDGES = re.compile(r"^\W+|\W+$")
_ANSWERS = re.compile(r"^\w{1,5}(?:\[\d+\])?\s?[:：]")
"""A subject that repeats ours is not the person's own."""


def unsubscribe_by_subject(message: Part, text: str) -> UnsubscribeRequest | None:
    """A subject that is only a command: what a click on a mailto in List-Unsubscribe sends (RFC 2369 section 3.2).

    Or a short subject of the person's own that asks for it.
    """
    subject = header_text(message.header("subject"))
    if request := _command(subject, text, rule=RuleName("subject-is-a-command")):
        return request
    judged = plain(subject[:200])
    if _ANSWERS.match(judged) or len(judged.split()) > MAX_SUBJECT_WORDS or _opposite(judged):
        return None
    phrase = phrase_book().unsubscribe.starts(judged) or _asked_politely(judged)
    return _of_phrase(phrase, text) if phrase else None


def unsubscribe_by_text(text: str) -> UnsubscribeRequest | None:
    """A person's own words: a command alone, or a phrase in a short text.

    `text` is without quoted history and signature.
    """
    if request := _command(text, text, rule=RuleName("text-is-a-command")):
        return request
    judged = plain(text[:MAX_JUDGED])
    if len(judged.split()) > MAX_WORDS or _opposite(judged):
        return None
    phrase = phrase_book().unsubscribe.find(judged)
    return _of_phrase(phrase, text) if phrase else None


def _asked_politely(subject: str) -> Phrase | None:
    """ "Please remove me": a second or third word opens the phrase."""
    rest = subject.partition(" ")[2]
    return phrase_book().unsubscribe.starts(rest) or phrase_book().unsubscribe.starts(rest.partition(" ")[2])


def _opposite(judged: str) -> bool:
    return phrase_book().not_unsubscribe.find(judged) is not None


def _of_phrase(phrase: Phrase, text: str) -> UnsubscribeRequest:
    evidence = Evidence(RuleName(f"phrase:{phrase.language}"), Basis.TEXT, phrase.words)
    return UnsubscribeRequest(text, language_of(text) or phrase.language, evidence)


def _command(line: str, text: str, *, rule: RuleName) -> UnsubscribeRequest | None:
    word = _EDGES.sub("", plain(line[:200])) if len(line) <= 200 else ""
    language: Language | None = phrase_book().commands.get(word)
    if language is None:
        return None
    return UnsubscribeRequest(text, language_of(text) or language, Evidence(rule, Basis.STRUCTURE, word))
