"""The sending side of a snapshot: domains, mailboxes and provider accounts, with what holds them back today.

Not here: to whom they send (`candidate`), and how much of it all a tenant allows itself (`snapshot`).
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction

from outreach_pipelines.domain.calendar import DailyHours
from outreach_pipelines.domain.ids import AccountId, DomainId, MailboxId, PoolId
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.provider_account import ProviderKind
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.send_plan.json_form import SELDOM


class MailboxState(StrEnum):
    """`resting` sends nothing for now, `retired` never again."""

    RAMPING = "ramping"
    ACTIVE = "active"
    RESTING = "resting"
    RETIRED = "retired"


class ReadinessState(StrEnum):
    """What the DNS audit last knew of a domain with an account; unknown is never ready and never missing."""

    READY = "ready"
    NOT_READY = "not_ready"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AccountReadiness:
    """Whether a domain may send through an account; `reason` is a sentence for people, empty when ready."""

    account_id: AccountId
    state: ReadinessState
    reason: str


@dataclass(frozen=True, slots=True)
class ProviderWeight:
    """Health of (domain x recipient provider), 0 to 100; 0 takes no new leads."""

    provider: RecipientProvider
    weight: int


@dataclass(frozen=True, slots=True)
class SendingDomain:
    """A sending domain of one pool. A provider without a weight counts as 100."""

    id: DomainId
    name: str
    pool_id: PoolId
    readiness: tuple[AccountReadiness, ...]
    daily_cap: int | None
    sent_today: int
    health: tuple[ProviderWeight, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """A back-off in force: the share of the cap that is left, 0 to 1, and its sentence."""

    factor: Fraction
    reason: str


@dataclass(frozen=True, slots=True)
class ProviderHold:
    """A hold on what a mailbox sends to the recipients of one provider."""

    provider: RecipientProvider
    hold: Hold


@dataclass(frozen=True, slots=True)
class PathHold:
    """A hold on what a mailbox sends through one account."""

    account_id: AccountId
    hold: Hold


@dataclass(frozen=True, slots=True)
class DaySends:
    """Messages that left, or are planned, on a date of the mailbox's zone."""

    day: date
    count: int


@dataclass(frozen=True, slots=True)
class Mailbox:
    """`daily_cap` is already ramped. `other_sends` are the times of everything sent, claimed or planned that this plan
    does not replace, from a day before to a day after (rolling 24 hours, spacing). `follow_ups_ahead[i]` is the
    number of follow-ups that fall due i + 1 business days after the plan's day. `health` 0 takes no new leads."""

    id: MailboxId
    domain_id: DomainId
    zone: ZoneName
    hours: DailyHours | None
    state: MailboxState
    daily_cap: int | None
    min_spacing: int
    max_spacing: int
    hold: Hold | None
    health: int
    sends_by_day: tuple[DaySends, ...]
    new_leads_today: int
    other_sends: tuple[datetime, ...]
    follow_ups_ahead: tuple[int, ...]
    account_ids: tuple[AccountId, ...]
    inbox_readable: bool
    provider_holds: tuple[ProviderHold, ...] = field(default=(), metadata=SELDOM)
    path_holds: tuple[PathHold, ...] = field(default=(), metadata=SELDOM)


@dataclass(frozen=True, slots=True)
class Account:
    """`share_left` is what the tenant may still send through it today; `hold` is the tenant's own or that of all."""

    id: AccountId
    kind: ProviderKind
    allowed_basis: frozenset[LawfulBasis]
    share_left: int | None
    hold: Hold | None = field(default=None, metadata=SELDOM)
