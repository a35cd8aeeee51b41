"""What a mailbox can give to messages that a hold slows: those leave while less than the hold's part of its cap is used.

Belongs here: that room, in windows of cells. Does not: which messages are slowed (`demand`).

Of all slowed messages of a date the last one has the others before it, and whatever left before for certain. So many fit
in after a moment, whatever else the plan places; what a plan itself places before them is left out: the bound is weaker
there, and linear.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from math import floor

from outreach_pipelines.domain.calendar import SECONDS_PER_DAY, Span, day_spans, epoch_seconds, load_zone
from outreach_pipelines.domain.plan_bound.supply import MailboxSupply, Window
from outreach_pipelines.domain.send_plan.kept_places import ROLLING
from outreach_pipelines.domain.send_plan.snapshot import Mailbox


def early_room(supply: MailboxSupply, factor: Fraction) -> Iterator[Window]:
    """Where at most so many messages fit of which holds leave `factor` or less."""
    cap = supply.mailbox.daily_cap
    if cap is None:
        return
    times = sorted(map(epoch_seconds, supply.mailbox.other_sends))
    for day in {cell.day for cell in supply.reach}:
        yield from _of_date(supply, day, times, floor(cap * factor))
    yield from _of_24_hours(supply, times, floor(cap * factor * ROLLING))


def _of_date(supply: MailboxSupply, day: date, times: Sequence[int], room: int) -> Iterator[Window]:
    whole = day_spans(day, load_zone(supply.mailbox.zone))
    start, end = bisect_left(times, whole[0].start), bisect_left(times, whole[-1].end)
    timeless = max(0, _sent_on(supply.mailbox, day) - (end - start))
    reach = {cell: span for cell, span in supply.reach.items() if cell.day == day}
    for moment in _moments(reach.values()):
        cells = frozenset(cell for cell, span in reach.items() if span.start >= moment)
        before = bisect_left(times, moment) - start
        yield Window(cells, max(0, room - timeless - before))


def _of_24_hours(supply: MailboxSupply, times: Sequence[int], room: int) -> Iterator[Window]:
    for moment in _moments(supply.reach.values()):
        within = {
            cell: span
            for cell, span in supply.reach.items()
            if span.start >= moment and span.end < moment + SECONDS_PER_DAY
        }
        # The 24 hours before the last of them hold at least this.
        last = max((span.end for span in within.values()), default=moment)
        before = bisect_left(times, moment) - bisect_right(times, last - SECONDS_PER_DAY)
        yield Window(frozenset(within), max(0, room - before))


def _moments(spans: Iterable[Span]) -> list[int]:
    return sorted({span.start for span in spans})


def _sent_on(mailbox: Mailbox, day: date) -> int:
    return sum(sends.count for sends in mailbox.sends_by_day if sends.day == day)
