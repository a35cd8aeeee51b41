"""One raw message to one classified event: the order in which the readers are asked.

Structure before words, machines before people: feedback report, delivery report, disposition notice, bounce in words,
a client's unsubscribe, challenge, automatic answer, and then what a person wrote.
"""

import hashlib
from dataclasses import replace
from datetime import date, datetime

from outreach_pipelines.domain.inbound.arf import read_feedback_report
from outreach_pipelines.domain.inbound.auto_reply import read_auto_reply
from outreach_pipelines.domain.inbound.challenge import read_challenge
from outreach_pipelines.domain.inbound.correlation import correlation_of
from outreach_pipelines.domain.inbound.dsn import read_delivery_report
from outreach_pipelines.domain.inbound.language import language_of
from outreach_pipelines.domain.inbound.message import (
    NOTHING_DECIDED,
    AutoReply,
    Challenge,
    Content,
    ContentDigest,
    Correlation,
    DispositionNotice,
    HumanReply,
    InboundMessage,
    Unreadable,
    UnreadableReason,
    UnsubscribeRequest,
)
from outreach_pipelines.domain.inbound.part_text import addresses_in, first_text, header_text, text_of
from outreach_pipelines.domain.inbound.reply_text import Reply, read_reply
from outreach_pipelines.domain.inbound.structure import Part, Report, read_structure
from outreach_pipelines.domain.inbound.unsubscribe import unsubscribe_by_subject, unsubscribe_by_text
from outreach_pipelines.domain.inbound.verdict import Basis, Evidence, RuleName
from outreach_pipelines.domain.inbound.worded_bounce import read_worded_bounce

_DISPOSITION_TYPES = (Report.DISPOSITION.value, Report.GLOBAL_DISPOSITION.value)


def classify(raw: bytes, received_at: datetime) -> InboundMessage:
    """What the message `raw`, taken in at `received_at` (aware), is and says.

    Never raises for what a message holds: over a cap, or too tangled to read, it is `Unreadable` with its reason.
    """
    message = read_structure(raw)
    if isinstance(message, Unreadable):
        return _unreadable(raw, received_at, message)
    try:
        return _classified(message, raw, received_at)
    except RecursionError:
        return _unreadable(raw, received_at, Unreadable(UnreadableReason.DEFEATED_READER))


def _classified(message: Part, raw: bytes, received_at: datetime) -> InboundMessage:
    return InboundMessage(
        digest=_digest(raw),
        received_at=received_at,
        sender=next(iter(addresses_in(header_text(message.header("from")))), None),
        subject=header_text(message.header("subject"))[:1_000],
        correlation=correlation_of(message),
        content=_content(message, received_at.date()),
    )


def _content(message: Part, received: date) -> Content:
    return (
        read_feedback_report(message)
        or read_delivery_report(message)
        or _disposition_notice(message)
        or read_worded_bounce(message)
        or _in_words(message, received)
    )


def _in_words(message: Part, received: date) -> Content:
    """Judged by the author's own words; what is kept of the text is what a person reads."""
    reply = read_reply(first_text(message))
    said = _said(message, reply.own, received)
    return replace(said, text=reply.shown) if said else _of_person(reply)


def _of_person(reply: Reply) -> HumanReply:
    opening = replace(NOTHING_DECIDED, line=reply.own.partition("\n")[0][:200])
    return HumanReply(reply.shown, language=language_of(reply.own), evidence=opening)


def _said(message: Part, own: str, received: date) -> UnsubscribeRequest | Challenge | AutoReply | None:
    return (
        unsubscribe_by_subject(message, own)
        or read_challenge(message, own)
        or read_auto_reply(message, own, received=received)
        or unsubscribe_by_text(own)
    )


def _disposition_notice(message: Part) -> DispositionNotice | None:
    for part in message.walk():
        if part.content_type in _DISPOSITION_TYPES:
            return DispositionNotice(Evidence(RuleName("mdn"), Basis.STRUCTURE, text_of(part)[:500]))
    return None


def _unreadable(raw: bytes, received_at: datetime, content: Unreadable) -> InboundMessage:
    return InboundMessage(
        digest=_digest(raw),
        received_at=received_at,
        sender=None,
        subject="",
        correlation=Correlation(),
        content=content,
    )


def _digest(raw: bytes) -> ContentDigest:
    return ContentDigest(hashlib.sha256(raw).hexdigest())
