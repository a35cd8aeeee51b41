"""When people may be written to: wall-clock windows as UTC spans, and business days.

Here belongs arithmetic on days, zones, windows and holidays. Not here: who is written to, from which mailbox, and
where holidays come from (they are given in). Zones are IANA names (RFC 9557, section 1.2), read through `zoneinfo`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECONDS_PER_DAY = 86_400
_ONE_DAY = timedelta(days=1)
_ONE_SECOND = timedelta(seconds=1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall-clock times have no zone until a span of one offset gives them one
# Offsets lie within UTC-12 and UTC+14 today; a day more on both sides also covers a move over the date line.
_MARGIN = 36 * 3600
# No zone has ever changed its offset twice within three hours, so samples this far apart find each change.
_SAMPLE = 3 * 3600


class Weekday(IntEnum):
    """Numbered as `date.weekday()` does."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class UnknownZoneError(ValueError):
    """A zone name that the installed zone data does not hold."""


class NoBusinessDayError(ValueError):
    """A calendar whose weekend is the whole week: counting business days would never end."""


class Span(NamedTuple):
    """A half-open stretch of time, [start, end), in whole seconds since 1970-01-01T00:00Z."""

    start: int
    end: int


class _OffsetPiece(NamedTuple):
    """A stretch of UTC seconds through which a zone keeps one offset (seconds east of UTC)."""

    start: int
    end: int
    offset: int


@dataclass(frozen=True, slots=True)
class DailyHours:
    """Wall-clock hours of a day. `end` at or before `start` means the next day; both equal mean the whole 24 hours."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class WeeklyWindow:
    """Hours that open on some weekdays. A window over midnight belongs to the day on which it opens."""

    weekdays: frozenset[Weekday]
    hours: DailyHours


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Which days are worked. Raises `NoBusinessDayError` when the weekend takes all seven."""

    weekend: frozenset[Weekday]
    holidays: frozenset[date]

    def __post_init__(self) -> None:
        if len(self.weekend) >= len(Weekday):
            message = "a weekend of seven days leaves no business day"
            raise NoBusinessDayError(message)


def load_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises `UnknownZoneError`, also for names that are paths or empty."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"unknown time zone {name!r}"
        raise UnknownZoneError(message) from error


def epoch_seconds(moment: datetime) -> int:
    """Whole seconds since 1970 of an aware time, fractions cut."""
    return (moment - _EPOCH_UTC) // _ONE_SECOND


