"""What planning yields: placements, a decision for every candidate, and the day's numbers.

Here belong the result and the order of power of its reasons. Not here: how they come about.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple, NewType

from outreach_pipelines.domain.send_plan.snapshot import (
    AccountId,
    CampaignId,
    EnrollmentId,
    LeadId,
    MailboxId,
    PoolId,
    VariantName,
)
from outreach_pipelines.domain.sequence import EndReason
from outreach_pipelines.domain.tenant import TenantId

PlanHash = NewType("PlanHash", str)
SnapshotHash = NewType("SnapshotHash", str)
PlannerVersion = NewType("PlannerVersion", str)


class Constraint(StrEnum):
    """What can keep a message from being placed, strongest first: a decision names the first that binds."""

    PAST_DAY = "past_day"
    SUPPRESSED = "suppressed"
    BOUNCED = "bounced"
    REPLIED = "replied"
    COMPANY_REPLIED = "company_replied"
    UNSUBSCRIBED = "unsubscribed"
    OUT_OF_OFFICE = "out_of_office"
    ERASED = "erased"
    UNDELIVERABLE = "undeliverable"
    UNVERIFIED = "unverified"
    NO_MAILBOX = "no_mailbox"
    BASIS_NOT_COVERED = "basis_not_covered"
    DOMAIN_NOT_READY = "domain_not_ready"
    DOMAIN_UNKNOWN = "domain_unknown"
    NO_POSTAL_ADDRESS = "no_postal_address"
    NO_UNSUBSCRIBE = "no_unsubscribe"
    FIELD_MISSING = "field_missing"
    NO_SUCH_STEP = "no_such_step"
    SAME_MESSAGE_TWICE = "same_message_twice"
    CAMPAIGN_NOT_ACTIVE = "campaign_not_active"
    CAMPAIGN_HELD = "campaign_held"
    LEAD_FILE_HELD = "lead_file_held"
    NOT_DUE = "not_due"
    WAITED_TOO_LONG = "waited_too_long"
    THREAD_UNKNOWN = "thread_unknown"
    MAILBOX_RETIRED = "mailbox_retired"
    MAILBOX_RESTING = "mailbox_resting"
    MAILBOX_HELD = "mailbox_held"
    PROVIDER_HELD = "provider_held"
    PATH_HELD = "path_held"
    INBOX_UNREADABLE = "inbox_unreadable"
    HEALTH = "health"
    ZONE_UNKNOWN = "zone_unknown"
    WINDOW = "window"
    QUIET_HOURS = "quiet_hours"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    MAILBOX_HOURS = "mailbox_hours"
    MAILBOX_CAP = "mailbox_cap"
    NEW_LEAD_BUDGET = "new_lead_budget"
    SLOWED = "slowed"
    ROLLING_CAP = "rolling_cap"
    DOMAIN_CAP = "domain_cap"
    TENANT_DAILY_CAP = "tenant_daily_cap"
    TENANT_MINUTE_CAP = "tenant_minute_cap"
    ACCOUNT_SHARE = "account_share"
    RECIPIENT_DOMAIN_CAP = "recipient_domain_cap"
    RECIPIENT_PROVIDER_CAP = "recipient_provider_cap"
    COMPANY_CAP = "company_cap"
    CONTACT_PRESSURE = "contact_pressure"
    SPACING = "spacing"


ORDER_OF_POWER: tuple[Constraint, ...] = tuple(Constraint)
_POWER = {constraint: index for index, constraint in enumerate(ORDER_OF_POWER)}


def power(constraint: Constraint) -> int:
    """0 is the strongest."""
    return _POWER[constraint]


# Placements and decisions are named tuples: of a large day there are a hundred thousand, and a frozen dataclass takes
# three times as long to make.
class Placement(NamedTuple):
    """One message: due at `due_at`, to leave inside the recipient's window, through the first of `account_ids` that
    works. All times are UTC in whole seconds; `window_end` is exclusive."""

    enrollment_id: EnrollmentId
    lead_id: LeadId
    campaign_id: CampaignId
    step: int
    mailbox_id: MailboxId
    due_at: datetime
    window_start: datetime
    window_end: datetime
    variant: VariantName
    account_ids: tuple[AccountId, ...]


class Decision(NamedTuple):
    """Why a candidate is placed (`bound_by` None) or not. `found` holds every constraint found against it, strongest
    first; `looked_through` is the last one examined. `ends`: its sequence ends here. `detail` is a sentence."""

    enrollment_id: EnrollmentId
    lead_id: LeadId
    campaign_id: CampaignId
    step: int
    bound_by: Constraint | None
    found: tuple[Constraint, ...]
    looked_through: Constraint
    detail: str
    ends: EndReason | None

    @property
    def looked_at(self) -> tuple[Constraint, ...]:
        """The constraints examined, in the order of power."""
        return ORDER_OF_POWER[: ORDER_OF_POWER.index(self.looked_through) + 1]


@dataclass(frozen=True, slots=True)
class PoolDay:
    """A pool's day. `room` is what its mailboxes may send today before domain and tenant limits, `new_lead_budget` the
    part that follow-ups of the coming days leave for new leads; both None when unlimited."""

    pool_id: PoolId
    mailboxes: int
    usable_mailboxes: int
    room: int | None
    new_lead_budget: int | None
    follow_ups_waiting: int
    new_leads_waiting: int
    placed: int


@dataclass(frozen=True, slots=True)
class ConstraintCount:
    """How many candidates a constraint kept back."""

    constraint: Constraint
    candidates: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """How many go out, and why not more: `candidates` is `placed` plus all of `not_placed`."""

    candidates: int
    placed: int
    follow_ups_placed: int
    new_leads_placed: int
    not_placed: tuple[ConstraintCount, ...]
    sequences_ended: int
    pools: tuple[PoolDay, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Same snapshot, same plan, byte for byte. `plan_hash` covers everything but itself."""

    tenant_id: TenantId
    day: date
    planner_version: PlannerVersion
    snapshot_hash: SnapshotHash
    plan_hash: PlanHash
    placements: tuple[Placement, ...]
    decisions: tuple[Decision, ...]
    breakdown: Breakdown
