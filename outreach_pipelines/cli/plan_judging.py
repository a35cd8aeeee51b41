"""`outreach plan check`: plans, of the database or in files, before a judge that shares no code with the planner.

Belongs here: which documents are judged, and the verdict's lines. Does not: any rule (`proof.plan_check`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from outreach_pipelines.cli.plan_sources import file_bytes, listed, stored_plans
from outreach_pipelines.cli.plan_views import AskedTenant, Day, Version
from outreach_pipelines.errors import FilesFault, NotFound
from outreach_pipelines.proof.plan_check.check import violations
from outreach_pipelines.proof.plan_check.reading import UnreadableDocument


@dataclass(frozen=True, slots=True)
class _Case:
    """The two documents of a plan as they are kept; `name` heads its verdict where there may be several."""

    name: str
    snapshot: bytes
    plan: bytes


def check(
    day: Day = None,
    tenant: AskedTenant = None,
    version: Version = None,
    snapshot: Annotated[Path | None, typer.Option("--snapshot", help="a file in place of the database")] = None,
    plan: Annotated[Path | None, typer.Option("--plan", help="its plan, a file too")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="so many violations of a plan are printed")] = 50,
) -> None:
    """Judge plans by every rule, with code that shares nothing with the planner's; exit code 1 when one breaks a rule."""
    cases = _stored(day, tenant, version) if snapshot is None and plan is None else _in_files(snapshot, plan)
    broken = [case for case in cases if not _keeps_every_rule(case, most)]
    if broken:
        raise typer.Exit(1)


def _in_files(snapshot: Path | None, plan: Path | None) -> Iterator[_Case]:
    if snapshot is None or plan is None:
        message = "a plan in a file is judged by its snapshot's file: --snapshot FILE --plan FILE"
        raise FilesFault(message)
    yield _Case("", file_bytes(snapshot), file_bytes(plan))


def _stored(day: datetime | None, tenant: str | None, version: int | None) -> Iterator[_Case]:
    found = list(stored_plans(day, tenant, version))
    if not found:
        message = "no plan fits; name one by DAY, --tenant and --version"
        raise NotFound(message)
    for each in found:
        yield _Case(f"{each.tenant.ref.slug}, {each.day} version {each.row.version}: ", *each.documents())


def _keeps_every_rule(case: _Case, most: int) -> bool:
    try:
        found = violations(case.snapshot, case.plan)
    except UnreadableDocument as fault:
        raise FilesFault(listed(f"{case.name}{fault.what}", fault.faults)) from fault
    for violation in found[:most]:
        typer.echo(str(violation))
    if len(found) > most:
        typer.echo(f"... and {len(found) - most} more")
    typer.echo(f"{case.name}{len(found)} violations")
    return not found
