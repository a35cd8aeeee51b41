"""`outreach plan page`: a plan as a page to look at.

Belongs here: where it is written. Does not: the page (`application.plan_page`).
"""

from pathlib import Path
from typing import Annotated

import typer

from outreach_pipelines.application.plan_page.page import plan_page
from outreach_pipelines.application.plan_words import one_number
from outreach_pipelines.application.present_plan import page_facts
from outreach_pipelines.cli.plan_futures import PlanFile, SnapshotFile, given
from outreach_pipelines.cli.plan_sources import write_file
from outreach_pipelines.cli.plan_views import AskedTenant, Day, Version


def page(
    day: Day = None,
    tenant: AskedTenant = None,
    version: Version = None,
    snapshot: SnapshotFile = None,
    plan: PlanFile = None,
    out: Annotated[Path, typer.Option("--out", help="the HTML file")] = Path("plan.html"),
) -> None:
    """Write a plan as one HTML page: charts and tables, no script, nothing loaded from elsewhere."""
    facts, made = given(day, tenant, version, snapshot, plan)
    write_file(out, plan_page(page_facts(facts, made)).encode())
    typer.echo(f"{made.day}: {one_number(made)}; in {out}")
