"""What is on record about one person or one message, as the tables tell it, and the port that reads it.

Times: `recorded_at` is the machine's and puts a story in order; other times are policy time unless they say otherwise.
Both are one clock in production and two where policy time is stepped.

Belongs here: facts. Does not: how they are told (`explain`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from outreach_pipelines.domain.address import AddressHash
from outreach_pipelines.domain.message import MessageId, MessageState
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.tenant import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A line of a file that named the person, with the basis stated when they first came."""

    recorded_at: datetime
    file: str
    line: int
    basis: str
    evidence: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A line of a file that named the person and became no lead."""

    recorded_at: datetime
    file: str
    line: int
    reason: str
    detail: str
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A person's way through a campaign as it stands; `state_at` is machine time."""

    recorded_at: datetime
    enrollment: int
    campaign: str
    round: int
    step: int
    due_day: date | None
    mailbox: str | None
    state: str
    reason: str | None
    out_of_office_until: date | None
    state_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What one version of a day's plan decided about an enrollment. `binding` None: placed at `due_at`."""

    recorded_at: datetime
    day: date
    version: int
    status: str
    campaign: str
    step: int
    binding: Constraint | None
    found: Sequence[Constraint]
    detail: str
    ends: str | None
    mailbox: str | None
    due_at: datetime | None
    message_id: MessageId | None
    kept_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """A message and the state it is in since `recorded_at`.

    `closed_ways`: where it found no account to leave by, each that its domain is not ready for, with what audits say now.
    """

    recorded_at: datetime
    message_id: MessageId
    plan_day: date
    campaign: str
    step: int
    variant: str
    mailbox: str
    due_at: datetime
    window_start: datetime
    window_end: datetime
    not_before: datetime
    state: MessageState
    reason: str | None
    outcome: str | None
    wire_message_id: str | None
    domain: str
    closed_ways: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to a provider: begun, and what it came to."""

    recorded_at: datetime
    message_id: MessageId
    attempt: int
    account: str
    account_kind: str
    tag: str
    begun_at: datetime
    outcome: str
    ended_at: datetime | None
    provider_message_id: str | None
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """News about a message that was applied."""

    recorded_at: datetime
    message_id: MessageId
    attempt: int | None
    kind: str
    source: str
    bounce_class: str | None
    cause: str | None
    enhanced_code: str | None
    diagnostic: str | None
    evidence: str | None
    occurred_at: datetime
    policy_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMail:
    """Mail in an inbox that belongs to the person's sequence."""

    recorded_at: datetime
    inbox: str
    folder: str
    mail_class: str
    park_reason: str | None
    confidence: str
    evidence: str
    object_key: str
    reply_text: str | None
    out_of_office_until: date | None
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """Why the person, or everybody at their domain, is not written to."""

    recorded_at: datetime
    scope: str
    subject: str
    kind: str
    source: str
    created_at: datetime
    expires_at: datetime | None
    lifted_at: datetime | None
    lifted_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A hold that slowed or stopped a message of the story in its window.

    `factor` is the share of the cap it leaves until `until`, `probation_factor` that from then to its release.
    """

    recorded_at: datetime
    scope_key: str
    factor: float
    probation_factor: float
    level: str
    reason: str
    since: datetime
    until: datetime | None
    released_at: datetime | None
    released_reason: str | None


Fact = Origin | RefusedRow | Enrolled | Decided | MessageRecord | Attempt | Event | InboundMail | Suppressed | Held


@dataclass(frozen=True, slots=True)
class Recorded:
    """All facts, in any order. `stepped`: policy time is stepped by a driver, so the two clocks differ."""

    facts: tuple[Fact, ...]
    stepped: bool


class StoryReader(Protocol):
    """Reads what is on record of one tenant, as one moment sees it."""

    def about_address(self, tenant: TenantId, hmac: AddressHash, address: str | None) -> Recorded:
        """All about a person. With the address itself, refused rows that name it are found too."""
        ...

    def about_message(self, tenant: TenantId, plan_day: date | None, message: MessageId) -> Recorded | None:
        """All that bears on one message; None when there is no such message (of that plan day)."""
        ...
