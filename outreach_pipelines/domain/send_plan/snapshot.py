"""What a plan is made from: every fact of one tenant's day, frozen, without names or addresses of persons.

Here belong the values the planner reads; the two largest kinds lie in `senders` and `candidate` and are named here too.
Not here: where they come from (`application`), how they are written as JSON (`codec`), whether they are sound
(`faults`). Persons appear as ids and HMACs only, so that a stored snapshot survives an erasure. `None` for a limit
means unlimited; 0 means none at all.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NewType

from outreach_pipelines.domain.back_off.scope import LeadFileId
from outreach_pipelines.domain.calendar import DailyHours, Weekday, WeeklyWindow
from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.ids import AccountId, CampaignId, DomainId, EnrollmentId, LeadId, MailboxId, PoolId
from outreach_pipelines.domain.lead import FieldName
from outreach_pipelines.domain.place import CountryCode, ZoneName
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.send_plan.candidate import (
    Away,
    Block,
    Bounced,
    Candidate,
    CompanyKey,
    CompanyReplied,
    Erased,
    RecipientDomainKey,
    RecipientKey,
    Replied,
    Suppressed,
    Undeliverable,
    Unsubscribed,
)
from outreach_pipelines.domain.send_plan.json_form import SELDOM
from outreach_pipelines.domain.send_plan.senders import (
    Account,
    AccountReadiness,
    DaySends,
    Hold,
    Mailbox,
    MailboxState,
    PathHold,
    ProviderHold,
    ProviderWeight,
    ReadinessState,
    SendingDomain,
)
from outreach_pipelines.domain.sending_policy import ContactPressure
from outreach_pipelines.domain.tenant import TenantId, TenantSlug

__all__ = [
    "Account",
    "AccountId",
    "AccountReadiness",
    "Away",
    "Block",
    "Bounced",
    "Campaign",
    "CampaignId",
    "Candidate",
    "CompanyKey",
    "CompanyReplied",
    "CompanyUse",
    "ContentHash",
    "Country",
    "DaySends",
    "DomainId",
    "DomainUse",
    "EnrollmentId",
    "Erased",
    "Hold",
    "LeadFileHold",
    "LeadFileId",
    "LeadId",
    "Mailbox",
    "MailboxId",
    "MailboxState",
    "PathHold",
    "PlanPolicy",
    "PoolId",
    "ProviderCap",
    "ProviderHold",
    "ProviderUse",
    "ProviderWeight",
    "ReadinessState",
    "RecipientDomainKey",
    "RecipientKey",
    "RecipientProvider",
    "Replied",
    "SendingDomain",
    "Snapshot",
    "SourceVersion",
    "Step",
    "Suppressed",
    "Undeliverable",
    "Unsubscribed",
    "UsedToday",
    "Variant",
    "VariantName",
    "Versions",
]

VariantName = NewType("VariantName", str)
ContentHash = NewType("ContentHash", str)
SourceVersion = NewType("SourceVersion", str)


@dataclass(frozen=True, slots=True)
class Versions:
    """What the snapshot was read with: a changed holiday calendar or zone table must be visible in the hash."""

    zone_data: SourceVersion
    holiday_data: SourceVersion
    policy: SourceVersion
    health: SourceVersion


@dataclass(frozen=True, slots=True)
class Country:
    """Default zone (None where a country spans several and none stands for it) and public holidays near the day."""

    code: CountryCode
    zone: ZoneName | None
    holidays: frozenset[date]


@dataclass(frozen=True, slots=True)
class ProviderCap:
    """Messages a day to the recipients of one provider."""

    provider: RecipientProvider
    daily_cap: int


@dataclass(frozen=True, slots=True)
class PlanPolicy:
    """The tenant's rules. `holiday_countries` make its own calendar; quiet hours are the recipient's."""

    zone: ZoneName
    holiday_countries: tuple[CountryCode, ...]
    daily_cap: int | None
    minute_cap: int | None
    quiet_hours: DailyHours | None
    weekend: frozenset[Weekday]
    contact_pressure: ContactPressure | None
    company_daily_cap: int | None
    recipient_domain_daily_cap: int | None
    recipient_provider_caps: tuple[ProviderCap, ...]
    longest_follow_up_wait: int
    verified_only: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """One wording of a step; of the people of a step, it goes to its weight's share."""

    name: VariantName
    content: ContentHash
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """Numbered from 1; the delay lies before it."""

    number: int
    delay_business_days: int
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Campaign:
    """Lower `priority` goes first; among equals, new leads are taken in by `share`."""

    id: CampaignId
    pool_id: PoolId
    state: CampaignState
    priority: int
    share: int
    zone: ZoneName | None
    window: WeeklyWindow
    steps: tuple[Step, ...]
    required_fields: frozenset[FieldName]
    has_postal_address: bool
    has_unsubscribe: bool
    hold: Hold | None = field(default=None, metadata=SELDOM)


@dataclass(frozen=True, slots=True)
class LeadFileHold:
    """A hold on the people of one lead file, and which enrollments they are."""

    lead_file: LeadFileId
    hold: Hold
    enrollments: tuple[EnrollmentId, ...]


@dataclass(frozen=True, slots=True)
class DomainUse:
    """Messages sent or kept today to one recipient domain."""

    recipient_domain: RecipientDomainKey
    count: int


@dataclass(frozen=True, slots=True)
class CompanyUse:
    """Messages sent or kept today to one company."""

    company: CompanyKey
    count: int


@dataclass(frozen=True, slots=True)
class ProviderUse:
    """Messages sent or kept today to the recipients of one provider."""

    provider: RecipientProvider
    count: int


@dataclass(frozen=True, slots=True)
class UsedToday:
    """What the tenant has used of the day's limits before this plan; all empty for a plan of tomorrow."""

    recipient_domains: tuple[DomainUse, ...] = ()
    companies: tuple[CompanyUse, ...] = ()
    providers: tuple[ProviderUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`day` is a date of the tenant's zone; slots lie at or after `as_of` (aware UTC, whole seconds)."""

    tenant_id: TenantId
    tenant_slug: TenantSlug
    day: date
    as_of: datetime
    seed: int
    versions: Versions
    policy: PlanPolicy
    countries: tuple[Country, ...]
    domains: tuple[SendingDomain, ...]
    mailboxes: tuple[Mailbox, ...]
    accounts: tuple[Account, ...]
    campaigns: tuple[Campaign, ...]
    candidates: tuple[Candidate, ...]
    used_today: UsedToday
    lead_file_holds: tuple[LeadFileHold, ...] = field(default=(), metadata=SELDOM)
