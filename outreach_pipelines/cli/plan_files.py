"""`outreach plan compute|schemas`: snapshots and plans as files, without a database.

Belongs here: files in, files out. Does not: planning (`domain.send_plan`).
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from outreach_pipelines.application.plan_words import one_number, why_not_more
from outreach_pipelines.cli.plan_sources import snapshot_file, write_file
from outreach_pipelines.domain.send_plan.codec import encode_plan
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.proof.plan_check.schemas import schemas

SnapshotFile = Annotated[Path, typer.Option("--snapshot", help="a snapshot as JSON: docs/schemas/snapshot.schema.json")]


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


def write_schemas(out: Annotated[Path, typer.Argument(help="a folder")] = Path("docs/schemas")) -> None:
    """Write the JSON schemas of snapshots and plans."""
    out.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        write_file(out / f"{name}.schema.json", (json.dumps(schema, indent=2, sort_keys=True) + "\n").encode())
        typer.echo(str(out / f"{name}.schema.json"))
