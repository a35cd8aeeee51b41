"""Whose news a mail is: routed to the send that it is tied to, or parked with the reason.

Only what a verified tag or a known Message-ID ties to a send of this tenant may stop or suppress anything: bounces,
complaints and requests are easily forged. Belongs here: that decision. Does not: looking ties up (`sync_replies`).
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from outreach_pipelines.domain.delivery_event import DeliveryEvent, EventKind
from outreach_pipelines.domain.ids import EnrollmentId, MailboxId
from outreach_pipelines.domain.inbound.message import Complaint, DeliveryReport, InboundMessage, MessageKind, Unreadable
from outreach_pipelines.domain.inbound.ties import TagTie, Tie, ties_of, unsubscribe_tags
from outreach_pipelines.domain.inbound.verdict import ReportedAddress
from outreach_pipelines.domain.inbox_event import ForPeople, events_of
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.tenant import TenantId


class ParkReason(StrEnum):
    """Why a mail changes nothing by itself."""

    UNTIED = "untied"  # nothing in it names a send of this tenant
    FOREIGN_TAG = "foreign_tag"  # it names a send of another tenant
    NEVER_SENT = "never_sent"  # our tag, of an attempt that never began
    OWN_MAIL = "own_mail"  # one of the tenant's own mailboxes wrote it
    FOR_PEOPLE = "for_people"  # tied, and it says nothing that may be acted on


@dataclass(frozen=True, slots=True)
class TiedSend:
    """A send that happened, or may have. `recipient` is None once the person was erased."""

    about: MessageTag
    enrollment: EnrollmentId
    mailbox: MailboxId | None
    recipient: ReportedAddress | None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What the key and the store say of candidates: tags whose MAC is right, and ties that lead to a send."""

    tenant: TenantId
    tags: Mapping[WireTag, MessageTag]
    sends: Mapping[Tie, TiedSend]


@dataclass(frozen=True, slots=True)
class Routed:
    """News of a send. No events when it tells only what changes nothing, such as "relayed"."""

    send: TiedSend
    kind: MessageKind
    events: tuple[DeliveryEvent, ...]


@dataclass(frozen=True, slots=True)
class Parked:
    """Kept for people; nothing follows from it."""

    reason: ParkReason
    kind: MessageKind
    detail: str = ""
    send: TiedSend | None = None


Fate = Routed | Parked


def route(message: InboundMessage, confirmed: Confirmed, *, own_addresses: AbstractSet[str]) -> Fate:
    """The fate of one mail. `own_addresses` are the tenant's mailboxes, in lower case."""
    ties = ties_of(message.correlation)
    found = next(((tie, confirmed.sends[tie]) for tie in ties if tie in confirmed.sends), None)
    tie, send = found or (None, None)
    asks_to_stop = isinstance(tie, TagTie) and tie.tag in unsubscribe_tags(message.correlation)
    if _is_own(message, own_addresses) and not asks_to_stop:
        return Parked(ParkReason.OWN_MAIL, message.kind, send=send)
    if isinstance(message.content, Unreadable):
        return Parked(ParkReason.FOR_PEOPLE, message.kind, message.content.reason.value)
    if send is None:
        return Parked(_why_untied(ties, confirmed), message.kind)
    match events_of(message, recipient=send.recipient, asks_to_stop=asks_to_stop):
        case ForPeople(why):
            return Parked(ParkReason.FOR_PEOPLE, message.kind, why, send)
        case events:
            return Routed(send, MessageKind.UNSUBSCRIBE_REQUEST if _is_request(events) else message.kind, events)


def _is_request(events: tuple[DeliveryEvent, ...]) -> bool:
    """Mail to the unsubscribe address is counted as what it does."""
    return any(event.kind is EventKind.UNSUBSCRIBE_REQUESTED for event in events)


def _is_own(message: InboundMessage, own_addresses: AbstractSet[str]) -> bool:
    """Mail servers write reports in any name, also in ours."""
    if isinstance(message.content, DeliveryReport | Complaint) or message.sender is None:
        return False
    return message.sender.lower() in own_addresses


def _why_untied(ties: tuple[Tie, ...], confirmed: Confirmed) -> ParkReason:
    named = [confirmed.tags[tie.tag] for tie in ties if isinstance(tie, TagTie) and tie.tag in confirmed.tags]
    if any(tag.tenant != confirmed.tenant for tag in named):
        return ParkReason.FOREIGN_TAG
    return ParkReason.NEVER_SENT if named else ParkReason.UNTIED
