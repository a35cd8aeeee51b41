"""A made-up day of one tenant at any size: 14 zones, 30 % follow-ups tied to their mailbox, six throttled domains.

Belongs here: the snapshot. Does not: timing it.
"""

import random
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from datetime import datetime as moment
from datetime import time as wall_time
from hashlib import blake2b

from outreach_pipelines.domain.calendar import DailyHours, Weekday, WeeklyWindow
from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.place import CountryCode, ZoneName
from outreach_pipelines.domain.provider_account import ProviderKind
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.sending_policy import ContactPressure
from outreach_pipelines.domain.tenant import TenantId, TenantSlug

DAY = date(2026, 3, 10)  # a Tuesday; of these zones only America has changed its clocks two days before
ZONES = tuple(
    ZoneName(name)
    for name in (
        "America/New_York", "America/Chicago", "America/Los_Angeles", "America/St_Johns", "America/Sao_Paulo",
        "Europe/London", "Europe/Berlin", "Europe/Athens", "Asia/Dubai", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo",
        "Australia/Sydney", "Pacific/Auckland",
    )
)  # fmt: skip
WORKDAYS = frozenset(Weekday) - {Weekday.SATURDAY, Weekday.SUNDAY}
MAILBOXES_OF_DOMAIN = 4
COMPANY_SIZE = 7
BIG_DOMAINS = 6
BIG_DOMAIN_SHARE = 50
"""One lead in so many belongs to each big domain."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a day is. A throttled one has a cap on its six big recipient domains at a fifth of their leads."""

    candidates: int
    mailboxes: int
    pools: int
    throttled: bool = True
    seed: int = 7


