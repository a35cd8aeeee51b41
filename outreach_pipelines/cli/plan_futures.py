"""`outreach plan bound|forecast|what-if|simulate`: what was possible, what comes, and what would be.

Belongs here: knobs in, tables out. Does not: any arithmetic (`domain.plan_bound`, `plan_forecast`, `plan_simulation`).
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from outreach_pipelines.application.plan_words import forecast_sentences, share_sentence
from outreach_pipelines.application.present_plan import share_of
from outreach_pipelines.cli.plan_sources import listed, plan_file, snapshot_file, stored_plans, write_file
from outreach_pipelines.cli.plan_views import AskedTenant, Day, Version, print_diff
from outreach_pipelines.domain.plan_diff import diff_plans
from outreach_pipelines.domain.plan_forecast import ForecastPolicy, PoolForecast, forecast
from outreach_pipelines.domain.plan_simulation import ExpectedRates, Simulation, Spread, simulate
from outreach_pipelines.domain.plan_what_if import BadKnobError, parse_knob, with_knobs
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot, snapshot_hash
from outreach_pipelines.domain.send_plan.faults import BadSnapshotError
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.planner import plan as plan_day
from outreach_pipelines.domain.send_plan.snapshot import Snapshot
from outreach_pipelines.domain.send_plan.windows import tenant_calendar
from outreach_pipelines.errors import FilesFault, NotFound, Refused

console = Console()
SnapshotFile = Annotated[Path | None, typer.Option("--snapshot", help="a file in place of the database")]
PlanFile = Annotated[Path | None, typer.Option("--plan", help="its plan; made anew when left out")]
Intake = Annotated[int, typer.Option("--intake-days", min=1, help="business days in which all new leads are wanted in")]
Horizon = Annotated[int, typer.Option("--horizon", min=1, max=260, help="business days to look ahead")]
SteadyCap = Annotated[int, typer.Option("--steady-cap", min=1, help="where a ramping mailbox stops growing, a day")]


def bound(
    day: Day = None,
    tenant: AskedTenant = None,
    version: Version = None,
    snapshot: SnapshotFile = None,
    plan: PlanFile = None,
) -> None:
    """How many could be placed at most, and what share of that the plan placed."""
    facts, made = given(day, tenant, version, snapshot, plan)
    typer.echo(f"{made.day}: {share_sentence(share_of(facts, made))}")


def show_forecast(
    day: Day = None,
    tenant: AskedTenant = None,
    version: Version = None,
    snapshot: SnapshotFile = None,
    plan: PlanFile = None,
    intake_days: Intake = 10,
    horizon: Horizon = 30,
    steady_cap: SteadyCap = 40,
) -> None:
    """The day on which capacity falls short of the sequences, and how many mailboxes must start ramping now."""
    facts, made = given(day, tenant, version, snapshot, plan)
    policy = ForecastPolicy(intake_days=intake_days, horizon=horizon, steady_cap=steady_cap)
    for pool in forecast(facts, made, tenant_calendar(facts), policy):
        for line in forecast_sentences(pool):
            console.print(line, highlight=False)
        console.print(_days(pool))


def what_if(
    knobs: Annotated[
        list[str],
        typer.Option(
            "--set", help="policy.daily_cap=200, mailboxes.daily_cap=x1.5, mailbox.17.state=resting; may be repeated"
        ),
    ],
    day: Day = None,
    tenant: AskedTenant = None,
    version: Version = None,
    snapshot: SnapshotFile = None,
    plan: PlanFile = None,
    out: Annotated[Path | None, typer.Option("--out", help="a folder for the other snapshot and its plan")] = None,
    most: Annotated[int, typer.Option("--most", min=0, help="so many rows are printed")] = 20,
) -> None:
    """Turn knobs of a snapshot, plan again, and see what would differ. Nothing is stored in the database."""
    facts, made = given(day, tenant, version, snapshot, plan)
    other = _turned(facts, knobs)
    result = plan_day(other)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_file(out / "snapshot.json", encode_snapshot(other))
        write_file(out / "plan.json", encode_plan(result))
    print_diff(diff_plans(made, result), most)


def show_simulation(
    day: Day = None,
    tenant: AskedTenant = None,
    version: Version = None,
    snapshot: SnapshotFile = None,
    plan: PlanFile = None,
    seed: Annotated[int, typer.Option(help="the same seed gives the same lives", min=0)] = 0,
    lives: Annotated[int, typer.Option(help="how many lives", min=10, max=100_000)] = 1_000,
    bounces: Annotated[float, typer.Option(help="expected share of hard bounces", min=0, max=1)] = 0.01,
    complaints: Annotated[float, typer.Option(help="expected share of complaints", min=0, max=1)] = 0.0005,
    replies: Annotated[float, typer.Option(help="expected share of replies", min=0, max=1)] = 0.02,
    certainty: Annotated[float, typer.Option(help="messages from which the rates are known", min=1)] = 500.0,
    price: Annotated[
        str | None, typer.Option(help="US dollars for 1,000 messages; the cost is not told without")
    ] = None,
    horizon: Horizon = 60,
    steady_cap: SteadyCap = 40,
) -> None:
    """The plan against people who bounce, complain and answer by chance: distributions, finish date, cost."""
    facts, made = given(day, tenant, version, snapshot, plan)
    found = simulate(
        facts,
        made,
        tenant_calendar(facts),
        rates=ExpectedRates(hard_bounce=bounces, complaint=complaints, reply=replies, certainty=certainty),
        lives=lives,
        seed=seed,
        policy=ForecastPolicy(horizon=horizon, steady_cap=steady_cap),
        price=None if price is None else _dollars(price) / 1_000,
    )
    _print_simulation(found)


def given(
    day: datetime | None, tenant: str | None, version: int | None, snapshot: Path | None, plan: Path | None
) -> tuple[Snapshot, Plan]:
    """Snapshot and plan from files, or of the one version asked for."""
    if snapshot is not None:
        facts = snapshot_file(snapshot)
        return facts, plan_day(facts) if plan is None else _plan_of(facts, snapshot, plan)
    if plan is not None:
        message = "a plan in a file needs its snapshot: --snapshot FILE"
        raise FilesFault(message)
    found = list(stored_plans(day, tenant, version))
    if len(found) != 1:
        message = f"{len(found)} plans fit; name one by DAY, --tenant and --version"
        raise NotFound(message)
    return found[0].snapshot(), found[0].plan()


def _plan_of(facts: Snapshot, snapshot: Path, plan: Path) -> Plan:
    made = plan_file(plan)
    if made.snapshot_hash != snapshot_hash(encode_snapshot(facts)):
        message = f"{plan} is the plan of another snapshot than {snapshot}"
        raise FilesFault(message)
    return made


def _turned(facts: Snapshot, knobs: Sequence[str]) -> Snapshot:
    try:
        return with_knobs(facts, [parse_knob(text) for text in knobs])
    except BadKnobError as fault:
        raise Refused(str(fault)) from fault
    except BadSnapshotError as fault:
        raise Refused(listed("with these knobs the snapshot makes no sense", fault.faults)) from fault


def _dollars(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        message = f"--price {text!r} is no amount of US dollars"
        raise Refused(message)
    return amount


def _days(pool: PoolForecast) -> Table:
    table = Table("day", "capacity", "wanted", "sent", "waiting")
    for row in pool.days:
        capacity = "unlimited" if row.capacity is None else str(row.capacity)
        table.add_row(str(row.day), capacity, str(row.wanted), str(row.sent), str(row.waiting))
    return table


def _print_simulation(found: Simulation) -> None:
    table = Table("", "mean", "5 %", "median", "95 %", "largest", title=f"{found.lives} lives")
    for name, spread in found.first_day.items():
        table.add_row(f"the plan's day: {name}", *_cells(spread))
    for name, spread in found.whole.items():
        table.add_row(f"until all is sent: {name}", *_cells(spread))
    if found.cost is not None:
        table.add_row("cost of sending, US dollars", *_cells(found.cost, digits=2))
    console.print(table)
    early, middle, late = (str(day) if day else "beyond the horizon" for day in found.finished)
    console.print(f"finished: {early} (5 %), {middle} (half), {late} (95 %)", highlight=False)
    console.print(
        f"In {found.chance_of_slowing:.1%} of the lives hard bounces of the day reach 3 %, which slows sending; "
        f"in {found.chance_of_stopping:.1%} they reach 5 %, which stops it",
        highlight=False,
    )


def _cells(spread: Spread, digits: int = 1) -> tuple[str, ...]:
    values = (spread.mean, spread.p5, spread.median, spread.p95, spread.largest)
    return tuple(f"{value:,.{digits}f}".removesuffix(".0") for value in values)
