"""`outreach prove`: the send protocol's proofs at any size, on this machine."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from outreach_pipelines.cli.scratch_database import crash_database, scratch_database
from outreach_pipelines.proof.crash.kills import KillSummary, run_kills
from outreach_pipelines.proof.memory_system import found_in_memory
from outreach_pipelines.proof.parts import PartsFile, UnusableParts, open_parts
from outreach_pipelines.proof.postgres_system import found_in_postgres
from outreach_pipelines.proof.runner import NoParts, Sum, run_schedules
from outreach_pipelines.proof.world import Founding

console = Console(stderr=True)
MOST_FAULTS = 20
MOST_PROCESSES = 256
SECONDS_BETWEEN_LINES = 60


def prove_over(found: Founding) -> Callable[..., None]:
    """The command, with the simulated schedules lived over the systems that `found` makes."""

    def prove(
        schedules: Annotated[
            int, typer.Option(help="simulated lives of an hour, each with faults of its own", min=1)
        ] = 20_000,
        seed: Annotated[int, typer.Option(help="the first seed; the same seeds give the same answer", min=0)] = 0,
        processes: Annotated[
            int | None, typer.Option(help="all cores when left out", min=1, max=MOST_PROCESSES)
        ] = None,
        postgres: Annotated[
            int, typer.Option(help="so many of them on real PostgreSQL too, on a server of its own", min=0)
        ] = 0,
        kills: Annotated[
            int, typer.Option(help="so many real senders killed on the way, against a mail server with a ledger", min=0)
        ] = 0,
        parts: Annotated[
            Path | None,
            typer.Option(help="write down what is lived; the same command goes on from there if it was ended"),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="the last line of output is one JSON object")] = False,
    ) -> None:
        """Live seeded schedules of crashes, pauses, lost answers, late news, and judge what was sent; exit code 1 on any fault."""
        began = time.monotonic()
        kept = NoParts() if parts is None else _opened(parts)
        with _bar() as bar:
            cores = processes or len(os.sched_getaffinity(0))
            tell = _teller(bar, "schedules", schedules)
            seeds = range(seed, seed + schedules)
            total = run_schedules(seeds, processes=cores, found=found, progress=tell, parts=kept)
            on_postgres = _on_postgres(range(seed, seed + postgres), bar) if postgres else Sum()
            killed = _killed(kills, seed, bar) if kills else KillSummary()
        proof = Proof(seed, total, on_postgres, killed, round(time.monotonic() - began, 1))
        _tell_faults(proof)
        typer.echo(json.dumps(proof.summary(), sort_keys=True) if as_json else proof.sentences())
        if proof.fails:
            raise typer.Exit(1)

    return prove


prove = prove_over(found_in_memory)


@dataclass(frozen=True, slots=True)
class Proof:
    """All that was tried, from the first seed on, in so many seconds. What was not asked for counts nothing."""

    seed: int
    total: Sum
    on_postgres: Sum
    killed: KillSummary
    seconds: float

    @property
    def fails(self) -> bool:
        """Whether any promise was broken."""
        return bool(self.total.failing or self.on_postgres.failing or self.killed.faults)

    def summary(self) -> dict[str, object]:
        """For machines."""
        return _summary(self.total, self.seed) | {
            "seconds": self.seconds,
            "on_postgresql": _summary(self.on_postgres, self.seed),
            "kills": _summary_of_kills(self.killed),
        }

    def sentences(self) -> str:
        """For people."""
        on_postgres = _sentences(self.on_postgres) if self.on_postgres.schedules else "not asked for (--postgres)."
        killed = (
            _sentences_of_kills(self.killed)
            if self.killed.kills
            else "Kills of real processes: not asked for (--kills)."
        )
        return f"{_sentences(self.total)}\nOn PostgreSQL: {on_postgres}\n{killed}"


def _opened(path: Path) -> PartsFile:
    try:
        return open_parts(path)
    except UnusableParts as fault:
        raise typer.BadParameter(str(fault), param_hint="--parts") from fault


def _tell_faults(proof: Proof) -> None:
    for story in (*proof.total.stories, *proof.on_postgres.stories):
        console.print(story, highlight=False, markup=False, end="\n\n")
    for fault in proof.killed.faults[:MOST_FAULTS]:
        console.print(fault, highlight=False, markup=False)


def _on_postgres(seeds: range, bar: Progress) -> Sum:
    tell = _teller(bar, "on PostgreSQL", len(seeds))
    with scratch_database() as database:
        found = partial(found_in_postgres, database)
        return run_schedules(seeds, processes=1, found=found, progress=tell, chunk=5)


def _killed(count: int, seed: int, bar: Progress) -> KillSummary:
    tell = _teller(bar, "kills", count)
    with crash_database() as database:
        return run_kills(database, count, seed=seed, progress=tell)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def _teller(bar: Progress, what: str, total: int) -> Callable[[int], None]:
    """Moves a bar; where nobody sees one, says a line a minute."""
    task = bar.add_task(what, total=total)
    began = last = time.monotonic()
    done = 0

    def tell(more: int) -> None:
        nonlocal done, last
        done += more
        bar.advance(task, more)
        now = time.monotonic()
        if not console.is_terminal and now - last >= SECONDS_BETWEEN_LINES:
            last = now
            typer.echo(f"{done} of {total} {what} in {now - began:.0f} s", err=True)

    return tell


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
