"""Mail that is tied to a send, as the delivery events it tells.

Belongs here: which content is which event. Does not: what ties a mail to a send (`inbox_route`), what an event does
(`delivery_event`), the reading of the mail (`inbound`).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import assert_never

from outreach_pipelines.domain.delivery_event import BounceFacts, DeliveryEvent, EventKind
from outreach_pipelines.domain.inbound.message import (
    AutoReply,
    AutoReplyKind,
    Challenge,
    Complaint,
    DeliveryReport,
    DispositionNotice,
    FeedbackNotice,
    HumanReply,
    InboundMessage,
    Unreadable,
    UnsubscribeRequest,
)
from outreach_pipelines.domain.inbound.verdict import (
    Action,
    BounceClass,
    Confidence,
    RecipientVerdict,
    ReportedAddress,
)

LONGEST_DIAGNOSTIC = 500


@dataclass(frozen=True, slots=True)
class ForPeople:
    """It says nothing that may be acted on without a person."""

    why: str


def events_of(
    message: InboundMessage, *, recipient: ReportedAddress | None, asks_to_stop: bool
) -> tuple[DeliveryEvent, ...] | ForPeople:
    """What `message` tells of the send it is tied to. `recipient` is whom that send went to, None once erased.

    `asks_to_stop`: it came to the send's unsubscribe address, which is a request whatever it says.
    """
    match message.content:
        case DeliveryReport(recipients=recipients):
            return _of_report(message, _about(recipients, recipient))
        case Complaint():
            return (_event(message, EventKind.COMPLAINED),)
        case Unreadable(reason=reason):
            return ForPeople(f"unreadable: {reason.value}")
        case _ if asks_to_stop:
            return (_event(message, EventKind.UNSUBSCRIBE_REQUESTED),)
        case AutoReply(reply=reply, until=until):
            return (_event(message, _AUTO_REPLIES[reply], away_until=_last_day_away(until)),)
        case UnsubscribeRequest():
            return (_event(message, EventKind.UNSUBSCRIBE_REQUESTED),)
        case HumanReply():
            return (_event(message, EventKind.REPLIED),)
        case FeedbackNotice() | DispositionNotice():
            return ForPeople("notice")
        case Challenge():
            return ForPeople("challenge")
        case _:
            assert_never(message.content)


_AUTO_REPLIES = {
    AutoReplyKind.OUT_OF_OFFICE: EventKind.OUT_OF_OFFICE,
    AutoReplyKind.LEFT_COMPANY: EventKind.LEFT_COMPANY,
    AutoReplyKind.OTHER: EventKind.AUTO_REPLIED,
}
_ACTIONS = {
    Action.FAILED: EventKind.BOUNCED,
    Action.DELAYED: EventKind.DELAYED,
    Action.DELIVERED: EventKind.DELIVERED,
    # Handed to a system that reports nothing, or to a list: neither arrival nor failure (RFC 3464 section 2.3.3).
    Action.RELAYED: None,
    Action.EXPANDED: None,
}


def _about(verdicts: Sequence[RecipientVerdict], recipient: ReportedAddress | None) -> Sequence[RecipientVerdict]:
    """Those on the recipient we wrote to where the report names it: behind a list, one member's failure is not its own."""
    own = [each for each in verdicts if recipient and each.address and each.address.lower() == recipient.lower()]
    return own or verdicts


def _of_report(message: InboundMessage, verdicts: Iterable[RecipientVerdict]) -> tuple[DeliveryEvent, ...]:
    """One event a recipient; of several reports on one, failure comes before delay."""
    by_address: dict[str, RecipientVerdict] = {}
    for each in sorted(verdicts, key=lambda each: list(Action).index(each.action)):
        by_address.setdefault((each.address or "").lower(), each)
    told = ((address, _ACTIONS[each.action], each) for address, each in by_address.items())
    return tuple(_of_verdict(message, kind, address, each) for address, kind, each in told if kind is not None)


def _of_verdict(message: InboundMessage, kind: EventKind, address: str, verdict: RecipientVerdict) -> DeliveryEvent:
    if kind is EventKind.BOUNCED and verdict.verdict.bounce_class is BounceClass.NOT_A_FAILURE:
        kind = EventKind.AUTO_REPLIED
    bounce = None if kind is EventKind.DELIVERED else _facts(verdict)
    return _event(message, kind, address=address, bounce=bounce)


def _facts(each: RecipientVerdict) -> BounceFacts:
    """A guess condemns nobody: an unsure hard bounce counts as one whose reason is not known, and is a person's to judge."""
    verdict = each.verdict
    code = "" if each.enhanced_code is None else str(each.enhanced_code)
    diagnostic = plain_unicode(each.diagnostic)[:LONGEST_DIAGNOSTIC]
    if verdict.bounce_class is BounceClass.HARD and verdict.confidence is Confidence.LOW:
        return BounceFacts(BounceClass.UNKNOWN, None, code, diagnostic, f"unsure: {verdict.evidence.rule}")
    return BounceFacts(verdict.bounce_class, verdict.cause, code, diagnostic, verdict.evidence.rule)


def _event(
    message: InboundMessage,
    kind: EventKind,
    *,
    address: str = "",
    bounce: BounceFacts | None = None,
    away_until: date | None = None,
) -> DeliveryEvent:
    # Without the kind: the same mail under better rules is still the same news.
    key = hashlib.blake2b(f"{message.digest}|{address}".encode("utf-8", "replace"), digest_size=16).hexdigest()
    return DeliveryEvent(f"imap:{key}", kind, message.received_at, bounce=bounce, away_until=away_until)


def _last_day_away(first_day_back: date | None) -> date | None:
    return None if first_day_back is None else first_day_back - timedelta(days=1)


def plain_unicode(text: str) -> str:
    """Without NUL and lone surrogates, which databases and JSON refuse."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
