"""Requests for no more mail that people write, and that mail clients write for them.

In doubt it is a request: one wrongly honoured costs a lead, one overlooked breaks an objection. The quoted history
does not count, because our own footer speaks of unsubscribing.
"""

import re

from outreach_pipelines.domain.inbound.message import Language, UnsubscribeRequest
from outreach_pipelines.domain.inbound.part_text import header_text
from outreach_pipelines.domain.inbound.phrases import phrase_book, plain
from outreach_pipelines.domain.inbound.structure import Part
from outreach_pipelines.domain.inbound.verdict import Basis, Evidence, RuleName

MAX_JUDGED = 2_000
MAX_WORDS = 120
"""A longer text speaks of something else, and a person reads it."""
_EDGES = re.compile(r"^\W+|\W+$")


def unsubscribe_by_subject(message: Part, text: str) -> UnsubscribeRequest | None:
    """A subject that is only a command: what a click on a mailto in List-Unsubscribe sends (RFC 2369 section 3.2)."""
    return _command(header_text(message.header("subject")), text, rule=RuleName("subject-is-a-command"))


def unsubscribe_by_text(text: str) -> UnsubscribeRequest | None:
    """A person's own words: a command alone, or a phrase in a short text.

    `text` is without quoted history and signature.
    """
    if request := _command(text, text, rule=RuleName("text-is-a-command")):
        return request
    judged = plain(text[:MAX_JUDGED])
    if len(judged.split()) > MAX_WORDS or phrase_book().not_unsubscribe.find(judged):
        return None
    phrase = phrase_book().unsubscribe.find(judged)
    if phrase is None:
        return None
    evidence = Evidence(RuleName(f"phrase:{phrase.language}"), Basis.TEXT, phrase.words)
    return UnsubscribeRequest(text, phrase.language, evidence)


def _command(line: str, text: str, *, rule: RuleName) -> UnsubscribeRequest | None:
    word = _EDGES.sub("", plain(line[:200])) if len(line) <= 200 else ""
    language: Language | None = phrase_book().commands.get(word)
    return UnsubscribeRequest(text, language, Evidence(rule, Basis.TEXT, word)) if language is not None else None
