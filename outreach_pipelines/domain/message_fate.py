"""The fate of a message from all the news of it at once: what merging them one by one comes to.

Belongs here: that sum, for when one of them turns out never to have been. Does not: what an event does (`delivery_event`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from outreach_pipelines.domain.delivery_event import DeliveryEvent, EventKind, MessageOutcome, effect_of


@dataclass(frozen=True, slots=True)
class MessageFate:
    """The strongest outcome, and when each kind of news first came."""

    outcome: MessageOutcome | None
    delivered_at: datetime | None
    bounced_at: datetime | None
    complained_at: datetime | None
    replied_at: datetime | None
    unsubscribed_at: datetime | None


def fate_of(events: Iterable[DeliveryEvent]) -> MessageFate:
    """Any order gives the same. A refusal of an attempt that was not the last is none of its message's fate: leave it out."""
    known = list(events)
    outcomes = [effect.outcome for effect in map(effect_of, known) if effect.outcome is not None]
    return MessageFate(
        max(outcomes, key=lambda each: each.rank, default=None),
        _first(known, EventKind.DELIVERED),
        _first(known, EventKind.BOUNCED, EventKind.REFUSED),
        _first(known, EventKind.COMPLAINED),
        _first(known, EventKind.REPLIED),
        _first(known, EventKind.UNSUBSCRIBE_REQUESTED),
    )


def _first(events: Iterable[DeliveryEvent], *kinds: EventKind) -> datetime | None:
    return min((event.occurred_at for event in events if event.kind in kinds), default=None)