def utc_time(seconds: int) -> datetime:
    """The aware UTC time of whole seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def local_date(seconds: int, zone: ZoneInfo) -> date:
    """The date on the wall in `zone` at an instant."""
    return datetime.fromtimestamp(seconds, zone).date()


def local_spans(day: date, hours: DailyHours, zone: ZoneInfo) -> tuple[Span, ...]:
    """The instants at which a clock in `zone` shows `hours` of `day`.

    Exact on change-over nights: an hour that the clock skips takes no time, one that it repeats counts twice, and
    a window cut by the repetition (01:30 to 03:00 when 02:00 turns back to 01:00) comes as two spans. A day that the
    zone skipped altogether (Pacific/Apia, 2011-12-30) has none.
    """
    runs_over = hours.end <= hours.start
    begin = _wall_seconds(datetime.combine(day, hours.start))
    end = _wall_seconds(datetime.combine(day + _ONE_DAY if runs_over else day, hours.end))
    pieces = _offset_pieces(begin // SECONDS_PER_DAY, zone)
    clipped = (Span(max(p.start, begin - p.offset), min(p.end, end - p.offset)) for p in pieces)
    return merged(span for span in clipped if span.start < span.end)


def day_spans(day: date, zone: ZoneInfo) -> tuple[Span, ...]:
    """The instants of a local date: 23, 24 or 25 hours, or none."""
    return local_spans(day, DailyHours(time(0), time(0)), zone)


def weekly_spans(days: Iterable[date], window: WeeklyWindow, zone: ZoneInfo) -> tuple[Span, ...]:
    """The instants of all windows that open on `days`."""
    open_days = (day for day in days if day.weekday() in window.weekdays)
    return merged(span for day in open_days for span in local_spans(day, window.hours, zone))


def dates_around(span: Span, zone: ZoneInfo) -> tuple[date, ...]:
    """Every local date that touches `span`, with one more on both sides for windows over midnight."""
    first = local_date(span.start, zone) - _ONE_DAY
    last = local_date(span.end, zone) + _ONE_DAY
    return tuple(first + _ONE_DAY * offset for offset in range((last - first).days + 1))


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sorted, without overlap, neighbours that touch made one."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return tuple(result)


def common(left: Iterable[Span], right: Iterable[Span]) -> tuple[Span, ...]:
    """The instants in both."""
    rights = tuple(right)
    pairs = (Span(max(a.start, b.start), min(a.end, b.end)) for a in left for b in rights)
    return merged(span for span in pairs if span.start < span.end)


def overlap(left: Iterable[Span], right: Iterable[Span]) -> bool:
    """Whether any instant is in both."""
    rights = tuple(right)
    for a in left:
        for b in rights:
            if a.start < b.end and b.start < a.end:
                return True
    return False


def without(spans: Iterable[Span], holes: Iterable[Span]) -> tuple[Span, ...]:
    """The instants of `spans` that lie in none of `holes`."""
    left = tuple(spans)
    for hole in holes:
        left = tuple(part for span in left for part in _cut(span, hole))
    return merged(left)


def is_business_day(day: date, calendar: WorkCalendar) -> bool:
    return day.weekday() not in calendar.weekend and day not in calendar.holidays


def add_business_days(day: date, count: int, calendar: WorkCalendar) -> date:
    """The `count`-th business day after `day`; for 0 the day itself, or the first business day after it."""
    left = count
    result = day
    while left > 0 or not is_business_day(result, calendar):
        result += _ONE_DAY
        left -= is_business_day(result, calendar)
    return result


def business_days_between(start: date, end: date, calendar: WorkCalendar) -> int:
    """How many business days lie in (start, end]; 0 when `end` is not after `start`."""
    days = (start + _ONE_DAY * offset for offset in range(1, (end - start).days + 1))
    return sum(is_business_day(day, calendar) for day in days)


def _cut(span: Span, hole: Span) -> Iterator[Span]:
    for part in (Span(span.start, min(span.end, hole.start)), Span(max(span.start, hole.end), span.end)):
        if part.start < part.end:
            yield part


def _wall_seconds(wall: datetime) -> int:
    return (wall - _EPOCH) // _ONE_SECOND


@lru_cache(maxsize=4096)
def _offset_pieces(epoch_day: int, zone: ZoneInfo) -> tuple[_OffsetPiece, ...]:
    """The zone's offsets over a local day and the one after it, with room on both sides."""
    start = epoch_day * SECONDS_PER_DAY - _MARGIN
    end = (epoch_day + 2) * SECONDS_PER_DAY + _MARGIN
    changes = [_change(at, at + _SAMPLE, zone) for at in range(start, end, _SAMPLE) if _differs(at, zone)]
    bounds = [start, *changes, end]
    return tuple(_OffsetPiece(a, b, _offset(a, zone)) for a, b in pairwise(bounds))


def _differs(at: int, zone: ZoneInfo) -> bool:
    return _offset(at, zone) != _offset(at + _SAMPLE, zone)


def _change(before: int, after: int, zone: ZoneInfo) -> int:
    """The first second with the later offset, by halving."""
    old = _offset(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after


def _offset(seconds: int, zone: ZoneInfo) -> int:
    shift = datetime.fromtimestamp(seconds, zone).utcoffset()
    return shift // _ONE_SECOND if shift is not None else 0
