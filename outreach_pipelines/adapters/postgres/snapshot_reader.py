"""Rows of one tenant's day as the planner's snapshot.

Belongs here: reading, in one transaction, and naming values. Does not: the sending side (`snapshot_senders`), and
any decision; the planner makes them from the snapshot.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping

from outreach_pipelines.adapters.calendar_data import country_around, holiday_data_version, zone_data_version
from outreach_pipelines.adapters.postgres.day_rows import DayRows
from outreach_pipelines.adapters.postgres.held_scopes import HeldScopes
from outreach_pipelines.adapters.postgres.snapshot_senders import account, mailboxes, open_threads, sending_domain
from outreach_pipelines.domain.calendar import DailyHours, Weekday, WeeklyWindow, WorkCalendar
from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.lead import FieldName, LawfulBasis
from outreach_pipelines.domain.mailbox_health import HEALTH_VERSION
from outreach_pipelines.domain.place import CountryCode
from outreach_pipelines.domain.recipient_mail import NoMail
from outreach_pipelines.domain.send_plan.follow_ups import follow_ups_ahead
from outreach_pipelines.domain.send_plan.snapshot import (
    Away,
    Block,
    Bounced,
    Campaign,
    Candidate,
    CompanyKey,
    CompanyReplied,
    CompanyUse,
    Country,
    DomainUse,
    Erased,
    LeadFileHold,
    MailboxId,
    PlanPolicy,
    PoolId,
    ProviderCap,
    ProviderUse,
    RecipientDomainKey,
    RecipientProvider,
    Replied,
    Snapshot,
    SourceVersion,
    Step,
    Suppressed,
    Undeliverable,
    Unsubscribed,
    UsedToday,
    Variant,
    Versions,
)
from outreach_pipelines.domain.send_plan.windows import own_calendar
from outreach_pipelines.domain.sending_policy import ContactPressure
from outreach_pipelines.domain.suppression import SuppressionKind
from outreach_pipelines.domain.tenant import TenantId, TenantSlug

_ROW_KINDS = {"erasure": SuppressionKind.MANUAL, "left_company": SuppressionKind.MANUAL}
POLICY_VERSION = "1"


def read_snapshot(connection: Connection, tenant: TenantId, day: date) -> Snapshot:
    """Everything the plan of `day` (a date of the tenant's zone) is made from, as one transaction sees it."""
    rows = DayRows(connection)
    own = rows.one("tenant")
    day_start = datetime.combine(day, time(), ZoneInfo(own["zone"])).astimezone(UTC)
    as_of = max(rows.now(), day_start)
    campaigns, domains = rows.all("campaigns"), rows.all("domains", day=day)
    candidates = rows.all("candidates", day=day, day_start=day_start, contact_days=own["contact_days"] or 1)
    holds = HeldScopes(rows.all("other_holds", as_of=as_of), tenant)
    pools = _pools(domains, campaigns)
    policy, countries = _policy(own), _countries(own, candidates, day)
    ahead = _follow_ups_ahead(rows, campaigns, day, own_calendar(policy, countries))
    return Snapshot(
        tenant_id=tenant,
        tenant_slug=TenantSlug(own["slug"]),
        day=day,
        as_of=as_of.replace(microsecond=0),
        seed=_seed(own["slug"], day),
        versions=_versions(),
        policy=policy,
        countries=countries,
        domains=tuple(sending_domain(row, pools) for row in domains),
        mailboxes=mailboxes(rows, day, day_start, ahead, holds),
        accounts=tuple(account(row, holds) for row in rows.all("accounts", day_start=day_start)),
        campaigns=tuple(_campaign(row, pools, holds) for row in campaigns),
        candidates=_candidates(candidates, campaigns, day),
        used_today=_used(rows.all("used_today", day_start=day_start), candidates),
        lead_file_holds=_held_files(rows, candidates, holds),
    )


def _pools(domains: Iterable[RowMapping], campaigns: Iterable[RowMapping]) -> Mapping[str, PoolId]:
    """Pools have names alone: numbered in their order."""
    names = {row["pool"] for row in (*domains, *campaigns)}
    return {name: PoolId(number) for number, name in enumerate(sorted(names), 1)}


def _countries(own: RowMapping, candidates: Iterable[RowMapping], day: date) -> tuple[Country, ...]:
    """The tenant's own, those whose holidays it keeps, and those of its people."""
    codes = {own["country"], *own["holiday_countries"], *(row["country"] for row in candidates if row["country"])}
    return tuple(country_around(CountryCode(code), day) for code in sorted(codes))


def _follow_ups_ahead(
    rows: DayRows, campaigns: Iterable[RowMapping], day: date, calendar: WorkCalendar
) -> Mapping[MailboxId, tuple[int, ...]]:
    threads = (open_threads(row) for row in rows.all("open_threads", day=day))
    delays = {row["campaign_id"]: tuple(step["delay"] for step in row["steps"] or ()) for row in campaigns}
    return follow_ups_ahead(threads, delays, day=day, calendar=calendar)


def _seed(slug: str, day: date) -> int:
    """48 bits, another number for each tenant and day."""
    return int.from_bytes(hashlib.blake2b(f"{slug}|{day}".encode(), digest_size=6).digest(), "big")


def _versions() -> Versions:
    own = SourceVersion(POLICY_VERSION), SourceVersion(HEALTH_VERSION)
    return Versions(zone_data_version(), holiday_data_version(), *own)


def _candidates(candidates: Iterable[RowMapping], campaigns: Iterable[RowMapping], day: date) -> tuple[Candidate, ...]:
    required = {row["campaign_id"]: frozenset(FieldName(name) for name in row["required_fields"]) for row in campaigns}
    return tuple(_candidate(row, day, required[row["campaign_id"]]) for row in candidates)


def _held_files(rows: DayRows, candidates: Iterable[RowMapping], holds: HeldScopes) -> tuple[LeadFileHold, ...]:
    """Whom held lead files brought, of those who are candidates."""
    people = rows.all("people_of_files", files=holds.files) if holds.files else ()
    return holds.of_files(people, frozenset(row["enrollment_id"] for row in candidates))


def _policy(row: RowMapping) -> PlanPolicy:
    hours = None if row["quiet_start"] is None else DailyHours(row["quiet_start"], row["quiet_end"])
    pressure = (
        None if row["contact_messages"] is None else ContactPressure(row["contact_messages"], row["contact_days"])
    )
    caps = tuple(
        ProviderCap(RecipientProvider(name), cap) for name, cap in sorted(row["recipient_provider_caps"].items())
    )
    return PlanPolicy(
        zone=row["zone"],
        holiday_countries=tuple(row["holiday_countries"] or [row["country"]]),
        daily_cap=row["daily_cap"],
        minute_cap=row["minute_cap"],
        quiet_hours=hours,
        weekend=frozenset(Weekday(number) for number in row["weekend"]),
        contact_pressure=pressure,
        company_daily_cap=row["company_daily_cap"],
        recipient_domain_daily_cap=row["recipient_domain_daily_cap"],
        recipient_provider_caps=caps,
        longest_follow_up_wait=row["follow_up_max_wait_days"],
        verified_only=row["verified_only"],
    )


def _campaign(row: RowMapping, pools: Mapping[str, PoolId], holds: HeldScopes) -> Campaign:
    hours = DailyHours(row["window_start"], row["window_end"])
    return Campaign(
        id=row["campaign_id"],
        pool_id=pools[row["pool"]],
        state=CampaignState(row["state"]),
        priority=row["priority"],
        share=max(1, int(row["share"])),
        zone=row["zone"],
        window=WeeklyWindow(frozenset(Weekday(number) for number in row["weekdays"]), hours),
        steps=tuple(_step(step) for step in row["steps"] or ()),
        required_fields=frozenset(FieldName(name) for name in row["required_fields"]),
        # The inventory refuses a template without either, and the tenant's table an empty address.
        has_postal_address=True,
        has_unsubscribe=True,
        hold=holds.of_campaign(row["campaign_id"]),
    )


def _step(step: Mapping[str, Any]) -> Step:
    return Step(
        step["number"],
        step["delay"],
        tuple(Variant(each["name"], each["content"], each["weight"]) for each in step["variants"]),
    )


def _candidate(row: RowMapping, day: date, required: frozenset[FieldName]) -> Candidate:
    present = {name for name in ("first_name", "last_name", "company", "country") if row[name]} | {
        name for name, value in row["fields"].items() if value
    }
    return Candidate(
        enrollment_id=row["enrollment_id"],
        lead_id=row["lead_id"],
        campaign_id=row["campaign_id"],
        step=row["step"],
        round=row["round"],
        recipient=row["recipient"],
        recipient_domain=RecipientDomainKey(row["recipient_domain"]),
        company=CompanyKey(row["recipient_domain"]) if row["at_company"] else None,
        provider=RecipientProvider(row["recipient_provider"]),
        zone=row["zone"],
        country=row["country"],
        basis=LawfulBasis(row["basis"]),
        sticky_mailbox=row["mailbox_id"],
        due_day=row["due_day"] or day,
        verified=row["verified"],
        engaged=row["engaged"],
        missing_fields=frozenset(name for name in required if name not in present and name not in ("email", "source")),
        recent_contacts=row["recent_contacts"],
        block=_block(row),
    )


def _utc_day(moment: datetime) -> date:
    # The connection gives moments in whatever zone the server has, and plans must not differ by that.
    return moment.astimezone(UTC).date()


def _suppressed(row: RowMapping) -> Suppressed | None:
    """By the tenant's own list, else by that of all tenants."""
    if row["suppression_kind"] is not None:
        kind = _ROW_KINDS.get(row["suppression_kind"]) or SuppressionKind(row["suppression_kind"])
        return Suppressed(kind, _utc_day(row["suppressed_at"]))
    if row["suppressed_everywhere_at"] is not None:
        return Suppressed(SuppressionKind.MANUAL, _utc_day(row["suppressed_everywhere_at"]))
    return None


def _block(row: RowMapping) -> Block | None:
    on = _utc_day(row["state_at"])
    if row["erased_at"] is not None:
        return Erased(_utc_day(row["erased_at"]))
    suppressed = _suppressed(row)
    if suppressed is not None:
        return suppressed
    if row["reason"] == "company_replied":
        return CompanyReplied(on)
    match row["state"]:
        case "replied":
            return Replied(on)
        case "bounced":
            return Bounced(on)
        case "unsubscribed" | "complained":
            return Unsubscribed(on)
    if row["company_replied_at"] is not None:
        return CompanyReplied(_utc_day(row["company_replied_at"]))
    if row["undeliverable"] is not None:
        return Undeliverable(NoMail(row["undeliverable"]), _utc_day(row["provider_checked_at"]))
    if row["mailbox_denied_at"] is not None:
        return Undeliverable(NoMail.NO_SUCH_MAILBOX, _utc_day(row["mailbox_denied_at"]))
    away = row["out_of_office_until"]
    return Away(away) if away is not None else None


def _used(rows: Iterable[RowMapping], candidates: Iterable[RowMapping]) -> UsedToday:
    """A company is its mail domain, and so is its count. Of companies only those that a candidate is of are known as such."""
    companies = {row["recipient_domain"] for row in candidates if row["at_company"]}
    by_kind: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        kind, _, name = row["bucket"].partition(":")
        by_kind[kind][name] = row["taken"]
    return UsedToday(
        recipient_domains=tuple(
            DomainUse(RecipientDomainKey(name), count) for name, count in sorted(by_kind["recipient"].items())
        ),
        companies=tuple(
            CompanyUse(CompanyKey(name), count)
            for name, count in sorted(by_kind["recipient"].items())
            if name in companies
        ),
        providers=tuple(
            ProviderUse(RecipientProvider(name), count) for name, count in sorted(by_kind["provider"].items())
        ),
    )
