"""A hundred tenants' days, each planned in a process of its own that makes its snapshot, reads its JSON, plans, and ends.

Belongs here: tenants side by side. Does not: a single day (`measure`), its content (`world`).
"""

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from statistics import median

from planning.measure import cpu_of, peak_mb
from planning.world import Size, snapshot

from outreach_pipelines.domain.send_plan.codec import decode_snapshot, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan

PROCESSES = 2


@dataclass(frozen=True, slots=True)
class TenantDay:
    """CPU seconds of one process: making the day and writing it as JSON, reading that, and planning, which includes the
    explanations and the hashes of snapshot and plan. `elapsed` is the wall clock of the planning alone."""

    seed: int
    candidates: int
    mailboxes: int
    placed: int
    made: float
    read: float
    planned: float
    elapsed: float
    peak_mb: int
    plan_hash: str


def tenant_day(size: Size) -> TenantDay:
    """Made, planned and forgotten."""
    made, encoded = cpu_of(lambda: encode_snapshot(snapshot(size)))
    read, day = cpu_of(lambda: decode_snapshot(encoded))
    gc.collect()
    gc.freeze()
    start = time.monotonic()
    planned, result = cpu_of(lambda: plan(day))
    elapsed, placed = time.monotonic() - start, len(result.placements)
    return TenantDay(
        size.seed, size.candidates, size.mailboxes, placed, made, read, planned, elapsed, peak_mb(), result.plan_hash
    )


def all_days(sizes: Iterable[Size], *, tell: Callable[[TenantDay], None]) -> dict[str, object]:
    """Every tenant's day, two at a time."""
    start, rows = time.monotonic(), list[TenantDay]()
    with get_context("spawn").Pool(PROCESSES, maxtasksperchild=1) as pool:
        for row in pool.imap_unordered(tenant_day, sizes, chunksize=1):
            rows.append(row)
            tell(row)
    return _summary(rows, time.monotonic() - start)


def _summary(rows: list[TenantDay], wall: float) -> dict[str, object]:
    planned, read = sum(row.planned for row in rows), sum(row.read for row in rows)
    return {
        "tenants": len(rows),
        "candidates": sum(row.candidates for row in rows),
        "mailboxes": sum(row.mailboxes for row in rows),
        "placed": sum(row.placed for row in rows),
        "processes": PROCESSES,
        "plan_cpu_s": round(planned, 1),
        "plan_cpu_s_by_processes": round(planned / PROCESSES, 1),
        "read_json_cpu_s": round(read, 1),
        "read_and_plan_cpu_s_by_processes": round((read + planned) / PROCESSES, 1),
        "plan_cpu_s_each_median": round(median(row.planned for row in rows), 2),
        "plan_elapsed_s_by_processes": round(sum(row.elapsed for row in rows) / PROCESSES, 1),
        "making_the_data_cpu_s": round(sum(row.made for row in rows), 1),
        "elapsed_s_with_making": round(wall, 1),
        "peak_mb_highest": max(row.peak_mb for row in rows),
        "peak_mb_median": median(row.peak_mb for row in rows),
    }


def as_row(row: TenantDay) -> dict[str, object]:
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in asdict(row).items()}
