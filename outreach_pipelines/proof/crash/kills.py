"""Many kills, one upon another, and what they cost.

Belongs here: the order of kill, sweep, finish and judgement, and the sum. Does not: how one sender is killed (`kill_points`,
`crash_world`), nor where the database comes from.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls
from outreach_pipelines.proof.crash.crash_world import KILLED, CrashWorld, crash_world
from outreach_pipelines.proof.crash.kill_points import act_at, draw_point
from outreach_pipelines.proof.crash.nursery import Nursery, nursery

MESSAGES = 150
#: So many messages must be left for the next kill: each point is then sure to be reached.
ENOUGH = 12
#: An undisturbed sender comes after so many kills at the latest, so that little is judged from afar.
KILLS_OF_A_WORLD = 25
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class CrashDatabase:
    """A migrated scratch database on its own clocks; `admin` is a superuser's URL of it."""

    admin: str
    urls: DatabaseUrls


@dataclass(slots=True)
class KillSummary:
    """What came of many kills. `unknown` is what stays in honest doubt, since this mail server offers no evidence."""

    kills: int = 0
    by_point: Counter[str] = field(default_factory=Counter)
    unharmed: int = 0
    taken: int = 0
    duplicates: int = 0
    lost: int = 0
    unknown: int = 0
    released_on_absence: int = 0
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run_kills(database: CrashDatabase, count: int, *, seed: int, progress: Progress) -> KillSummary:
    """Kill so many senders, each at a point of the protocol drawn from `seed`, and let others finish their work.

    `progress` is told each kill. A sender's timing is its own, so that the same seed kills at the same points, and not always
    with the same messages under way.
    """
    summary, chance, began = KillSummary(), Random(seed), time.monotonic()  # noqa: S311 - chance that can be repeated
    with _own_folder() as folder, nursery(folder) as senders:
        number = 0
        while summary.kills < count:
            number += 1
            _one_world(database, senders, folder / str(number), chance, count, summary, progress)
    summary.seconds = time.monotonic() - began
    return summary


def _one_world(
    database: CrashDatabase, senders: Nursery, folder: Path, chance: Random, count: int, summary: KillSummary, progress: Progress
) -> None:  # fmt: skip
    folder.mkdir()
    until = min(count, summary.kills + KILLS_OF_A_WORLD)
    crash = crash_world(
        database.admin, database.urls, senders, folder, messages=min(MESSAGES, (until - summary.kills) * ENOUGH)
    )
    try:
        while summary.kills < until and _left(crash) >= ENOUGH:
            _one_kill(crash, chance, summary, progress)
        crash.finish()
        _judge(crash, summary)
    finally:
        crash.world.admin.close()


def _one_kill(crash: CrashWorld, chance: Random, summary: KillSummary, progress: Progress) -> None:
    point = draw_point(chance)
    act_at(crash, point, crash.kill)
    status = crash.run()
    crash.sweep()
    if status != KILLED:
        summary.unharmed += 1
        summary.faults += [] if status == 0 else [f"a sender that nobody killed ended with {status}"]
        return
    summary.kills += 1
    summary.by_point[str(point)] += 1
    progress(1)


def _left(crash: CrashWorld) -> int:
    return Counter(crash.states().values())["planned"]


def _judge(crash: CrashWorld, summary: KillSummary) -> None:
    verdict = crash.verdict()
    (released,) = crash.world.sql(
        "select sum(released_on_absence) as times from app.message where tenant_id = %(t)s",
        t=crash.world.tenant,
    )
    summary.taken += len(crash.ledger.recipients())
    summary.duplicates += len(verdict.twice)
    summary.lost += len(verdict.lost)
    summary.unknown += len(verdict.doubtful)
    summary.released_on_absence += int(str(released["times"]))
    summary.faults += verdict.faults()


@contextmanager
def _own_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="outreach-kills-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
