"""A plan as it stands in a file: every field with its meaning and unit.

Belongs here: the form, and the names of the constraints in their order of power. Does not: whether a plan is right.
"""

from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import AwareDatetime, Field

from outreach_pipelines.proof.plan_check.form import Count, Document

Constraint = Literal[
    "past_day",
    "suppressed",
    "bounced",
    "replied",
    "company_replied",
    "unsubscribed",
    "out_of_office",
    "erased",
    "undeliverable",
    "unverified",
    "no_mailbox",
    "basis_not_covered",
    "domain_not_ready",
    "domain_unknown",
    "no_postal_address",
    "no_unsubscribe",
    "field_missing",
    "no_such_step",
    "same_message_twice",
    "campaign_not_active",
    "campaign_held",
    "lead_file_held",
    "not_due",
    "waited_too_long",
    "thread_unknown",
    "mailbox_retired",
    "mailbox_resting",
    "mailbox_held",
    "provider_held",
    "path_held",
    "inbox_unreadable",
    "health",
    "zone_unknown",
    "window",
    "quiet_hours",
    "weekend",
    "holiday",
    "mailbox_hours",
    "mailbox_cap",
    "new_lead_budget",
    "slowed",
    "rolling_cap",
    "domain_cap",
    "tenant_daily_cap",
    "tenant_minute_cap",
    "account_share",
    "recipient_domain_cap",
    "recipient_provider_cap",
    "company_cap",
    "contact_pressure",
    "spacing",
]
POWER: dict[str, int] = {name: place for place, name in enumerate(get_args(Constraint))}
"""0 is the strongest: a decision names the strongest that binds."""
LAST_BEFORE_SLOTS = POWER["holiday"]
"""Up to here a candidate is refused before anybody looks for a slot."""

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Placement(Document):
    """One message: due at `due_at`, to leave inside the recipient's window."""

    enrollment_id: int
    lead_id: int
    campaign_id: int
    step: Annotated[int, Field(ge=1)]
    mailbox_id: int
    due_at: AwareDatetime
    window_start: AwareDatetime
    window_end: AwareDatetime
    """Exclusive."""
    variant: str
    account_ids: tuple[int, ...]
    """Through the first of these that works."""


class Decision(Document):
    """Why a candidate is placed or not."""

    enrollment_id: int
    lead_id: int
    campaign_id: int
    step: Annotated[int, Field(ge=1)]
    bound_by: Constraint | None
    """The first binding constraint; null when placed."""
    found: tuple[Constraint, ...]
    """Every constraint found against it, strongest first."""
    looked_through: Constraint
    """The last constraint examined, in the order of power."""
    detail: str
    """A sentence."""
    ends: str | None
    """Why its sequence ends here; null when it goes on."""


class ConstraintCount(Document):
    """How many candidates a constraint kept back."""

    constraint: Constraint
    candidates: Count


class PoolDay(Document):
    """A pool's day."""

    pool_id: int
    mailboxes: Count
    usable_mailboxes: Count
    room: Count | None
    """What its mailboxes may send today before limits of domains and tenant; null is unlimited."""
    new_lead_budget: Count | None
    """The part that follow-ups of the coming days leave for new leads; null is unlimited."""
    follow_ups_waiting: Count
    new_leads_waiting: Count
    placed: Count


class Breakdown(Document):
    """How many go out, and why not more: `candidates` is `placed` plus all of `not_placed`."""

    candidates: Count
    placed: Count
    follow_ups_placed: Count
    new_leads_placed: Count
    not_placed: tuple[ConstraintCount, ...]
    sequences_ended: Count
    pools: tuple[PoolDay, ...]


class PlanDocument(Document):
    """The plan of one tenant's day: placements, a decision for every candidate, and the day in numbers."""

    tenant_id: int
    day: date
    planner_version: str
    snapshot_hash: Hash
    """BLAKE2b-256 (RFC 7693) of the snapshot's canonical JSON."""
    plan_hash: Hash
    """BLAKE2b-256 of this document's canonical JSON with an empty `plan_hash`."""
    placements: tuple[Placement, ...]
    decisions: tuple[Decision, ...]
    breakdown: Breakdown
