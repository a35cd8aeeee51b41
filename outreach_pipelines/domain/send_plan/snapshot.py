"""What a plan is made from: every fact of one tenant's day, frozen, without names or addresses of persons.

Here belong the values the planner reads. Not here: where they come from (`application`), how they are written as JSON
(`codec`), whether they are sound (`faults`). Persons appear as ids and HMACs only, so that a stored snapshot survives
an erasure. `None` for a limit means unlimited; 0 means none at all.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import NewType

from outreach_pipelines.domain.calendar import DailyHours, Weekday, WeeklyWindow
from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.lead import FieldName, LawfulBasis
from outreach_pipelines.domain.place import CountryCode, ZoneName
from outreach_pipelines.domain.provider_account import ProviderKind
from outreach_pipelines.domain.sending_policy import ContactPressure
from outreach_pipelines.domain.suppression import SuppressionKind
from outreach_pipelines.domain.tenant import TenantId, TenantSlug

MailboxId = NewType("MailboxId", int)
DomainId = NewType("DomainId", int)
CampaignId = NewType("CampaignId", int)
EnrollmentId = NewType("EnrollmentId", int)
LeadId = NewType("LeadId", int)
AccountId = NewType("AccountId", int)
PoolId = NewType("PoolId", int)
RecipientKey = NewType("RecipientKey", str)
"""HMAC of the canonical address, lower-case hex."""
RecipientDomainKey = NewType("RecipientDomainKey", str)
CompanyKey = NewType("CompanyKey", str)
VariantName = NewType("VariantName", str)
ContentHash = NewType("ContentHash", str)
SourceVersion = NewType("SourceVersion", str)


class RecipientProvider(StrEnum):
    """Who runs the recipient's mail, as its MX tells."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"
    YAHOO = "yahoo"
    OTHER = "other"


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


@dataclass(frozen=True, slots=True)
class Account:
    """`share_left` is what the tenant may still send through it today."""

    id: AccountId
    kind: ProviderKind
    allowed_basis: frozenset[LawfulBasis]
    share_left: int | None


@dataclass(frozen=True, slots=True)
class Variant:
    """One wording of a step."""

    name: VariantName
    content: ContentHash


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


@dataclass(frozen=True, slots=True)
class Suppressed:
    """In a suppression of any scope that covers this message."""

    kind: SuppressionKind
    on: date


@dataclass(frozen=True, slots=True)
class Bounced:
    """The address answered with a hard bounce."""

    on: date


@dataclass(frozen=True, slots=True)
class Replied:
    """The person, or by policy the company, answered."""

    on: date


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The person asked for no more."""

    on: date


@dataclass(frozen=True, slots=True)
class Away:
    """Out of office; `until` is the last day of absence."""

    until: date


@dataclass(frozen=True, slots=True)
class Erased:
    """The person was erased; the row is here so that its decision says so."""

    on: date


Block = Suppressed | Bounced | Replied | Unsubscribed | Away | Erased


@dataclass(frozen=True, slots=True)
class Candidate:
    """One message that might be sent: the next step of an enrollment. `sticky_mailbox` holds the thread's first
    mailbox, None until something was sent. `recent_contacts` counts messages to the person in the period of contact
    pressure that ends with the plan's day. `company` is None where a domain is no company (free mail)."""

    enrollment_id: EnrollmentId
    lead_id: LeadId
    campaign_id: CampaignId
    step: int
    round: int
    recipient: RecipientKey
    recipient_domain: RecipientDomainKey
    company: CompanyKey | None
    provider: RecipientProvider
    zone: ZoneName | None
    country: CountryCode | None
    basis: LawfulBasis
    sticky_mailbox: MailboxId | None
    due_day: date
    verified: bool
    engaged: bool
    missing_fields: frozenset[FieldName]
    recent_contacts: int
    block: Block | None


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
