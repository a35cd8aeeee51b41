"""How long planning a day takes, how much memory, and how much of what is possible it places.

Prints one JSON object a figure: 60,000 candidates for 1,200 mailboxes with explanations, throttled and not, beside the
bound. `--growth`: 1,000 to 600,000 candidates, with a plot in var/; with `--calls` by calls of functions, which no other
work on the machine changes. `--tenants N`: N tenants of that size, two at a time, none
of them extrapolated. `--database`: reading and writing the plan of one tenant, as JSON and to PostgreSQL, timed apart. Each
day is made and planned in a process of its own.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from planning.growth import SIZES, against_n_log_n, draw, exponent, slope
from planning.measure import Counted, Measured, as_row, count_calls, measure, with_bound
from planning.stored import in_and_out
from planning.tenants import all_days
from planning.tenants import as_row as as_tenant_row
from planning.world import Size

ROOT = Path(__file__).parents[1]
PLOT = ROOT / "var" / "bench-plan.svg"
CANDIDATES = 60_000
CANDIDATES_OF_MAILBOX = 50
CANDIDATES_OF_POOL = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, help="measure this size alone, in this process")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--unthrottled", action="store_true", help="no recipient domain has a cap")
    parser.add_argument("--bound", action="store_true", help="also solve for the most that could be placed")
    parser.add_argument("--best-of", type=int, default=1)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--up-to", type=int, default=SIZES[-1], help="the largest size of --growth")
    parser.add_argument("--calls", action="store_true", help="count calls of functions instead of seconds")
    parser.add_argument("--tenants", type=int, default=0, help="only so many tenants, two at a time")
    parser.add_argument("--database", action="store_true", help="only JSON and PostgreSQL, in and out")
    options = parser.parse_args()
    if options.database:
        size = size_of(options.candidates or CANDIDATES, throttled=True, seed=options.seed)
        show({"what": "in and out"} | in_and_out(size))
        return
    sizes = [size for size in SIZES if size <= options.up_to]
    if options.growth and options.calls:
        show_growth_of_calls(sizes)
    elif options.growth:
        show_growth(sizes)
    if options.tenants:
        show_tenants(options.tenants, options.candidates or CANDIDATES)
    if options.growth or options.tenants:
        return
    if options.candidates:
        size = size_of(options.candidates, throttled=not options.unthrottled, seed=options.seed)
        if options.calls:
            show(asdict(count_calls(size)))
            return
        row, made, _ = measure(size, best_of=options.best_of)
        show(with_bound(row, made) if options.bound else as_row(row))
        return
    for title, more in (("six domains throttled", ()), ("no throttle", ("--unthrottled",))):
        show({"what": title} | apart(CANDIDATES, "--bound", "--best-of", "3", *more))


def size_of(candidates: int, *, throttled: bool, seed: int) -> Size:
    """Mailboxes and pools in proportion: 1,200 and 30 for 60,000."""
    mailboxes = max(4, candidates // CANDIDATES_OF_MAILBOX)
    return Size(candidates, mailboxes, max(1, candidates // CANDIDATES_OF_POOL), throttled=throttled, seed=seed)


def show(row: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


def apart(candidates: int, *more: str) -> dict[str, object]:
    """A measurement in a process of its own."""
    command = [sys.executable, __file__, "--candidates", str(candidates), *more]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row: dict[str, object] = json.loads(done.stdout)
    return row


def show_growth_of_calls(sizes: Sequence[int]) -> None:
    rows = [Counted(**apart(candidates, "--calls")) for candidates in sizes]
    for row in rows:
        show({"what": "growth"} | asdict(row))
    show({"exponent_of_calls": round(slope([(row.candidates, row.calls) for row in rows]), 3)})


def show_growth(sizes: Sequence[int]) -> None:
    rows: list[Measured] = []
    for candidates in sizes:
        row = apart(candidates, "--best-of", "3" if candidates <= 30_000 else "1")
        show({"what": "growth"} | row)
        rows.append(Measured(**row))
    draw(rows, PLOT)
    show({"exponent": round(exponent(rows), 3), "over_n_log_n": round(against_n_log_n(rows), 2), "plot": str(PLOT.relative_to(ROOT))})  # fmt: skip


def show_tenants(count: int, candidates: int) -> None:
    sizes = (size_of(candidates, throttled=True, seed=seed) for seed in range(1, count + 1))
    summary = all_days(sizes, tell=lambda row: show({"what": "tenant"} | as_tenant_row(row)))
    show({"what": f"{count} tenants of {candidates:,} candidates"} | summary)


if __name__ == "__main__":
    main()
