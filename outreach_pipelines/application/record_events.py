"""Apply what waits in a tenant's event inbox: each event once, in any order, whatever crashes.

Belongs here: reading, deciding, writing. Does not: what an event does (`domain.delivery_event`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from outreach_pipelines.domain.delivery_event import DeliveryEvent, Effect, effect_of
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.tenant import TenantId


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """A row of the inbox that belongs to a message of this tenant."""

    event_id: int
    source: str
    about: MessageTag
    event: DeliveryEvent


@dataclass(frozen=True, slots=True)
class AppliedEvent:
    """A waiting event with its effect, ready to be written."""

    waiting: WaitingEvent
    effect: Effect


@dataclass(slots=True)
class RecordedEvents:
    """Events applied by kind, and how many were known before."""

    applied: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    suppressed: int = 0
    unmatched: int = 0


class EventStore(Protocol):
    """The inbox and what events change, one tenant and one transaction at a time."""

    def apply_next(
        self, tenant: TenantId, decide: Callable[[Sequence[WaitingEvent]], Sequence[AppliedEvent]], *, most: int
    ) -> RecordedEvents | None:
        """Take up to `most` waiting events, let `decide` say what they do, write that and remove them, all in one transaction.

        None when nothing waited. An event about a message that does not exist yet stays, and is tried again later.
        """
        ...


def record_events(store: EventStore, *, tenant: TenantId, batches: int = 50, most: int = 200) -> RecordedEvents:
    """Apply what waits, in bounded batches. Repeating it changes nothing."""
    total = RecordedEvents()
    for _ in range(batches):
        done = store.apply_next(tenant, _decide, most=most)
        if done is None:
            break
        total.applied += done.applied
        total.repeated += done.repeated
        total.suppressed += done.suppressed
        total.unmatched += done.unmatched
    return total


def _decide(waiting: Sequence[WaitingEvent]) -> Sequence[AppliedEvent]:
    return [AppliedEvent(each, effect_of(each.event)) for each in waiting]
