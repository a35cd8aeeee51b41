"""`outreach prove`: the send protocol's proofs at any size, on this machine."""

import json
import os
import time
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from outreach_pipelines.cli.scratch_database import crash_database, scratch_database
from outreach_pipelines.proof.crash.kills import KillSummary, run_kills
from outreach_pipelines.proof.postgres_system import found_in_postgres
from outreach_pipelines.proof.runner import Sum, run_schedules

console = Console(stderr=True)
MOST_FAULTS = 20


def prove(
    schedules: Annotated[
        int, typer.Option(help="simulated lives of an hour, each with faults of its own", min=1)
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="the first seed; the same seeds give the same answer", min=0)] = 0,
    processes: Annotated[int | None, typer.Option(help="all cores when left out", min=1)] = None,
    postgres: Annotated[
        int, typer.Option(help="so many of them on real PostgreSQL too, on a server of its own", min=0)
    ] = 0,
    kills: Annotated[
        int, typer.Option(help="so many real senders killed on the way, against a mail server with a ledger", min=0)
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="the last line of output is one JSON object")] = False,
) -> None:
    """Live many seeded schedules of crashes, pauses, lost answers and late news, and judge what was sent; exit code 1 on any fault."""
    began = time.monotonic()
    with _bar() as bar:
        task = bar.add_task("schedules", total=schedules)
        seeds = range(seed, seed + schedules)
        cores = processes or len(os.sched_getaffinity(0))
        total = run_schedules(seeds, processes=cores, progress=lambda done: bar.advance(task, done))
        on_postgres = _on_postgres(range(seed, seed + postgres), bar) if postgres else Sum()
        killed = _killed(kills, seed, bar) if kills else KillSummary()
    for story in (*total.stories, *on_postgres.stories):
        console.print(story, highlight=False, markup=False, end="\n\n")
    for fault in killed.faults[:MOST_FAULTS]:
        console.print(fault, highlight=False, markup=False)
    if as_json:
        summary = _summary(total, seed) | {"seconds": round(time.monotonic() - began, 1)}
        others = {"on_postgresql": _summary(on_postgres, seed), "kills": _summary_of_kills(killed)}
        typer.echo(json.dumps(summary | others, sort_keys=True))
    else:
        typer.echo(_sentences(total))
        typer.echo(
            f"On PostgreSQL: {_sentences(on_postgres)}" if postgres else "On PostgreSQL: not asked for (--postgres)."
        )
        typer.echo(_sentences_of_kills(killed) if kills else "Kills of real processes: not asked for (--kills).")
    if total.failing or on_postgres.failing or killed.faults:
        raise typer.Exit(1)


def _on_postgres(seeds: range, bar: Progress) -> Sum:
    task = bar.add_task("on PostgreSQL", total=len(seeds))
    with scratch_database() as database:
        found = partial(found_in_postgres, database)
        return run_schedules(seeds, processes=1, found=found, progress=lambda done: bar.advance(task, done), chunk=5)


def _killed(count: int, seed: int, bar: Progress) -> KillSummary:
    task = bar.add_task("kills", total=count)
    with crash_database() as database:
        return run_kills(database, count, seed=seed, progress=lambda done: bar.advance(task, done))


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def _summary(total: Sum, seed: int) -> dict[str, object]:
    return {
        "schedules": total.schedules,
        "first_seed": seed,
        "sent": total.sent,
        "duplicates": total.duplicates,
        "lost": total.lost,
        "unknown": total.unknown,
        "released_on_absence": total.released_on_absence,
        "broken": dict(sorted(total.broken.items())),
        "failing_seeds": total.failing[:100],
        "states": dict(sorted(total.states.items())),
        "injected": dict(sorted(total.injected.items())),
    }


def _summary_of_kills(killed: KillSummary) -> dict[str, object]:
    return {
        "kills": killed.kills,
        "by_point": dict(sorted(killed.by_point.items())),
        "senders_not_reached": killed.unharmed,
        "sent": killed.taken,
        "duplicates": killed.duplicates,
        "lost": killed.lost,
        "unknown": killed.unknown,
        "released_on_absence": killed.released_on_absence,
        "faults": killed.faults[:MOST_FAULTS],
        "seconds": round(killed.seconds, 1),
    }


def _sentences_of_kills(killed: KillSummary) -> str:
    verdict = "every promise was kept" if not killed.faults else f"{len(killed.faults)} faults"
    return (
        f"{killed.kills} senders killed at {len(killed.by_point)} points in {killed.seconds:.0f} s: {verdict}.\n"
        f"{killed.taken} messages sent, {killed.duplicates} of them twice, {killed.lost} lost, {killed.unknown} honestly unknown."
    )


def _sentences(total: Sum) -> str:
    verdict = "every promise was kept" if not total.failing else f"{len(total.failing)} broke a promise"
    return (
        f"{total.schedules} schedules with {total.injected.total()} faults: {verdict}.\n"
        f"{total.sent} messages sent, {total.duplicates} schedules with a duplicate, {total.lost} with a lost message.\n"
        f"{total.released_on_absence} sent again because their absence was proven, {total.unknown} honestly unknown."
    )
