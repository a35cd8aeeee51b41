"""Windows on the wall clock as UTC spans. Change-over times are those of the IANA zone data for 2026."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.calendar import (
    DailyHours,
    Span,
    UnknownZoneError,
    Weekday,
    WeeklyWindow,
    common,
    day_spans,
    load_zone,
    local_spans,
    merged,
    overlap,
    weekly_spans,
    without,
)

BERLIN = load_zone("Europe/Berlin")
NINE_TO_FIVE = DailyHours(time(9), time(17))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def spans(*texts: tuple[str, str]) -> tuple[Span, ...]:
    return tuple(Span(at(start), at(end)) for start, end in texts)


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Europe/Berlin", "2026-06-10T07:00", "2026-06-10T15:00"),
        ("Asia/Kolkata", "2026-06-10T03:30", "2026-06-10T11:30"),
        ("Asia/Kathmandu", "2026-06-10T03:15", "2026-06-10T11:15"),
        ("Pacific/Tongatapu", "2026-06-09T20:00", "2026-06-10T04:00"),
        ("Pacific/Pago_Pago", "2026-06-10T20:00", "2026-06-11T04:00"),
    ],
)
def test_nine_to_five_is_nine_to_five_in_every_zone(zone: str, start: str, end: str) -> None:
    assert local_spans(date(2026, 6, 10), NINE_TO_FIVE, load_zone(zone)) == spans((start, end))


def test_a_window_over_midnight_ends_on_the_next_day() -> None:
    window = DailyHours(time(22), time(2))

    assert local_spans(date(2026, 6, 10), window, BERLIN) == spans(("2026-06-10T20:00", "2026-06-11T00:00"))


def test_the_hour_that_the_clock_skips_takes_no_time() -> None:
    window = DailyHours(time(1), time(4))

    assert local_spans(date(2026, 3, 29), window, BERLIN) == spans(("2026-03-29T00:00", "2026-03-29T02:00"))


def test_a_window_that_lies_in_the_skipped_hour_is_empty() -> None:
    assert local_spans(date(2026, 3, 29), DailyHours(time(2), time(3)), BERLIN) == ()


def test_the_hour_that_the_clock_repeats_counts_twice() -> None:
    window = DailyHours(time(1), time(4))

    assert local_spans(date(2026, 10, 25), window, BERLIN) == spans(("2026-10-24T23:00", "2026-10-25T03:00"))


def test_a_window_cut_by_the_repetition_comes_as_two_spans() -> None:
    window = DailyHours(time(2, 30), time(4))

    assert local_spans(date(2026, 10, 25), window, BERLIN) == spans(
        ("2026-10-25T00:30", "2026-10-25T01:00"), ("2026-10-25T01:30", "2026-10-25T03:00")
    )


def test_change_over_nights_last_23_and_25_hours() -> None:
    short, long = (day_spans(day, BERLIN) for day in (date(2026, 3, 29), date(2026, 10, 25)))

    assert [(span.end - span.start) / 3600 for span in (*short, *long)] == [23, 25]


def test_a_date_that_a_zone_skipped_has_no_time() -> None:
    assert day_spans(date(2011, 12, 30), load_zone("Pacific/Apia")) == ()


def test_a_window_over_midnight_opens_on_its_weekday_and_runs_into_the_next() -> None:
    friday_night = WeeklyWindow(frozenset({Weekday.FRIDAY}), DailyHours(time(22), time(2)))

    found = weekly_spans([date(2026, 6, 12), date(2026, 6, 13)], friday_night, BERLIN)

    assert found == spans(("2026-06-12T20:00", "2026-06-13T00:00"))


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "Europe", "a\0b"])
def test_a_zone_nobody_knows_is_an_error_of_its_own(name: str) -> None:
    with pytest.raises(UnknownZoneError):
        load_zone(name)


@given(
    st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"]
    ),
    st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    st.times(),
    st.times(),
    st.integers(-20 * 60, 44 * 60),
)
def test_an_instant_is_in_a_window_exactly_when_the_wall_clock_is(
    name: str, day: date, start: time, end: time, minute: int
) -> None:
    zone = ZoneInfo(name)
    hours = DailyHours(start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0))
    instant = at(day.isoformat()) + minute * 60
    wall = datetime.fromtimestamp(instant, zone).replace(tzinfo=None)
    opens = datetime.combine(day, hours.start)
    closes = datetime.combine(day if hours.end > hours.start else date.fromordinal(day.toordinal() + 1), hours.end)

    found = any(span.start <= instant < span.end for span in local_spans(day, hours, zone))

    assert found == (opens <= wall < closes)


points = st.integers(0, 40)
many_spans = st.lists(st.tuples(points, points).filter(lambda p: p[0] < p[1]).map(lambda p: Span(*p)), max_size=5)


@given(many_spans, many_spans, points)
def test_spans_combine_as_sets_of_instants(left: list[Span], right: list[Span], point: int) -> None:
    def holds(rows: tuple[Span, ...] | list[Span]) -> bool:
        return any(span.start <= point < span.end for span in rows)

    assert holds(merged(left)) == holds(left)
    assert holds(common(left, right)) == (holds(left) and holds(right))
    assert holds(without(left, right)) == (holds(left) and not holds(right))
    assert overlap(left, right) == bool(common(left, right))
