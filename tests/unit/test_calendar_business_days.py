"""Counting business days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.calendar import (
    NoBusinessDayError,
    Weekday,
    WorkCalendar,
    add_business_days,
    business_days_between,
    is_business_day,
)

EASTER_2026 = frozenset({date(2026, 4, 3), date(2026, 4, 6)})  # Good Friday and Easter Monday
GERMAN = WorkCalendar(frozenset({Weekday.SATURDAY, Weekday.SUNDAY}), EASTER_2026)
THURSDAY_BEFORE, TUESDAY_AFTER = date(2026, 4, 2), date(2026, 4, 7)


def test_weekend_and_holidays_are_no_business_days() -> None:
    days = (date(2026, 4, 2) + timedelta(days=n) for n in range(6))

    assert [is_business_day(day, GERMAN) for day in days] == [True, False, False, False, False, True]


def test_a_delay_skips_weekend_and_holidays() -> None:
    assert add_business_days(THURSDAY_BEFORE, 1, GERMAN) == TUESDAY_AFTER


def test_no_delay_from_a_holiday_is_the_next_business_day() -> None:
    assert add_business_days(date(2026, 4, 3), 0, GERMAN) == TUESDAY_AFTER


def test_no_delay_from_a_business_day_is_that_day() -> None:
    assert add_business_days(THURSDAY_BEFORE, 0, GERMAN) == THURSDAY_BEFORE


def test_waiting_over_easter_is_one_business_day() -> None:
    assert business_days_between(THURSDAY_BEFORE, TUESDAY_AFTER, GERMAN) == 1


def test_a_friday_and_saturday_weekend_works_on_sunday() -> None:
    calendar = WorkCalendar(frozenset({Weekday.FRIDAY, Weekday.SATURDAY}), frozenset())

    assert add_business_days(date(2026, 4, 2), 1, calendar) == date(2026, 4, 5)


def test_a_calendar_without_business_days_cannot_be_made() -> None:
    with pytest.raises(NoBusinessDayError):
        WorkCalendar(frozenset(Weekday), frozenset())


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(0, 30))
def test_adding_and_counting_agree(start: date, count: int) -> None:
    end = add_business_days(start, count, GERMAN)

    assert is_business_day(end, GERMAN)
    assert count == 0 or business_days_between(start, end, GERMAN) == count
