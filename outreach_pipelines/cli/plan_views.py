"""`outreach plan show|why|diff`: a plan in words.

Belongs here: layout. Does not: finding plans (`plan_sources`), nor any decision.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from outreach_pipelines.application.constraint_words import IN_WORDS, name_of
from outreach_pipelines.application.plan_words import one_number, why_not_more
from outreach_pipelines.cli.plan_sources import named_plan, plan_file, snapshot_file, stored_plans, versions
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.address import Address, address_hmac, parse_address
from outreach_pipelines.domain.address_keys import tenant_address_key
from outreach_pipelines.domain.plan_diff import Difference, PlanDiff, Standing, diff_plans, standing_of
from outreach_pipelines.domain.send_plan.plan import Plan, PoolDay
from outreach_pipelines.domain.send_plan.snapshot import EnrollmentId, Snapshot
from outreach_pipelines.errors import NotFound
from resources import keys

console = Console()
Day = Annotated[datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="tenant-local date; today when left out")]
AskedTenant = Annotated[str | None, typer.Option("--tenant", help="one tenant; all when left out")]
Version = Annotated[int | None, typer.Option("--version", help="the released plan, else the newest, when left out")]


def show(
    day: Day = None,
    tenant: AskedTenant = None,
    plan: Annotated[Path | None, typer.Option("--plan", help="a file in place of the database")] = None,
) -> None:
    """How many go out on a day, and why not more."""
    if plan is not None:
        _print_plan(str(plan), plan_file(plan))
        return
    for row in tenant_rows(tenant):
        wanted, plans = versions(row, day)
        if not plans:
            console.print(
                f"{row.ref.slug}: no plan for {wanted}. Materialize send_plan for {wanted}|{row.ref.slug} in Dagster."
            )
        for stored in stored_plans(day, row.ref.slug, None):
            title = f"{row.ref.slug}, version {stored.row.version}: {stored.row.status}"
            reason = stored.row.status_reason or "no reason given"
            _print_plan(f"{title} ({reason}), snapshot {stored.row.snapshot_key}", stored.plan())
        for old in plans[1:]:
            console.print(f"  version {old.version}: {old.status}, {old.placed} placed, {old.not_placed} not")


def why(
    who: Annotated[str, typer.Argument(metavar="EMAIL|ENROLLMENT", help="an address, or the number of an enrollment")],
    day: Day = None,
    tenant: AskedTenant = None,
    version: Version = None,
    plan: Annotated[Path | None, typer.Option("--plan", help="a file in place of the database")] = None,
    snapshot: Annotated[
        Path | None, typer.Option("--snapshot", help="its snapshot, to look up who has an HMAC")
    ] = None,
) -> None:
    """Why somebody is written to on a day, or is not: the first binding constraint, and all that were looked at."""
    if plan is not None:
        told = plan_file(plan)
        # A snapshot holds HMACs made with the tenant's key, which is not in it: an address finds nobody there.
        ids = _enrollments(who, snapshot_file(snapshot) if snapshot and "@" not in who else None, who)
        found = [standing for id_ in ids if (standing := standing_of(told, id_)) is not None]
    else:
        found = list(_stored_standings(who, day, tenant, version))
    if not found:
        message = f"{who} was no candidate of that plan; outreach explain tells what is known of an address"
        raise NotFound(message)
    for standing in found:
        _print_standing(standing)


def diff(
    old: Annotated[str, typer.Argument(help="FILE, DAY or DAY@VERSION")],
    new: Annotated[str, typer.Argument(help="FILE, DAY or DAY@VERSION")],
    tenant: AskedTenant = None,
    most: Annotated[int, typer.Option("--most", min=0, help="so many rows are printed")] = 40,
) -> None:
    """What two plans decide differently: newly placed, dropped, moved, each with its reasons."""
    print_diff(diff_plans(named_plan(old, tenant), named_plan(new, tenant)), most)


def _stored_standings(who: str, day: datetime | None, tenant: str | None, version: int | None) -> Iterator[Standing]:
    for stored in stored_plans(day, tenant, version):
        snapshot, plan = stored.snapshot(), stored.plan()
        hmac = who
        match parse_address(who):
            case Address() as address:
                hmac = address_hmac(address, tenant_address_key(keys.address_key(), stored.tenant.ref.slug))
        for id_ in _enrollments(who, snapshot, hmac):
            if (standing := standing_of(plan, id_)) is not None:
                console.print(f"{stored.tenant.ref.slug}, {stored.day}, version {stored.row.version}", style="bold")
                yield standing


def _enrollments(who: str, snapshot: Snapshot | None, hmac: str) -> list[EnrollmentId]:
    if who.isdecimal():
        return [EnrollmentId(int(who))]
    if snapshot is None:
        message = f"{who}: of a plan in a file ask by the number of the enrollment, or by an HMAC and --snapshot"
        raise NotFound(message)
    return [row.enrollment_id for row in snapshot.candidates if row.recipient == hmac]


def _print_plan(title: str, plan: Plan) -> None:
    day = plan.breakdown
    table = Table(title=Text(f"{title}\n{plan.day}: {one_number(plan)}"), show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("candidates", str(day.candidates))
    for constraint, told in why_not_more(plan):
        table.add_row(f"  - {name_of(constraint)}", Text(told))
    table.add_row("placed", f"{day.placed}: {day.follow_ups_placed} follow-ups, {day.new_leads_placed} new leads")
    table.add_row("not placed", str(day.candidates - day.placed))
    table.add_row("sequences ended", str(day.sequences_ended))
    for pool in day.pools:
        table.add_row(f"pool {pool.pool_id}", _pool(pool))
    table.add_row("plan hash", plan.plan_hash)
    console.print(table)


def _pool(pool: PoolDay) -> str:
    room = "any number of messages" if pool.room is None else f"at most {pool.room} messages"
    budget = "" if pool.new_lead_budget is None else f", of which at most {pool.new_lead_budget} go to new leads"
    return (
        f"{pool.placed} placed; {pool.follow_ups_waiting} follow-ups and {pool.new_leads_waiting} new leads had nothing against them but "
        f"caps and time. {pool.usable_mailboxes} of {pool.mailboxes} mailboxes are usable: {room} today{budget}"
    )


def _print_standing(standing: Standing) -> None:
    decision = standing.decision
    console.print(
        f"enrollment {decision.enrollment_id}, lead {decision.lead_id}, campaign {decision.campaign_id}, step {decision.step}"
    )
    console.print(Text(f"  {_told(standing)}"))
    if decision.bound_by is not None:
        others = [IN_WORDS[name] for name in decision.found[1:]]
        console.print(f"  also: {'; '.join(others) or 'nothing else was found against it'}", highlight=False)
        ends = f"ends here: {decision.ends.replace('_', ' ')}" if decision.ends else "goes on when it can"
        console.print(f"  the sequence {ends}", highlight=False)
    looked = [f"{name_of(each)}{' (found)' if each in decision.found else ''}" for each in decision.looked_at]
    console.print(f"  looked at, strongest first: {', '.join(looked)}", highlight=False)


def _told(standing: Standing | None) -> str:
    if standing is None:
        return "-"
    placement, decision = standing.placement, standing.decision
    if placement is not None:
        return f"placed: {placement.due_at:%Y-%m-%d %H:%M:%S} UTC from mailbox {placement.mailbox_id}, variant {placement.variant}"
    bound = decision.bound_by
    words = IN_WORDS[bound] if bound is not None else ""
    return f"not placed: {words} ({decision.detail})"


def print_diff(found: PlanDiff, most: int) -> None:
    """The sums, then the first rows."""
    console.print(f"placed: {found.placed_before} before, {found.placed_after} after")
    for change, count in found.counts().items():
        console.print(f"  {change}: {count}")
    for constraint, net in found.net_by_constraint.items():
        how_many = f"{abs(net)} {'more' if net > 0 else 'fewer'}"
        console.print(f"  {name_of(constraint)} keeps {how_many} back: {IN_WORDS[constraint]}", highlight=False)
    if not found.differences:
        console.print("no difference")
        return
    table = Table()
    for name in ("lead", "enrollment", "change", "before", "after"):
        table.add_column(name, overflow="fold")
    for row in found.differences[:most]:
        table.add_row(*_cells(row))
    if most:
        console.print(table)
    if len(found.differences) > most:
        console.print(f"... and {len(found.differences) - most} more (--most)")


def _cells(row: Difference) -> tuple[str | Text, ...]:
    names = (str(row.lead_id), str(row.enrollment_id), row.change.value)
    return (*names, Text(_told(row.before)), Text(_told(row.after)))
