"""What mailboxes can give on the day, cut into cells: stretches of time in which all slots are alike.

Belongs here: slots, room by date, by 24 hours, and for new leads. Does not: who gets them.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import NamedTuple

from outreach_pipelines.domain.calendar import SECONDS_PER_DAY, Span, epoch_seconds, load_zone, local_date
from outreach_pipelines.domain.send_plan.capacity import effective_cap
from outreach_pipelines.domain.send_plan.kept_places import ROLLING
from outreach_pipelines.domain.send_plan.slots import free_slots
from outreach_pipelines.domain.send_plan.snapshot import Mailbox, Snapshot
from outreach_pipelines.domain.send_plan.windows import PlanDay

MOST_TURNS = 6
"""Moments at which a mailbox's 24 hours let something go again; of more, some are taken. Fewer rows, a weaker bound."""


class Cell(NamedTuple):
    """Slots of a mailbox within one stretch of the day's grid, one local date, and between two turns of its 24 hours."""

    stretch: int
    day: date
    turn: int


@dataclass(frozen=True, slots=True)
class Window:
    """At most `room` messages in all of `cells`."""

    cells: frozenset[Cell]
    room: int


@dataclass(frozen=True, slots=True)
class MailboxSupply:
    """Slots by cell, the first and the last moment of each cell's, and what limits them: local dates, 24 hours. `cap` is
    the effective one, None without."""

    mailbox: Mailbox
    slots: Mapping[Cell, int]
    reach: Mapping[Cell, Span]
    dates: tuple[Window, ...]
    rolling: tuple[Window, ...]
    cap: int | None

    def room_of_day(self) -> int:
        """What the whole day can hold, at most."""
        if self.cap is None:
            return sum(self.slots.values())
        return sum(min(date.room, sum(self.slots[cell] for cell in date.cells)) for date in self.dates)


@dataclass(frozen=True, slots=True)
class Grid:
    """Bounds of the day's stretches, ascending, in seconds: stretch n lies between bound n and bound n + 1."""

    bounds: tuple[int, ...]

    def stretch_of(self, moment: int) -> int | None:
        """The stretch that holds a moment, None outside of the grid."""
        index = bisect_right(self.bounds, moment) - 1
        return index if 0 <= index < len(self.bounds) - 1 else None

    def within(self, spans: Sequence[Span]) -> frozenset[int]:
        """Every stretch that touches the spans: where a bound cuts a stretch, the whole of it counts."""
        return frozenset(
            index
            for span in spans
            for index in range(max(0, bisect_right(self.bounds, span.start) - 1), bisect_left(self.bounds, span.end))
            if index < len(self.bounds) - 1
        )


def grid_of(spans: Sequence[tuple[Span, ...]], most: int) -> Grid:
    """All moments at which anybody's open time begins or ends; of more than `most`, some in even steps."""
    moments = sorted({moment for row in spans for span in row for moment in span})
    step = ceil(len(moments) / most) if len(moments) > most else 1
    return Grid(tuple(sorted({*moments[::step], *moments[-1:]})))


def mailbox_supply(mailbox: Mailbox, snapshot: Snapshot, day: PlanDay, grid: Grid) -> MailboxSupply:
    """A mailbox's slots in cells, and the windows that limit them."""
    zone, others = load_zone(mailbox.zone), sorted(map(epoch_seconds, mailbox.other_sends))
    slots = free_slots(mailbox, snapshot, day, others)
    turns = _turns(others, slots)
    counts: Counter[Cell] = Counter()
    reach: dict[Cell, Span] = {}
    for at in slots:
        stretch = grid.stretch_of(at)
        if stretch is not None:
            cell = Cell(stretch, local_date(at, zone), bisect_right(turns, at))
            counts[cell] += 1
            reach[cell] = Span(reach[cell].start if cell in reach else at, at)
    cap = effective_cap(mailbox)
    rolling = _rolling(mailbox, reach, others, turns)
    return MailboxSupply(mailbox, counts, reach, tuple(_dates(mailbox, counts, cap)), tuple(rolling), cap)


def _turns(others: Sequence[int], slots: Sequence[int]) -> list[int]:
    if not slots:
        return []
    ends = sorted({at + SECONDS_PER_DAY for at in others if slots[0] < at + SECONDS_PER_DAY <= slots[-1]})
    return ends[:: max(1, ceil(len(ends) / MOST_TURNS))]


def _dates(mailbox: Mailbox, counts: Mapping[Cell, int], cap: int | None) -> list[Window]:
    if cap is None:
        return []
    sent = {row.day: row.count for row in mailbox.sends_by_day}
    by_day: dict[date, set[Cell]] = defaultdict(set)
    for cell in counts:
        by_day[cell.day].add(cell)
    return [Window(frozenset(cells), max(0, cap - sent.get(day, 0))) for day, cells in by_day.items()]


def _rolling(mailbox: Mailbox, reach: Mapping[Cell, Span], others: Sequence[int], turns: Sequence[int]) -> list[Window]:
    """For 24 hours that hold whole cells: what stands in them already takes its part of the limit."""
    if mailbox.daily_cap is None or not reach:
        return []
    factor = 1 if mailbox.hold is None else mailbox.hold.factor
    limit = int(mailbox.daily_cap * factor * ROLLING)
    first = min(span.start for span in reach.values())
    starts = sorted(
        {first, *(turn - SECONDS_PER_DAY for turn in turns)} | {at - SECONDS_PER_DAY + 1 for at in others if at > first}
    )
    windows: list[Window] = []
    for start in starts:
        end = start + SECONDS_PER_DAY
        cells = frozenset(cell for cell, span in reach.items() if start <= span.start and span.end < end)
        standing = bisect_left(others, end) - bisect_left(others, start)
        if cells:
            windows.append(Window(cells, max(0, limit - standing)))
    return windows
