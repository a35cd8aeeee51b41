"""`outreach plan compute|check|schemas`: snapshots and plans as files, without a database.

Belongs here: files in, files out. Does not: planning (`domain.send_plan`) and judging (`proof.plan_check`).
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from outreach_pipelines.application.plan_words import one_number, why_not_more
from outreach_pipelines.cli.plan_sources import file_bytes, listed, snapshot_file, write_file
from outreach_pipelines.domain.send_plan.codec import encode_plan
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.errors import FilesFault
from outreach_pipelines.proof.plan_check.check import violations
from outreach_pipelines.proof.plan_check.reading import UnreadableDocument
from outreach_pipelines.proof.plan_check.schemas import schemas

console = Console()
SnapshotFile = Annotated[Path, typer.Option("--snapshot", help="a snapshot as JSON: docs/schemas/snapshot.schema.json")]
PlanFile = Annotated[Path, typer.Option("--plan", help="a plan as JSON: docs/schemas/plan.schema.json")]


def compute(
    snapshot: SnapshotFile, out: Annotated[Path, typer.Option("--out", help="where the plan is written")]
) -> None:
    """Make the plan of a snapshot: no database, no clock, the same bytes for the same facts."""
    result = plan(snapshot_file(snapshot))
    write_file(out, encode_plan(result))
    typer.echo(f"{result.day}: {one_number(result)}")
    for _, told in why_not_more(result):
        typer.echo(f"  - {told}")
    typer.echo(f"plan {result.plan_hash} written to {out}")


def check(
    snapshot: SnapshotFile,
    plan: PlanFile,
    most: Annotated[int, typer.Option("--most", min=1, help="so many violations are printed")] = 50,
) -> None:
    """Judge a plan by every rule, with code that shares nothing with the planner's; exit code 1 when it breaks one."""
    try:
        found = violations(file_bytes(snapshot), file_bytes(plan))
    except UnreadableDocument as fault:
        raise FilesFault(listed(fault.what, fault.faults)) from fault
    for violation in found[:most]:
        typer.echo(str(violation))
    if len(found) > most:
        typer.echo(f"... and {len(found) - most} more")
    typer.echo(f"{len(found)} violations")
    if found:
        raise typer.Exit(1)


def write_schemas(out: Annotated[Path, typer.Argument(help="a folder")] = Path("docs/schemas")) -> None:
    """Write the JSON schemas of snapshots and plans."""
    out.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        write_file(out / f"{name}.schema.json", (json.dumps(schema, indent=2, sort_keys=True) + "\n").encode())
        typer.echo(str(out / f"{name}.schema.json"))
