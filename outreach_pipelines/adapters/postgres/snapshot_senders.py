"""Rows of domains, mailboxes and accounts as the sending side of a snapshot.

Belongs here: naming values. Does not: the receiving side and the tenant's own rules (`snapshot_reader`).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping

from outreach_pipelines.adapters.postgres.day_rows import DayRows
from outreach_pipelines.adapters.postgres.held_scopes import HeldScopes, hold_of
from outreach_pipelines.domain.calendar import DailyHours
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.provider_account import ProviderKind
from outreach_pipelines.domain.send_plan.follow_ups import OpenThreads
from outreach_pipelines.domain.send_plan.snapshot import (
    Account,
    AccountId,
    AccountReadiness,
    DaySends,
    Mailbox,
    MailboxId,
    MailboxState,
    PoolId,
    ProviderWeight,
    ReadinessState,
    RecipientProvider,
    SendingDomain,
)


def sending_domain(row: RowMapping, pools: Mapping[str, PoolId]) -> SendingDomain:
    """A domain that rests is ready for no account."""
    resting = row["state"] != "active"
    readiness = tuple(
        AccountReadiness(
            AccountId(each["account_id"]),
            ReadinessState.NOT_READY if resting else ReadinessState(each["state"]),
            f"the domain is {row['state']}" if resting else ("" if each["state"] == "ready" else each["reason"]),
        )
        for each in row["readiness"]
    )
    return SendingDomain(
        row["domain_id"],
        row["name"],
        pools[row["pool"]],
        readiness,
        row["daily_cap"],
        int(row["sent_today"]),
        tuple(ProviderWeight(RecipientProvider(name), weight) for name, weight in sorted(row["health"].items())),
    )


def open_threads(row: RowMapping) -> OpenThreads:
    """Threads that wait for the same step."""
    return OpenThreads(row["mailbox_id"], row["campaign_id"], row["step"], row["due_day"], row["threads"])


def mailboxes(
    rows: DayRows, day: date, day_start: datetime, ahead: Mapping[MailboxId, tuple[int, ...]], holds: HeldScopes
) -> tuple[Mailbox, ...]:
    """Every mailbox with its sends around the day; `ahead` are the follow-ups of its next business days."""
    sends: dict[int, list[datetime]] = defaultdict(list)
    planned: dict[int, Counter[date]] = defaultdict(Counter)
    found = rows.all("mailboxes", day=day, as_of=max(rows.now(), day_start))
    zones = {row["mailbox_id"]: ZoneInfo(row["zone"]) for row in found}
    for row in rows.all("other_sends", day=day, day_start=day_start):
        sends[row["mailbox_id"]].append(row["at"].replace(microsecond=0))
        if not row["begun"] and row["mailbox_id"] in zones:
            planned[row["mailbox_id"]][row["at"].astimezone(zones[row["mailbox_id"]]).date()] += 1
    taken = {row["mailbox_id"]: row["taken"] for row in rows.all("new_leads_today", day=day)}
    return tuple(
        replace(
            _mailbox(row, tuple(sorted(sends[row["mailbox_id"]])), planned[row["mailbox_id"]]),
            new_leads_today=taken.get(row["mailbox_id"], 0),
            follow_ups_ahead=ahead.get(row["mailbox_id"], ()),
            provider_holds=holds.to_providers(row["mailbox_id"]),
            path_holds=holds.of_paths(row["mailbox_id"]),
        )
        for row in found
    )


def _mailbox(row: RowMapping, sends: tuple[datetime, ...], planned: Counter[date]) -> Mailbox:
    by_day = Counter(planned)
    by_day.update({date.fromisoformat(each["day"]): each["count"] for each in row["sends_by_day"]})
    hold = row["hold"]
    return Mailbox(
        id=row["mailbox_id"],
        domain_id=row["domain_id"],
        zone=row["zone"],
        hours=None if row["hours_start"] is None else DailyHours(row["hours_start"], row["hours_end"]),
        state=MailboxState(row["state"]),
        daily_cap=row["daily_cap"],
        min_spacing=row["min_gap_seconds"],
        max_spacing=row["max_gap_seconds"],
        hold=None if hold is None else hold_of(hold),
        health=row["health"],
        sends_by_day=tuple(DaySends(each, count) for each, count in sorted(by_day.items())),
        new_leads_today=0,
        other_sends=sends,
        follow_ups_ahead=(),
        account_ids=tuple(AccountId(account) for account in row["account_ids"] or ()),
        inbox_readable=row["inbox_readable"],
    )


def account(row: RowMapping, holds: HeldScopes) -> Account:
    """A share that is overdrawn leaves nothing."""
    basis = frozenset(LawfulBasis(name) for name in row["allowed_basis"])
    left = None if row["share_left"] is None else max(0, row["share_left"])
    return Account(
        AccountId(row["account_id"]), ProviderKind(row["kind"]), basis, left, holds.of_account(row["account_id"])
    )
