"""A snapshot as it stands in a file: every field with its meaning, unit and range.

Belongs here: the form. Does not: whether the facts fit together (`reading`), nor what a plan may do with them.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from outreach_pipelines.proof.plan_check.candidate_document import Candidate
from outreach_pipelines.proof.plan_check.form import Count, DailyHours, Document, Hmac, Limit, Provider, Weekday
from outreach_pipelines.proof.plan_check.sender_document import Account, Hold, Mailbox, SendingDomain


class Versions(Document):
    """What the snapshot was read with."""

    zone_data: str
    """Version of the zone table (IANA tzdata)."""
    holiday_data: str
    """Version of the public holidays."""
    policy: str
    """Version of the tenant's policy."""
    health: str
    """Version of the formula that scored mailboxes."""


class Country(Document):
    """A country of recipients."""

    code: str
    """ISO 3166-1 alpha-2."""
    zone: str | None
    """IANA zone of its recipients; null where a country spans several and none stands for it."""
    holidays: tuple[date, ...]
    """Public holidays near the plan's day."""


class ProviderCap(Document):
    """Messages a day to the recipients of one provider."""

    provider: Provider
    daily_cap: Count


class ContactPressure(Document):
    """At most so many messages to one person in so many days, over all campaigns."""

    messages: Count
    days: Annotated[int, Field(ge=1)]


class Policy(Document):
    """The tenant's rules. null is unlimited, 0 is none at all."""

    zone: str
    """IANA zone; its date is the plan's day."""
    holiday_countries: tuple[str, ...]
    """Countries whose holidays are no business days of the tenant."""
    daily_cap: Limit
    minute_cap: Limit
    quiet_hours: DailyHours | None
    """Of the recipient's clock."""
    weekend: Annotated[tuple[Weekday, ...], Field(max_length=6)]
    """Monday is 0."""
    contact_pressure: ContactPressure | None
    company_daily_cap: Limit
    recipient_domain_daily_cap: Limit
    recipient_provider_caps: tuple[ProviderCap, ...]
    longest_follow_up_wait: Count
    """Business days after which a thread that found no slot ends."""
    verified_only: bool


class WeeklyWindow(Document):
    """Hours that open on some weekdays. A window over midnight belongs to the day on which it opens."""

    weekdays: tuple[Weekday, ...]
    hours: DailyHours


class Variant(Document):
    """One wording of a step."""

    name: str
    content: str
    """Hash of the content."""
    weight: Annotated[int, Field(ge=1)] = 1
    """Of the people of a step, it goes to its weight's share."""


class Step(Document):
    """A step of a sequence, numbered from 1."""

    number: Annotated[int, Field(ge=1)]
    delay_business_days: Count
    """Business days of the tenant before it."""
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]


class Campaign(Document):
    """Lower `priority` goes first; among equals, new leads are taken in by `share`."""

    id: int
    pool_id: int
    state: Literal["draft", "active", "paused", "finished"]
    priority: int
    share: Annotated[int, Field(ge=1)]
    zone: str | None
    """For recipients whose own zone and country say nothing."""
    window: WeeklyWindow
    steps: tuple[Step, ...]
    required_fields: tuple[str, ...]
    has_postal_address: bool
    has_unsubscribe: bool
    hold: Hold | None = None
    """On all of its messages. Left out where there is none."""


class LeadFileHold(Document):
    """A back-off on the people who came with one lead file."""

    lead_file: int
    hold: Hold
    enrollments: tuple[int, ...]


class DomainUse(Document):
    """Messages sent or kept today to one recipient domain."""

    recipient_domain: Hmac
    count: Count


class CompanyUse(Document):
    """Messages sent or kept today to one company."""

    company: Hmac
    count: Count


class ProviderUse(Document):
    """Messages sent or kept today to the recipients of one provider."""

    provider: Provider
    count: Count


class UsedToday(Document):
    """What the tenant has used of the day's limits before this plan."""

    recipient_domains: tuple[DomainUse, ...]
    companies: tuple[CompanyUse, ...]
    providers: tuple[ProviderUse, ...]


class SnapshotDocument(Document):
    """Every fact from which the plan of one tenant's day is made. Times are UTC in whole seconds."""

    tenant_id: int
    tenant_slug: str
    day: date
    """A date of the tenant's zone."""
    as_of: AwareDatetime
    """No slot lies before."""
    seed: int
    versions: Versions
    policy: Policy
    countries: tuple[Country, ...]
    domains: tuple[SendingDomain, ...]
    mailboxes: tuple[Mailbox, ...]
    accounts: tuple[Account, ...]
    campaigns: tuple[Campaign, ...]
    candidates: tuple[Candidate, ...]
    used_today: UsedToday
    lead_file_holds: tuple[LeadFileHold, ...] = ()
    """Left out where there is none."""
