"""`outreach demo`: one business day in minutes, then a summary a person can read."""

import json
import os
import signal
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from outreach_pipelines.cli.demo_summary import DemoSummary, print_summary, summarize
from outreach_pipelines.cli.stack import BASE, CHECKOUT, end_by_exception, forget
from outreach_pipelines.local_stack.stack import LocalStack, Part, StackPorts
from outreach_pipelines.local_stack.system import Folders, LocalSystem, inventories_below

console = Console()
PARTS = frozenset({Part.LAB, Part.WEB})
# `make dev` shows the partitions of 60 days; the day before the demo's and the time until somebody looks are among them.
OLDEST_DAY = timedelta(days=45)


def demo(
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="the past business day to live; the last one when left out"),
    ] = None,
    base: Annotated[
        Path, typer.Option(help="folder of all data; its content is made anew", envvar="OUTREACH_BASE")
    ] = BASE,
) -> None:
    """Start everything on this machine, live one business day on the production code, and tell how it went."""
    started = time.monotonic()
    if day is not None:
        _refuse_unlivable(day.date(), datetime.now(UTC).date())
    end_by_exception(signal.SIGTERM)
    folders = Folders(base.absolute(), CHECKOUT)
    forget(folders)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[clock]}"),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        summary = _live(folders, day.date() if day else None, progress)
    summary = summary.after(time.monotonic() - started)
    (folders.base / "summary.json").write_text(json.dumps(summary.as_json(), indent=2) + "\n", encoding="utf-8")
    print_summary(summary, console)
    console.print(f"Details: {base}/summary.json. The day in Dagster: make dev, then http://127.0.0.1:3000")
    if summary.duplicates or summary.lost or not summary.balanced:
        raise typer.Exit(1)


def _refuse_unlivable(day: date, today: date) -> None:
    # Before the data of the last demo are forgotten. The examples' calendars are those of the demo's tenants.
    from outreach_pipelines.cli.demo_day import last_business_day

    inventories = inventories_below(CHECKOUT / "examples")
    newest, oldest = last_business_day(today, inventories), today - OLDEST_DAY
    business = last_business_day(day + timedelta(days=2), inventories) == day
    if not (oldest <= day <= newest and business):
        message = (
            f"DAY must be a past business day since {oldest}, the newest being {newest}: {day:%A, %Y-%m-%d} is none"
        )
        raise typer.BadParameter(message, param_hint="--day")


def _live(folders: Folders, day: date | None, progress: Progress) -> DemoSummary:
    task = progress.add_task("starting servers", total=None, clock="")
    first = ((day or datetime.now(UTC).date()) - timedelta(days=45)).isoformat()
    system = LocalSystem(folders, stepped=True, partitions_start=first)
    with LocalStack(system.config(StackPorts(), PARTS), system.wiring()) as addresses:
        os.environ.update(system.environment(addresses))
        # Definitions read their settings from the environment when they load.
        from outreach_pipelines.cli.demo_wiring import demo_day

        lived = demo_day(day, system.inventories(), progress, task)
        lived.live()
        return summarize(lived.day, folders.base / "lab" / "ledger.jsonl")
