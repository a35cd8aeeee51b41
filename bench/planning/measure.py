"""One planning, timed stage by stage in a process of its own, so that its peak of memory is its own.

Belongs here: a single measurement. Does not: how several compare (`growth`, `pools`).
"""

import gc
import resource
import sys
import time
from collections.abc import Callable
from cProfile import Profile
from dataclasses import asdict, dataclass
from pstats import Stats
from typing import TypeVar

from planning.world import Size, snapshot

from outreach_pipelines.domain.plan_bound.bound import upper_bound
from outreach_pipelines.domain.send_plan.codec import decode_snapshot, encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.snapshot import Snapshot

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU seconds of this process. `additions` is the yardstick: ten million additions at the same moment."""

    candidates: int
    mailboxes: int
    placed: int
    plan: float
    additions: float
    read_json: float
    write_json: float
    peak_mb: int
    before_mb: int
    plan_hash: str


def measure(size: Size, *, best_of: int = 1) -> tuple[Measured, Snapshot, Plan]:
    """Plan a made-up day. The garbage collector is left to itself, but for what was there before."""
    made = snapshot(size)
    encoded = encode_snapshot(made)
    read, made = cpu_of(lambda: decode_snapshot(encoded))
    gc.collect()
    gc.freeze()
    before = peak_mb()
    runs = [cpu_of(lambda: plan(made)) for _ in range(best_of)]
    seconds, result = min(runs, key=lambda run: run[0])
    peak = peak_mb()
    write, _ = cpu_of(lambda: encode_plan(result))
    placed = len(result.placements)
    row = Measured(
        size.candidates, size.mailboxes, placed, seconds, yardstick(), read, write, peak, before, result.plan_hash
    )
    return row, made, result


@dataclass(frozen=True, slots=True)
class Counted:
    """Calls of functions in one planning, of Python's own too: the same on every machine, however busy."""

    candidates: int
    calls: int
    calls_each: float


def count_calls(size: Size) -> Counted:
    """Plan a made-up day under the profiler."""
    made = snapshot(size)
    profile = Profile()
    profile.runcall(plan, made)
    calls = Stats(profile).total_calls  # type: ignore[attr-defined] # set when it reads the profile; its stub knows none
    return Counted(size.candidates, calls, round(calls / size.candidates, 1))


def as_row(row: Measured) -> dict[str, object]:
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in asdict(row).items()}


def with_bound(row: Measured, made: Snapshot) -> dict[str, object]:
    """The row beside the most that any plan of this day could place."""
    possible = upper_bound(made)
    return as_row(row) | {"possible": possible, "placed_share": round(row.placed / possible, 4)}


def yardstick() -> float:
    """How fast this machine is at this moment."""
    start = time.process_time()
    total = 0
    for number in range(10_000_000):
        total += number
    return time.process_time() - start


def cpu_of(work: Callable[[], Result]) -> tuple[float, Result]:
    """CPU seconds of this process for some work, and its result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def peak_mb() -> int:
    """The most memory that this process ever held."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes // (1024 * 1024 if sys.platform == "darwin" else 1024)
