"""The rows that the send protocol reads and writes, in memory.

Belongs here: what the tables of a tenant hold, as far as a send asks for it. Does not: what may happen to them
(`memory_store`, `intent_rules`, `memory_events`, `memory_doubt`).
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol

from outreach_pipelines.domain.ids import AccountId, EnrollmentId, MailboxId
from outreach_pipelines.domain.letter import ClaimToken
from outreach_pipelines.domain.message import Ignored, MessageEvent, MessageId, MessageState, PlanId, advance
from outreach_pipelines.domain.tenant import TenantId

SendKeyName = NewType("SendKeyName", str)


class Clocks(Protocol):
    """The two clocks of the protocol, aware, UTC."""

    def machine(self) -> datetime:
        """Leases, retries, freshness, doubt."""
        ...

    def policy(self) -> datetime:
        """Slots, windows, pace, caps."""
        ...


class AttemptOutcome(StrEnum):
    """What is known of one attempt."""

    OPEN = "open"
    ACCEPTED = "accepted"
    ACCEPTED_TWICE = "accepted_twice"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    IN_DOUBT = "in_doubt"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class PlanStatus(StrEnum):
    """T1 claims from released plans only."""

    DRAFT = "draft"
    RELEASED = "released"
    REVOKED = "revoked"


CERTAINLY_NOT_SENT = frozenset({AttemptOutcome.REFUSED, AttemptOutcome.NOT_SENT, AttemptOutcome.ABSENT})
ACCEPTED_ONCE_OR_MORE = frozenset({AttemptOutcome.ACCEPTED, AttemptOutcome.ACCEPTED_TWICE})


@dataclass(slots=True)
class MessageRow:
    """One message of a plan. Its state changes through `happens` alone."""

    id: MessageId
    key: SendKeyName
    plan: PlanId
    enrollment: EnrollmentId
    step: int
    mailbox: MailboxId
    accounts: tuple[AccountId, ...]
    due_at: datetime
    window_end: datetime
    not_before: datetime
    state: MessageState = MessageState.PLANNED
    state_at: datetime | None = None
    reason: str | None = None
    attempt: int = 0
    token: ClaimToken | None = None
    lease_until: datetime | None = None
    retry_at: datetime | None = None
    released_on_absence: int = 0

    def happens(self, event: MessageEvent, at: datetime, reason: str | None = None) -> bool:
        """Move by the one table of transitions; False when the event changes nothing here. Ends claim and retry wait."""
        after = advance(self.state, event)
        if isinstance(after, Ignored):
            return False
        self.state, self.state_at, self.reason = after, at, reason
        self.retry_at = None
        if after not in (MessageState.CLAIMED, MessageState.SENDING):
            self.token = self.lease_until = None
        return True


@dataclass(slots=True)
class AttemptRow:
    """One T2: `begun_at` is machine time, `begun_policy_at` policy time."""

    message: MessageId
    number: int
    account: AccountId
    mailbox: MailboxId
    begun_at: datetime
    begun_policy_at: datetime
    outcome: AttemptOutcome = AttemptOutcome.OPEN


@dataclass(slots=True)
class EnrollmentRow:
    """One person in one sequence; `hmac` names the address."""

    id: EnrollmentId
    address: str
    hmac: bytes
    step: int = 1
    state: str = "active"
    out_of_office_until: date | None = None
    undeliverable: bool = False
    first_was_accepted: bool = False
    soft_bounces: int = 0


@dataclass(slots=True)
class MailboxRow:
    """`inbox_read_at` is machine time; None where the mailbox has no inbox."""

    id: MailboxId
    address: str
    daily_cap: int
    gap: timedelta
    inbox_read_at: datetime | None
    state: str = "active"
    next_at: datetime | None = None
    sent: Counter[date] = field(default_factory=Counter)


@dataclass(slots=True)
class AccountRow:
    """A provider account; `proven_at` is machine time."""

    id: AccountId
    kind: str
    ready: bool = True
    basis_allowed: bool = True
    breaker_open_until: datetime | None = None
    proven_at: datetime | None = None


@dataclass(slots=True)
class ProbeRow:
    """A probe of an account's way back, written down before it is sent; machine times. `believed`: the queue was empty then."""

    id: int
    account: AccountId
    intended_at: datetime
    home_at: datetime | None = None
    believed: bool = False


@dataclass(slots=True)
class HoldRow:
    """`scope` as app.hold spells it; `until` is policy time."""

    scope: str
    reason: str
    until: datetime | None
    factor: float = 0.0


@dataclass(slots=True)
class Limits:
    """The tenant's own limits; None is no limit."""

    rolling_factor: float = 1.25
    minute_cap: int | None = None
    daily_cap: int | None = None


@dataclass(slots=True)
class Tables:
    """One tenant's rows, and the few that no tenant owns."""

    tenant: TenantId
    clocks: Clocks
    day: date
    messages: dict[MessageId, MessageRow] = field(default_factory=dict)
    attempts: dict[tuple[MessageId, int], AttemptRow] = field(default_factory=dict)
    current: dict[SendKeyName, MessageId] = field(default_factory=dict)
    plans: dict[PlanId, PlanStatus] = field(default_factory=dict)
    enrollments: dict[EnrollmentId, EnrollmentRow] = field(default_factory=dict)
    mailboxes: dict[MailboxId, MailboxRow] = field(default_factory=dict)
    accounts: dict[AccountId, AccountRow] = field(default_factory=dict)
    probes: dict[int, ProbeRow] = field(default_factory=dict)
    suppressed: dict[bytes, str] = field(default_factory=dict)
    holds: list[HoldRow] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    minute_taken: Counter[datetime] = field(default_factory=Counter)
    day_taken: Counter[date] = field(default_factory=Counter)
    tenant_paused: bool = False
    campaign_active: bool = True
    epoch: int = 1
    heartbeat_at: datetime | None = None

    def note_probe(self, account: AccountId) -> ProbeRow:
        """A probe, written down before it is sent, as a message's intent is."""
        probe = ProbeRow(len(self.probes) + 1, account, self.clocks.machine())
        self.probes[probe.id] = probe
        return probe

    def attempts_of(self, message: MessageId) -> list[AttemptRow]:
        """All attempts of one message, in order."""
        return [row for (of, _), row in self.attempts.items() if of == message]

    def accepted_before(self, message: MessageRow) -> bool:
        """Whether an attempt of it, or of the message its key points to now, was accepted."""
        ids = {message.id, self.current[message.key]}
        return any(row.outcome is AttemptOutcome.ACCEPTED for row in self.attempts.values() if row.message in ids)
