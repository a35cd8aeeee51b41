"""The system under proof in memory: rows, store, events and doubt, made from a schedule.

Belongs here: founding a tenant, re-planning it, and the hands of people and operators. Does not: the send protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach_pipelines.domain.ids import AccountId, EnrollmentId, MailboxId
from outreach_pipelines.domain.message import OPEN_STATES, MessageEvent, MessageId, MessageState, PlanId
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.proof.journal import CountedEvent, FinalMessage, MessageFacts
from outreach_pipelines.proof.memory_doubt import MemoryDoubt
from outreach_pipelines.proof.memory_events import MemoryEvents
from outreach_pipelines.proof.memory_store import MemoryStore
from outreach_pipelines.proof.rows import (
    ACCEPTED_ONCE_OR_MORE,
    CERTAINLY_NOT_SENT,
    AccountRow,
    AttemptOutcome,
    Clocks,
    EnrollmentRow,
    HoldRow,
    MailboxRow,
    MessageRow,
    PlanStatus,
    SendKeyName,
    Tables,
)
from outreach_pipelines.proof.schedule import Placement, Schedule
from outreach_pipelines.proof.system import LAST_PROVEN

ACCOUNT = AccountId(1)
FIRST_PLAN = PlanId(1)
_REPLACEABLE = frozenset({MessageState.PLANNED, MessageState.RETRY_WAIT, MessageState.EXPIRED, MessageState.CANCELLED})


@dataclass(slots=True)
class MemorySystem:
    """`System` over `tables`. The parts may be mutants of the ones named here."""

    tables: Tables
    messages: MemoryStore
    events: MemoryEvents
    doubts: MemoryDoubt
    plan: PlanId = FIRST_PLAN
    patience: float = 1.0

    @property
    def tenant(self) -> TenantId:
        """See `System.tenant`."""
        return self.tables.tenant

    @property
    def proofs(self) -> MemoryStore:
        """See `System.proofs`."""
        return self.messages

    @property
    def inbox(self) -> MemoryEvents:
        """See `System.inbox`."""
        return self.events

    def address(self, person: int) -> str:
        """See `System.address`."""
        return self.tables.enrollments[EnrollmentId(person)].address

    def facts(self, message: MessageId) -> MessageFacts:
        """See `System.facts`."""
        row = self.tables.messages[message]
        return MessageFacts(self.address(row.enrollment), row.mailbox, row.step > 1, row.due_at, row.window_end)

    def unsubscribe(self, person: int) -> None:
        """See `System.unsubscribe`."""
        enrollment = self.tables.enrollments[EnrollmentId(person)]
        self.tables.suppressed[enrollment.hmac] = "unsubscribe"
        enrollment.state = "unsubscribed"

    def reply(self, person: int) -> None:
        """See `System.reply`."""
        enrollment = self.tables.enrollments[EnrollmentId(person)]
        if enrollment.state in ("active", "finished"):
            enrollment.state = "replied"

    def lower_cap(self, mailbox: int, cap: int) -> None:
        """See `System.lower_cap`."""
        box = self.tables.mailboxes[MailboxId(mailbox)]
        box.daily_cap = min(box.daily_cap, cap)

    def hold(self, until: datetime) -> None:
        """See `System.hold`."""
        self.tables.holds.append(HoldRow("tenant", "operator", until))

    def raise_epoch(self) -> None:
        """See `System.raise_epoch`."""
        self.tables.epoch += 1

    def read_inbox(self) -> None:
        """See `System.read_inbox`."""
        now = self.tables.clocks.machine()
        for box in self.tables.mailboxes.values():
            box.inbox_read_at = now
        for account in self.tables.accounts.values():
            if account.kind == "smtp":
                account.proven_at = now

    def replan(self, *, moved: int, dropped: int, later: timedelta) -> None:
        """See `System.replan`; `functions/060_release_plan.sql`."""
        old, self.plan = self.plan, PlanId(self.plan + 1)
        self.tables.plans[old], self.tables.plans[self.plan] = PlanStatus.REVOKED, PlanStatus.RELEASED
        for message in list(self.tables.current.values()):
            row = self.tables.messages[message]
            if row.state is MessageState.CLAIMED:
                row.plan = self.plan
            elif row.enrollment == dropped:
                self._give_way(row)
            elif row.enrollment == moved:
                self._move(row, later)
            elif row.state in (MessageState.PLANNED, MessageState.RETRY_WAIT):
                row.plan = self.plan

    def _may_be_replaced(self, row: MessageRow) -> bool:
        attempts = self.tables.attempts_of(row.id)
        return row.state in _REPLACEABLE and all(each.outcome in CERTAINLY_NOT_SENT for each in attempts)

    def _give_way(self, row: MessageRow) -> None:
        if self._may_be_replaced(row) and row.state in (MessageState.PLANNED, MessageState.RETRY_WAIT):
            row.happens(MessageEvent.SUPERSEDE, self.tables.clocks.machine(), "another plan took its place")

    def _move(self, row: MessageRow, later: timedelta) -> None:
        if not self._may_be_replaced(row):
            return
        row.happens(MessageEvent.SUPERSEDE, self.tables.clocks.machine(), "another plan took its place")
        due = row.due_at + later
        new = MessageRow(
            MessageId(len(self.tables.messages) + 1), row.key, self.plan, row.enrollment, row.step, row.mailbox,
            row.accounts, due, row.window_end + later, due,
        )  # fmt: skip
        self.tables.messages[new.id] = new
        self.tables.current[new.key] = new.id

    def is_quiet(self) -> bool:
        """See `System.is_quiet`."""
        return not self.events.waiting and all(row.state not in OPEN_STATES for row in self.tables.messages.values())

    def final_messages(self) -> Sequence[FinalMessage]:
        """See `System.final_messages`."""
        return [self._final(row) for row in self.tables.messages.values()]

    def _final(self, row: MessageRow) -> FinalMessage:
        outcomes = [each.outcome for each in self.tables.attempts_of(row.id)]
        return FinalMessage(
            message=row.id,
            recipient=self.address(row.enrollment),
            state=row.state,
            current=self.tables.current[row.key] == row.id,
            attempts=len(outcomes),
            accepted=sum(each in ACCEPTED_ONCE_OR_MORE for each in outcomes),
            twice=outcomes.count(AttemptOutcome.ACCEPTED_TWICE),
            released_on_absence=row.released_on_absence,
        )

    def counted_events(self) -> Sequence[CountedEvent]:
        """See `System.counted_events`."""
        return [CountedEvent(message, kind, times) for (message, kind), times in self.events.counted.items()]

    def close(self) -> None:
        """See `System.close`."""


Parts = tuple[type[MemoryStore], type[MemoryEvents], type[MemoryDoubt]]


def found_in_memory(
    schedule: Schedule,
    clocks: Clocks,
    parts: Parts = (MemoryStore, MemoryEvents, MemoryDoubt),
) -> MemorySystem:
    """A tenant as the schedule plans it, at the moment at which its world begins."""
    start = clocks.policy()
    tables = Tables(TenantId(1), clocks, start.date(), plans={PlanId(1): PlanStatus.RELEASED}, heartbeat_at=start)
    tables.accounts[ACCOUNT] = AccountRow(ACCOUNT, schedule.kind, proven_at=start - LAST_PROVEN)
    for number in range(schedule.mailboxes):
        box = MailboxId(number)
        gap = timedelta(seconds=schedule.gap)
        tables.mailboxes[box] = MailboxRow(box, f"box{number}@sender.example", schedule.cap, gap, start)
    for number, placement in enumerate(schedule.placements):
        _place(tables, number, placement, start)
    store, events, doubt = parts
    applied = events(tables)
    return MemorySystem(tables, store(tables), applied, doubt(tables, applied))


def _place(tables: Tables, number: int, placement: Placement, start: datetime) -> None:
    person, step = EnrollmentId(number), 2 if placement.follow_up else 1
    tables.enrollments[person] = EnrollmentRow(
        person, f"person{number}@example.test", bytes([number]) * 32, step, first_was_accepted=placement.follow_up
    )
    due = start + timedelta(seconds=placement.due)
    message, key = MessageId(number + 1), SendKeyName(f"{number}:{step}")
    tables.current[key] = message
    tables.messages[message] = MessageRow(
        message, key, PlanId(1), person, step, MailboxId(placement.mailbox), (ACCOUNT,), due,
        start + timedelta(seconds=placement.window), due,
    )  # fmt: skip
