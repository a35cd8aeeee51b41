"""`outreach plan show`."""

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from outreach_pipelines.application.constraint_words import IN_WORDS
from outreach_pipelines.application.plan_sends import PlanRow
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.send_plan.plan import Constraint
from resources import database

app = typer.Typer(no_args_is_help=True)
console = Console()


@app.callback()
def group() -> None:
    """Plans of days."""


@app.command()
def show(
    day: Annotated[
        datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="tenant-local date; today when left out")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="one tenant; all when left out")] = None,
) -> None:
    """How many go out on a day, and why not more."""
    now = database.clock().now()
    for row in tenant_rows(tenant):
        wanted = day.date() if day else now.astimezone(ZoneInfo(row.zone)).date()
        versions = database.plans().plans(row.ref.id, wanted)
        if not versions:
            console.print(
                f"{row.ref.slug}: no plan for {wanted}. Materialize send_plan for {wanted}|{row.ref.slug} in Dagster."
            )
        for plan in versions:
            console.print(_table(row.ref.slug, wanted, plan))


def _words(constraint: str) -> str:
    # A plan of an earlier version may name a constraint that is gone.
    return IN_WORDS[Constraint(constraint)] if constraint in list(Constraint) else "-"


def _table(slug: str, day: date, plan: PlanRow) -> Table:
    table = Table(
        title=f"{slug}, {day}, version {plan.version}: {plan.status} ({plan.status_reason or 'no reason given'})",
        show_header=False,
    )
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("placed", str(plan.placed))
    table.add_row("not placed", str(plan.not_placed))
    for constraint, candidates in plan.not_placed_by.items():
        table.add_row(f"  {constraint}", f"{candidates}: {_words(constraint)}")
    table.add_row("plan hash", plan.plan_hash)
    table.add_row("snapshot", plan.snapshot_key)
    return table
