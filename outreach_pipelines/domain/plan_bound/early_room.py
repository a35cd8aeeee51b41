"""What a mailbox can give to messages that a hold slows: those leave while less than the hold's part of its cap is used.

Belongs here: that room, in windows of cells. Does not: which messages are slowed (`demand`).

Of all slowed messages of a date the last one has the others before it, and whatever left before for certain. So many fit
in after a moment, whatever else the plan places. What a plan itself places before the moment takes of it too, unless no
slowed message follows: that is an either-or, and the line between both ends never lies below it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor

from outreach_pipelines.domain.calendar import SECONDS_PER_DAY, Span, day_spans, epoch_seconds, load_zone
from outreach_pipelines.domain.plan_bound.supply import Cell, MailboxSupply
from outreach_pipelines.domain.send_plan.kept_places import ROLLING
from outreach_pipelines.domain.send_plan.snapshot import Mailbox


@dataclass(frozen=True, slots=True)
class EarlyRoom:
    """At most `room` slowed messages in all of `cells`. What leaves in the cells `before` is `most_before` at most, and
    takes of the room of any that follows."""

    cells: frozenset[Cell]
    room: int
    before: frozenset[Cell]
    most_before: int


def early_room(supply: MailboxSupply, factor: Fraction) -> Iterator[EarlyRoom]:
    """For messages of which holds leave `factor` or less."""
    cap = supply.mailbox.daily_cap
    if cap is None:
        return
    times = sorted(map(epoch_seconds, supply.mailbox.other_sends))
    for day in {cell.day for cell in supply.reach}:
        yield from _of_date(supply, day, times, floor(cap * factor))
    yield from _of_24_hours(supply, times, floor(cap * factor * ROLLING))


def _of_date(supply: MailboxSupply, day: date, times: Sequence[int], room: int) -> Iterator[EarlyRoom]:
    whole = day_spans(day, load_zone(supply.mailbox.zone))
    start, end = bisect_left(times, whole[0].start), bisect_left(times, whole[-1].end)
    timeless = max(0, _sent_on(supply.mailbox, day) - (end - start))
    reach = {cell: span for cell, span in supply.reach.items() if cell.day == day}
    most = sum(window.room for window in supply.dates if not window.cells.isdisjoint(reach))
    for moment in _moments(reach.values()):
        cells = frozenset(cell for cell, span in reach.items() if span.start >= moment)
        sent = timeless + bisect_left(times, moment) - start
        before = frozenset(cell for cell, span in reach.items() if span.end < moment)
        yield EarlyRoom(cells, max(0, room - sent), before, min(most, _slots(supply, before)))


def _of_24_hours(supply: MailboxSupply, times: Sequence[int], room: int) -> Iterator[EarlyRoom]:
    """Each run of cells up to where fewer of the earlier messages lie in the 24 hours before its last moment."""
    cells = sorted(supply.reach, key=lambda cell: supply.reach[cell].start)
    for first, cell in enumerate(cells):
        moment, sent = supply.reach[cell].start, -1
        for last in range(len(cells), first, -1):
            since = supply.reach[cells[last - 1]].end - SECONDS_PER_DAY
            standing = bisect_left(times, moment) - bisect_right(times, since)
            if since < moment and standing > sent:
                sent = standing
                before = frozenset(cell for cell in cells[:first] if since < supply.reach[cell].start)
                most = min(supply.room_of_day(), _slots(supply, before))
                yield EarlyRoom(frozenset(cells[first:last]), max(0, room - sent), before, most)


def _slots(supply: MailboxSupply, cells: Iterable[Cell]) -> int:
    return sum(supply.slots[cell] for cell in cells)


def _moments(spans: Iterable[Span]) -> list[int]:
    return sorted({span.start for span in spans})


def _sent_on(mailbox: Mailbox, day: date) -> int:
    return sum(sends.count for sends in mailbox.sends_by_day if sends.day == day)
