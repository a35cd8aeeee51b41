"""What came back about one attempt, from whatever feed, and what it does.

Belongs here: the one value that SES events, refusals and mail from inboxes become, and its effects. Does not: how a feed
spells it (`ses_event`, `inbound`), nor the writing of effects (`adapters/postgres/event_store.py`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import assert_never

from outreach_pipelines.domain.back_off.verdict import CountsAgainst, counts_against
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, Cause, HardCause, SoftCause
from outreach_pipelines.domain.suppression import SuppressionKind


class EventKind(StrEnum):
    """What is said to have happened."""

    SENT = "sent"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    REJECTED = "rejected"  # by the provider, after it had accepted
    REFUSED = "refused"  # by the answer to our own call
    REPLIED = "replied"
    OUT_OF_OFFICE = "out_of_office"
    LEFT_COMPANY = "left_company"
    AUTO_REPLIED = "auto_replied"
    UNSUBSCRIBE_REQUESTED = "unsubscribe_requested"
    OPENED = "opened"
    CLICKED = "clicked"


class MessageOutcome(StrEnum):
    """The best known fate of an accepted message, weakest first: a later, weaker event never replaces a stronger one."""

    SOFT_BOUNCED = "soft_bounced"
    DELIVERED = "delivered"
    BLOCKED = "blocked"
    HARD_BOUNCED = "hard_bounced"
    REJECTED = "rejected"
    COMPLAINED = "complained"

    @property
    def rank(self) -> int:
        """Higher wins, so that any order of events gives the same row."""
        return list(MessageOutcome).index(self) + 1


@dataclass(frozen=True, slots=True)
class BounceFacts:
    """A verdict on a recipient as it is stored: class, cause, code and words."""

    bounce_class: BounceClass
    cause: Cause | None
    enhanced_code: str
    diagnostic: str
    evidence: str


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """One event about one attempt; `dedupe_key` is equal for what a feed repeats."""

    dedupe_key: str
    kind: EventKind
    occurred_at: datetime
    bounce: BounceFacts | None = None
    provider_message_id: str | None = None
    away_until: date | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What an event does to message, recipient and enrollment. `acceptance`: it proves that the provider took the attempt."""

    acceptance: bool
    outcome: MessageOutcome | None = None
    suppress: SuppressionKind | None = None
    delays_next_step: bool = False
    stops_sequence: str | None = None
    away_until: date | None = None


_NO_ACCEPTANCE = frozenset({EventKind.REFUSED})


def effect_of(event: DeliveryEvent) -> Effect:
    """Pure and total. Only what is tied to a send reaches this: forged or foreign news was parked before."""
    acceptance = event.kind not in _NO_ACCEPTANCE
    match event.kind:
        case EventKind.DELIVERED:
            return Effect(acceptance, MessageOutcome.DELIVERED)
        case EventKind.REJECTED:
            return Effect(acceptance, MessageOutcome.REJECTED, stops_sequence="finished")
        case EventKind.COMPLAINED:
            return Effect(acceptance, MessageOutcome.COMPLAINED, suppress=SuppressionKind.COMPLAINT)
        case EventKind.UNSUBSCRIBE_REQUESTED:
            return Effect(acceptance, suppress=SuppressionKind.UNSUBSCRIBE)
        case EventKind.REPLIED:
            return Effect(acceptance, stops_sequence="replied")
        case EventKind.LEFT_COMPANY:
            return Effect(acceptance, stops_sequence="finished")
        case EventKind.OUT_OF_OFFICE:
            return Effect(acceptance, delays_next_step=event.away_until is None, away_until=event.away_until)
        case EventKind.BOUNCED | EventKind.REFUSED:
            # What bounced is not sent again, and the next step comes later instead. A refusal stopped this very step.
            return _bounce_effect(event.bounce, acceptance=acceptance, delays=event.kind is EventKind.BOUNCED)
        case EventKind.SENT | EventKind.DELAYED | EventKind.AUTO_REPLIED | EventKind.OPENED | EventKind.CLICKED:
            return Effect(acceptance)
    assert_never(event.kind)


def _bounce_effect(bounce: BounceFacts | None, *, acceptance: bool, delays: bool) -> Effect:
    if bounce is None:
        return Effect(acceptance)
    match bounce.bounce_class:
        case BounceClass.HARD if counts_against(bounce.bounce_class, bounce.cause) is CountsAgainst.RECIPIENT:
            return Effect(acceptance, MessageOutcome.HARD_BOUNCED, suppress=SuppressionKind.HARD_BOUNCE)
        case BounceClass.BLOCK | BounceClass.RATE_LIMITED:
            return Effect(acceptance, MessageOutcome.BLOCKED, delays_next_step=delays)
        case BounceClass.SOFT | BounceClass.FULL | BounceClass.GREYLISTED | BounceClass.UNKNOWN | BounceClass.HARD:
            return Effect(acceptance, MessageOutcome.SOFT_BOUNCED, delays_next_step=delays)
        case BounceClass.NOT_A_FAILURE:
            return Effect(acceptance)
    assert_never(bounce.bounce_class)


def cause_name(cause: Cause | None) -> str | None:
    """The stored name of a cause."""
    return None if cause is None else cause.value


def cause_named(bounce_class: BounceClass, name: str | None) -> Cause | None:
    """The cause of a stored name; the class says which family it is of."""
    if name is None:
        return None
    match bounce_class:
        case BounceClass.HARD:
            return HardCause(name)
        case BounceClass.BLOCK:
            return BlockCause(name)
        case _:
            return SoftCause(name)
