"""Many schedules over all cores, summed up.

Belongs here: sharing the work out, and the sum. Does not: what one schedule is (`schedule`, `world`), nor printing (`cli`).
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Protocol

from outreach_pipelines.proof.drawing import draw
from outreach_pipelines.proof.judge import Promise
from outreach_pipelines.proof.memory_system import found_in_memory
from outreach_pipelines.proof.schedule import Schedule
from outreach_pipelines.proof.shrink import shrink, story
from outreach_pipelines.proof.world import Founding, Witnesses, live

CHUNK = 500
MOST_STORIES = 3
Progress = Callable[[int], None]


@dataclass(slots=True)
class Sum:
    """What came of many schedules. `duplicates` and `lost` count schedules; the rest counts messages."""

    schedules: int = 0
    duplicates: int = 0
    lost: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    released_on_absence: int = 0
    sent: int = 0
    states: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    failing: list[int] = field(default_factory=list)
    stories: list[str] = field(default_factory=list)

    def add(self, other: "Sum") -> None:
        """Take in what another process counted."""
        self.schedules += other.schedules
        self.duplicates += other.duplicates
        self.lost += other.lost
        self.unknown += other.unknown
        self.released_on_absence += other.released_on_absence
        self.sent += other.sent
        self.broken += other.broken
        self.states += other.states
        self.injected += other.injected
        self.failing = sorted([*self.failing, *other.failing])
        self.stories = [*self.stories, *other.stories][:MOST_STORIES]

    def count(self, seed: int, witnesses: Witnesses) -> bool:
        """Take in one schedule; whether a promise was broken."""
        broken = {each.promise for each in witnesses.broken()}
        self.schedules += 1
        self.duplicates += Promise.NEVER_TWICE in broken
        self.lost += Promise.NEVER_LOST in broken
        self.broken.update(broken)
        self.states.update(each.state for each in witnesses.messages)
        self.unknown += sum(each.state == "unknown" for each in witnesses.messages)
        self.released_on_absence += sum(each.released_on_absence for each in witnesses.messages)
        self.sent += len(witnesses.journal.taken)
        self.injected += witnesses.injected
        if broken:
            self.failing.append(seed)
        return bool(broken)


class Parts(Protocol):
    """What was lived already of a proof that may be ended."""

    def known(self, seeds: range) -> Sum | None:
        """What came of these seeds; None when they are still to be lived."""
        ...

    def keep(self, seeds: range, part: Sum) -> None:
        """They were lived, with this outcome."""
        ...


class NoParts:
    """A proof that begins anew each time."""

    def known(self, seeds: range) -> None:
        """Nothing is."""

    def keep(self, seeds: range, part: Sum) -> None:
        """Nothing is kept."""


def run_schedules(
    seeds: range,
    *,
    processes: int,
    found: Founding = found_in_memory,
    progress: Progress,
    chunk: int = CHUNK,
    parts: Parts = NoParts(),  # noqa: B008 - it holds nothing
) -> Sum:
    """Live all schedules of these seeds, over so many processes. The sum is the same for any number of them."""
    total = Sum()
    chunks = [seeds[at : at + chunk] for at in range(0, len(seeds), chunk)]
    known = {each: part for each in chunks if (part := parts.known(each)) is not None}
    for part in known.values():
        total.add(part)
        progress(part.schedules)
    for lived, part in _lived([each for each in chunks if each not in known], processes, found):
        parts.keep(lived, part)
        total.add(part)
        progress(part.schedules)
    total.stories = [tell_failure(seed, found) for seed in total.failing[:MOST_STORIES]]
    return total


def _lived(chunks: Sequence[range], processes: int, found: Founding) -> Iterator[tuple[range, Sum]]:
    if processes == 1:
        yield from ((chunk, run_chunk(chunk, found)) for chunk in chunks)
        return
    # Fresh interpreters: nothing of this process's threads or connections comes along.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        lives = {pool.submit(run_chunk, chunk, found): chunk for chunk in chunks}
        for done in as_completed(lives):
            yield lives[done], done.result()


def run_chunk(seeds: range, found: Founding) -> Sum:
    """Some schedules in this process."""
    part = Sum()
    # Worlds are circles of objects, and each is dropped whole: looking for them after every few calls only costs time.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for seed in seeds:
            try:
                part.count(seed, live(draw(seed), found))
            except Exception as fault:
                fault.add_note(f"in the schedule of seed {seed}")
                raise
    finally:
        gc.enable()
        gc.unfreeze()
    return part


def tell_failure(seed: int, found: Founding) -> str:
    """The shortest schedule that still breaks a promise of this seed's, as a story."""

    def fails(schedule: Schedule) -> bool:
        return bool(live(schedule, found).broken())

    shortest = shrink(draw(seed), fails)
    witnesses = live(shortest, found)
    return story(seed, shortest, witnesses.journal, witnesses.broken())
