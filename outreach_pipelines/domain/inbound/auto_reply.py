"""Whether a machine answered, and what it says of the person (RFC 3834, then phrases).

Headers say who sent it (`origin`), phrases what it is. Without a header only a subject that starts like an automatic
answer, or a receipt with its number, makes one: a person who writes of a holiday stays a person.
"""

import re
from datetime import date

from outreach_pipelines.domain.inbound.language import language_of
from outreach_pipelines.domain.inbound.message import AutoReply, AutoReplyKind
from outreach_pipelines.domain.inbound.origin import Origin, origin_of
from outreach_pipelines.domain.inbound.part_text import addresses_in, header_text
from outreach_pipelines.domain.inbound.phrases import Phrase, phrase_book, plain
from outreach_pipelines.domain.inbound.return_date import return_date
from outreach_pipelines.domain.inbound.structure import Part
from outreach_pipelines.domain.inbound.successor import successor_in
from outreach_pipelines.domain.inbound.verdict import Basis, Evidence, RuleName

MAX_JUDGED = 4_000
_OPENING = 500
"""Where a machine is not known to answer, its first words alone may say that somebody is absent."""
_REPLY_PREFIX = re.compile(
    r"(?:re|aw|sv|antw|vs|r|odp|rv|ref|res|ynt|rif|betr|vá|σχετ|atb|hal|回复|回覆|答复|返信|отв|відп)\s?(?:\[\d+\])?[:：]"
)
"""A subject that repeats ours, which may speak of holidays: it says nothing of its sender."""
_TICKET = re.compile(
    r"(?<!\w)(?:ticket|case|request|incident|anfrage|vorgang|sag|sak|zaak|ärende|zgłoszenie|demande|solicitud|chamado|заявка|"
    r"обращение|talep|工单|受付)\w{0,8}(?: (?:number|no\.?|id|nr\.?|numer|número|n°|номер))?(?: is| lautet| ist)?[ :：]{0,2}[#№]? ?"
    r"[a-z]{0,6}[-_]?\d{3,}|\[[#a-z-]{0,12}:? ?#?\d{3,}\]|#\d{3,}"
)
"""A number that a ticket system gives, with its name or in its brackets."""


def read_auto_reply(message: Part, text: str, *, received: date) -> AutoReply | None:
    """What an automatic answer says, or None where a person wrote.

    `text` is the message's own, without quoted history.
    """
    origin, line = origin_of(message)
    subject = plain(header_text(message.header("subject")))
    repeats_ours = _REPLY_PREFIX.match(subject) is not None
    titled = phrase_book().subjects.starts(subject)
    receipt = _receipt(subject, text)
    if origin is Origin.NO_MACHINE or (origin is Origin.PERSON and titled is None and receipt is None):
        return None
    heading = titled.words if titled else "" if repeats_ours else subject
    kind, phrase = _kind(heading, plain(text)[:MAX_JUDGED], titled=titled, origin=origin)
    phrase = phrase or receipt
    if phrase is None and origin is Origin.NULL_SENDER:
        return None
    sender = next(iter(addresses_in(header_text(message.header("from")))), None)
    return AutoReply(
        reply=kind,
        until=return_date(text, received=received) if kind is AutoReplyKind.OUT_OF_OFFICE else None,
        language=language_of(text) or (phrase.language if phrase else None),
        text=text,
        evidence=_evidence(phrase, origin, line or subject),
        contact=successor_in(text, sender=sender) if kind is AutoReplyKind.LEFT_COMPANY else None,
    )


def _kind(heading: str, text: str, *, titled: Phrase | None, origin: Origin) -> tuple[AutoReplyKind, Phrase | None]:
    """Who left comes first: such a text often says also that the person "is not in the office".

    Only a machine that answers, or a subject that says so, speaks for a person throughout its text: a newsletter may
    write of holidays.
    """
    if titled is None and origin is Origin.MAILING_LIST:
        return AutoReplyKind.OTHER, None
    answers = titled is not None or origin is Origin.ANSWERING_MACHINE
    judged, language = f"{heading}\n{text if answers else text[:_OPENING]}", language_of(text)
    if phrase := phrase_book().left.find(judged, preferring=language):
        return AutoReplyKind.LEFT_COMPANY, phrase
    if phrase := phrase_book().absent.find(judged, preferring=language):
        return AutoReplyKind.OUT_OF_OFFICE, phrase
    return AutoReplyKind.OTHER, titled or phrase_book().received.find(judged, preferring=language)


def _receipt(subject: str, text: str) -> Phrase | None:
    """A ticket system's receipt: its wording, with a number."""
    judged = plain(text[:_OPENING])
    phrase = phrase_book().received.find(f"{subject}\n{judged}")
    return phrase if phrase and (_TICKET.search(subject) or _TICKET.search(judged)) else None


def _evidence(phrase: Phrase | None, origin: Origin, line: str) -> Evidence:
    """A header with a phrase is as sure as it gets; a phrase alone is words."""
    if phrase is None:
        return Evidence(RuleName("machine-header"), Basis.STRUCTURE, line)
    if origin is Origin.ANSWERING_MACHINE:
        return Evidence(RuleName(f"header+phrase:{phrase.language}"), Basis.STRUCTURE, f"{line}; {phrase.words}")
    return Evidence(RuleName(f"phrase:{phrase.language}"), Basis.TEXT, phrase.words)
