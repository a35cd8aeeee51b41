"""The event inbox and what events change, on rows in memory: `EventInbox` and `EventStore`.

Belongs here: each event once, in any order. Does not: what an event means (`domain.delivery_event`), nor the feed
(`providers`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from outreach_pipelines.application.ingest_events import InboxRow
from outreach_pipelines.application.record_events import AppliedEvent, RecordedEvents, WaitingEvent
from outreach_pipelines.domain.delivery_event import EventKind, MessageOutcome
from outreach_pipelines.domain.message import MessageEvent, MessageId
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.proof.memory_evidence import record_acceptance
from outreach_pipelines.proof.rows import Tables


@dataclass(slots=True)
class MemoryEvents:
    """`EventInbox` and `EventStore` over `tables`. `counted` holds how often each kind was counted for a message."""

    tables: Tables
    waiting: list[WaitingEvent] = field(default_factory=list)
    applied: set[str] = field(default_factory=set)
    counted: Counter[tuple[MessageId, EventKind]] = field(default_factory=Counter)
    _taken: int = 0

    def add(self, rows: Sequence[InboxRow]) -> None:
        """See `EventInbox.add`."""
        for row in rows:
            if row.owner is not None and row.item.event is not None:
                self._taken += 1
                self.waiting.append(WaitingEvent(self._taken, row.item.source, row.owner, row.item.event))

    def prove(self, canary: MessageTag) -> None:
        """See `EventInbox.prove`."""
        now, probe = self.tables.clocks.machine(), self.tables.probes[canary.message]
        probe.home_at = probe.home_at or now
        self.tables.accounts[probe.account].proven_at = now

    def apply_next(
        self, tenant: TenantId, decide: Callable[[Sequence[WaitingEvent]], Sequence[AppliedEvent]], *, most: int
    ) -> RecordedEvents | None:
        """See `EventStore.apply_next`."""
        del tenant
        if not self.waiting:
            return None
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        done = RecordedEvents()
        for event in decide(taken):
            if self.is_new(event):
                self._apply(event)
                done.applied[event.waiting.event.kind] += 1
            else:
                done.repeated += 1
        return done

    def is_new(self, event: AppliedEvent) -> bool:
        """Once for what a feed repeats."""
        key = event.waiting.event.dedupe_key
        if key in self.applied:
            return False
        self.applied.add(key)
        return True

    def _apply(self, event: AppliedEvent) -> None:
        about, kind = event.waiting.about, event.waiting.event.kind
        self.counted[about.message, kind] += 1
        if event.effect.acceptance:
            record_acceptance(self.tables, about.message, about.attempt, MessageEvent.ACCEPTANCE_SEEN)
        row = self.tables.messages[about.message]
        if event.effect.outcome is MessageOutcome.REJECTED:
            row.happens(MessageEvent.REJECTED_AFTER_ACCEPTANCE, self.tables.clocks.machine(), "rejected")
        enrollment = self.tables.enrollments[row.enrollment]
        if event.effect.suppress is not None:
            self.tables.suppressed.setdefault(enrollment.hmac, event.effect.suppress)
        if event.effect.stops_sequence is not None and enrollment.state == "active":
            enrollment.state = event.effect.stops_sequence