def snapshot(size: Size) -> s.Snapshot:
    """The same one for the same size, in every process."""
    rng = random.Random(size.seed)  # noqa: S311 - test data
    boxes = [_mailbox(number, rng) for number in range(1, size.mailboxes + 1)]
    campaigns = _campaigns(size.pools)
    version = s.SourceVersion("1")
    return s.Snapshot(
        tenant_id=TenantId(size.seed),
        tenant_slug=TenantSlug("acme"),
        day=DAY,
        as_of=moment(2026, 3, 9, 22, tzinfo=UTC),
        seed=size.seed,
        versions=s.Versions(version, version, version, version),
        policy=_policy(size),
        countries=(s.Country(CountryCode("DE"), ZoneName("Europe/Berlin"), frozenset({date(2026, 4, 3)})),),
        domains=_domains(-(-size.mailboxes // MAILBOXES_OF_DOMAIN), size.pools),
        mailboxes=tuple(boxes),
        accounts=_accounts(),
        campaigns=campaigns,
        candidates=tuple(_candidate(n, rng, size, campaigns) for n in range(1, size.candidates + 1)),
        used_today=s.UsedToday(),
    )


def _key(kind: str, number: int) -> str:
    return blake2b(f"{kind}{number}".encode(), digest_size=32).hexdigest()


def _accounts() -> tuple[s.Account, ...]:
    every = frozenset({LawfulBasis.CONSENT, LawfulBasis.CONTRACT})
    return (
        s.Account(s.AccountId(1), ProviderKind.SES, every, 40_000),
        s.Account(s.AccountId(2), ProviderKind.SMTP, every | {LawfulBasis.LEGITIMATE_INTEREST}, None),
    )


def _domains(count: int, pools: int) -> tuple[s.SendingDomain, ...]:
    ready = tuple(s.AccountReadiness(s.AccountId(n), s.ReadinessState.READY, "") for n in (1, 2))
    weights = (s.ProviderWeight(s.RecipientProvider.GOOGLE, 80),)
    return tuple(
        s.SendingDomain(s.DomainId(n), f"d{n}.example", s.PoolId(n % pools + 1), ready, 200, 0, weights)
        for n in range(1, count + 1)
    )


def _mailbox(number: int, rng: random.Random) -> s.Mailbox:
    ramping = rng.random() < 0.1
    yesterday = moment(2026, 3, 9, 13, tzinfo=UTC)
    sent = 10 if ramping else 40
    return s.Mailbox(
        id=s.MailboxId(number),
        domain_id=s.DomainId((number - 1) // MAILBOXES_OF_DOMAIN + 1),
        zone=ZONES[number % len(ZONES)],
        hours=None,
        state=s.MailboxState.RAMPING if ramping else s.MailboxState.ACTIVE,
        daily_cap=12 if ramping else 40,
        min_spacing=120,
        max_spacing=300,
        hold=None,
        health=rng.randint(40, 100),
        sends_by_day=(s.DaySends(DAY - timedelta(days=1), sent),),
        new_leads_today=0,
        other_sends=tuple(yesterday + timedelta(seconds=300 * n) for n in range(sent)),
        follow_ups_ahead=tuple(rng.randint(0, 8) for _ in range(10)),
        account_ids=(s.AccountId(1), s.AccountId(2)),
        inbox_readable=True,
    )


def _campaigns(pools: int) -> tuple[s.Campaign, ...]:
    window = WeeklyWindow(WORKDAYS, DailyHours(wall_time(9), wall_time(17)))
    variants = tuple(s.Variant(s.VariantName(name), s.ContentHash(_key(name, 0))) for name in "AB")
    steps = tuple(s.Step(number, 3, variants) for number in (1, 2, 3))
    facts = {"has_postal_address": True, "has_unsubscribe": True}
    return tuple(
        s.Campaign(
            s.CampaignId(n), s.PoolId((n - 1) % pools + 1), CampaignState.ACTIVE, 1, n % 3 + 1, None, window, steps, frozenset(), **facts
        )
        for n in range(1, 2 * pools + 1)
    )  # fmt: skip


def _candidate(number: int, rng: random.Random, size: Size, campaigns: tuple[s.Campaign, ...]) -> s.Candidate:
    follow_up = rng.random() < 0.3
    blocked = rng.random() < 0.03
    big = number % BIG_DOMAIN_SHARE
    company = number // COMPANY_SIZE
    return s.Candidate(
        enrollment_id=s.EnrollmentId(number),
        lead_id=s.LeadId(number),
        campaign_id=rng.choice(campaigns).id,
        step=rng.choice((2, 3)) if follow_up else 1,
        round=1,
        recipient=s.RecipientKey(_key("person", number)),
        recipient_domain=s.RecipientDomainKey(_key("big", big) if big < BIG_DOMAINS else _key("domain", company)),
        company=None if big < BIG_DOMAINS else s.CompanyKey(_key("company", company)),
        provider=rng.choice(tuple(s.RecipientProvider)),
        zone=rng.choice(ZONES),
        country=CountryCode("DE"),
        basis=rng.choice((LawfulBasis.CONSENT, LawfulBasis.CONTRACT, LawfulBasis.LEGITIMATE_INTEREST)),
        sticky_mailbox=s.MailboxId(rng.randint(1, size.mailboxes)) if follow_up else None,
        due_day=DAY - timedelta(days=rng.randint(0, 2)),
        verified=rng.random() < 0.7,
        engaged=rng.random() < 0.2,
        missing_fields=frozenset(),
        recent_contacts=0,
        block=s.Unsubscribed(DAY - timedelta(days=9)) if blocked else None,
    )


def _policy(size: Size) -> s.PlanPolicy:
    return s.PlanPolicy(
        zone=ZoneName("Europe/Berlin"),
        holiday_countries=(CountryCode("DE"),),
        daily_cap=None,
        minute_cap=max(60, size.candidates // 60),
        quiet_hours=DailyHours(wall_time(20), wall_time(8)),
        weekend=frozenset({Weekday.SATURDAY, Weekday.SUNDAY}),
        contact_pressure=ContactPressure(),
        company_daily_cap=5,
        recipient_domain_daily_cap=max(10, size.candidates // BIG_DOMAIN_SHARE // 5) if size.throttled else None,
        recipient_provider_caps=(),
        longest_follow_up_wait=5,
        verified_only=False,
    )
