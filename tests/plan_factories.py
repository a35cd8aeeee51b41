"""Small snapshots for tests of the planner: a sound one of everything, changed with `dataclasses.replace`."""

from datetime import UTC, date, datetime, time
from hashlib import blake2b
from typing import Any

from outreach_pipelines.domain.calendar import DailyHours, Weekday, WeeklyWindow
from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.place import CountryCode, ZoneName
from outreach_pipelines.domain.provider_account import ProviderKind
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.plan import Decision, Placement, Plan
from outreach_pipelines.domain.tenant import TenantId, TenantSlug

DAY = date(2026, 3, 10)  # a Tuesday
WEEKDAYS = frozenset({Weekday.MONDAY, Weekday.TUESDAY, Weekday.WEDNESDAY, Weekday.THURSDAY, Weekday.FRIDAY})
WEEKEND = frozenset({Weekday.SATURDAY, Weekday.SUNDAY})
BERLIN = ZoneName("Europe/Berlin")


def hmac(kind: str, number: int) -> str:
    return blake2b(f"{kind}{number}".encode(), digest_size=32).hexdigest()


def hours(start: str, end: str) -> DailyHours:
    return DailyHours(time.fromisoformat(start), time.fromisoformat(end))


def account(number: int = 1, **changes: Any) -> s.Account:
    row: dict[str, Any] = {
        "id": s.AccountId(number),
        "kind": ProviderKind.SMTP,
        "allowed_basis": frozenset({LawfulBasis.CONSENT}),
        "share_left": None,
    }
    return s.Account(**(row | changes))


def ready(*accounts: int) -> tuple[s.AccountReadiness, ...]:
    return tuple(s.AccountReadiness(s.AccountId(number), s.ReadinessState.READY, "") for number in accounts)


def domain(number: int = 1, **changes: Any) -> s.SendingDomain:
    row: dict[str, Any] = {
        "id": s.DomainId(number),
        "name": f"mail{number}.example",
        "pool_id": s.PoolId(1),
        "readiness": ready(1),
        "daily_cap": None,
        "sent_today": 0,
        "health": (),
    }
    return s.SendingDomain(**(row | changes))


def mailbox(number: int = 1, **changes: Any) -> s.Mailbox:
    row: dict[str, Any] = {
        "id": s.MailboxId(number),
        "domain_id": s.DomainId(1),
        "zone": BERLIN,
        "hours": None,
        "state": s.MailboxState.ACTIVE,
        "daily_cap": 40,
        "min_spacing": 120,
        "max_spacing": 300,
        "hold": None,
        "health": 100,
        "sends_by_day": (),
        "new_leads_today": 0,
        "other_sends": (),
        "follow_ups_ahead": (),
        "account_ids": (s.AccountId(1),),
        "inbox_readable": True,
    }
    return s.Mailbox(**(row | changes))


def step(number: int, delay: int = 3, variants: str = "a") -> s.Step:
    return s.Step(number, delay, tuple(s.Variant(s.VariantName(v), s.ContentHash(hmac("text", 1))) for v in variants))


def campaign(number: int = 1, **changes: Any) -> s.Campaign:
    row: dict[str, Any] = {
        "id": s.CampaignId(number),
        "pool_id": s.PoolId(1),
        "state": CampaignState.ACTIVE,
        "priority": 1,
        "share": 1,
        "zone": None,
        "window": WeeklyWindow(WEEKDAYS, hours("09:00", "17:00")),
        "steps": (step(1, 0),),
        "required_fields": frozenset(),
        "has_postal_address": True,
        "has_unsubscribe": True,
    }
    return s.Campaign(**(row | changes))


def candidate(number: int = 1, **changes: Any) -> s.Candidate:
    row: dict[str, Any] = {
        "enrollment_id": s.EnrollmentId(number),
        "lead_id": s.LeadId(number),
        "campaign_id": s.CampaignId(1),
        "step": 1,
        "round": 1,
        "recipient": s.RecipientKey(hmac("person", number)),
        "recipient_domain": s.RecipientDomainKey(hmac("domain", number)),
        "company": None,
        "provider": s.RecipientProvider.OTHER,
        "zone": None,
        "country": None,
        "basis": LawfulBasis.CONSENT,
        "sticky_mailbox": None,
        "due_day": DAY,
        "verified": True,
        "engaged": False,
        "missing_fields": frozenset(),
        "recent_contacts": 0,
        "block": None,
    }
    return s.Candidate(**(row | changes))


def follow_up(number: int = 1, sticky: int = 1, **changes: Any) -> s.Candidate:
    return candidate(number, **({"step": 2, "sticky_mailbox": s.MailboxId(sticky)} | changes))


def policy(**changes: Any) -> s.PlanPolicy:
    row: dict[str, Any] = {
        "zone": BERLIN,
        "holiday_countries": (CountryCode("DE"),),
        "daily_cap": None,
        "minute_cap": None,
        "quiet_hours": None,
        "weekend": WEEKEND,
        "contact_pressure": None,
        "company_daily_cap": None,
        "recipient_domain_daily_cap": None,
        "recipient_provider_caps": (),
        "longest_follow_up_wait": 5,
        "verified_only": False,
    }
    return s.PlanPolicy(**(row | changes))


def country(code: str, zone: str | None, *holidays: date) -> s.Country:
    return s.Country(CountryCode(code), None if zone is None else ZoneName(zone), frozenset(holidays))


def snapshot(**changes: Any) -> s.Snapshot:
    version = s.SourceVersion("1")
    row: dict[str, Any] = {
        "tenant_id": TenantId(1),
        "tenant_slug": TenantSlug("acme"),
        "day": DAY,
        "as_of": datetime(2026, 3, 9, 22, tzinfo=UTC),
        "seed": 7,
        "versions": s.Versions(version, version, version, version),
        "policy": policy(),
        "countries": (country("DE", "Europe/Berlin"),),
        "domains": (domain(),),
        "mailboxes": (mailbox(),),
        "accounts": (account(),),
        "campaigns": (campaign(),),
        "candidates": (candidate(),),
        "used_today": s.UsedToday(),
    }
    return s.Snapshot(**(row | changes))


def decision_of(plan: Plan, number: int = 1) -> Decision:
    return next(row for row in plan.decisions if row.enrollment_id == number)


def placement_of(plan: Plan, number: int = 1) -> Placement:
    return next(row for row in plan.placements if row.enrollment_id == number)
