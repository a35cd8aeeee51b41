"""The sending side of a snapshot as it stands in a file: domains, mailboxes, accounts.

Belongs here: the form. Does not: to whom they send (`candidate_document`).
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from outreach_pipelines.proof.plan_check.form import Basis, Count, DailyHours, Document, Limit, Percent, Provider


class AccountReadiness(Document):
    """Whether a domain may send through an account."""

    account_id: int
    state: Literal["ready", "not_ready", "unknown"]
    reason: str
    """A sentence; empty when ready."""


class ProviderWeight(Document):
    """Health of (domain x recipient provider); 0 takes no new leads."""

    provider: Provider
    weight: Percent


class SendingDomain(Document):
    """A sending domain of one pool."""

    id: int
    name: str
    pool_id: int
    readiness: tuple[AccountReadiness, ...]
    """An account that is not listed is unknown."""
    daily_cap: Limit
    sent_today: Count
    """Sent or kept today before this plan, all its mailboxes together."""
    health: tuple[ProviderWeight, ...]
    """A provider that is not listed has 100."""


class Hold(Document):
    """A back-off in force."""

    factor: Annotated[str, Field(pattern=r"^(?:0|1|[0-9]+/[0-9]+)$")]
    """The share of the cap that is left, 0 to 1, as a fraction like 1/2."""
    reason: str


class ProviderHold(Document):
    """A back-off on what a mailbox sends to the recipients of one provider."""

    provider: Provider
    hold: Hold


class PathHold(Document):
    """A back-off on what a mailbox sends through one account."""

    account_id: int
    hold: Hold


class DaySends(Document):
    """Messages that left, or are planned, on a date of the mailbox's zone."""

    day: date
    count: Count


class Mailbox(Document):
    """A sending mailbox."""

    id: int
    domain_id: int
    zone: str
    hours: DailyHours | None
    """Its own hours, on its own clock; null is always."""
    state: Literal["ramping", "active", "resting", "retired"]
    daily_cap: Limit
    """Already ramped; counted by its local date and, times 5/4, over any 24 hours."""
    min_spacing: Annotated[int, Field(ge=1, le=86_400)]
    """Seconds."""
    max_spacing: Annotated[int, Field(ge=1, le=86_400)]
    """Seconds."""
    hold: Hold | None
    health: Percent
    """0 takes no new leads."""
    sends_by_day: tuple[DaySends, ...]
    new_leads_today: Count
    other_sends: tuple[AwareDatetime, ...]
    """Everything sent, claimed or planned that this plan does not replace, from a day before to a day after."""
    follow_ups_ahead: tuple[Count, ...]
    """The n-th is the number of follow-ups due n business days after the plan's day, from 1."""
    account_ids: tuple[int, ...]
    """In the order of preference."""
    inbox_readable: bool
    provider_holds: tuple[ProviderHold, ...] = ()
    """Left out where there is none, as are all fields with a default."""
    path_holds: tuple[PathHold, ...] = ()


class Account(Document):
    """An account with a mail provider."""

    id: int
    kind: Literal["ses", "mailgun", "postmark", "smtp"]
    allowed_basis: tuple[Basis, ...]
    """Lawful bases that its terms allow."""
    share_left: Limit
    """What the tenant may still send through it today."""
    hold: Hold | None = None
    """On all that the tenant sends through it."""
