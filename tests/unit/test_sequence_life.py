"""What news does to an enrollment."""

from datetime import date

from outreach_pipelines.domain.calendar import Weekday, WorkCalendar
from outreach_pipelines.domain.sequence import (
    Active,
    Ended,
    EndReason,
    OutOfOffice,
    SequencePolicy,
    SoftBounced,
    StepSent,
    after_news,
    waited_too_long,
)

CALENDAR = WorkCalendar(frozenset({Weekday.SATURDAY, Weekday.SUNDAY}), frozenset({date(2026, 3, 16)}))
POLICY = SequencePolicy(CALENDAR, delays=(0, 3, 5))
TUESDAY = date(2026, 3, 10)
SECOND_STEP = Active(2, date(2026, 3, 13))


def test_the_next_step_waits_its_business_days_over_weekend_and_holiday() -> None:
    friday = date(2026, 3, 13)

    assert after_news(SECOND_STEP, StepSent(friday), POLICY) == Active(3, date(2026, 3, 23))


def test_after_the_last_step_the_sequence_is_complete() -> None:
    assert after_news(Active(3, TUESDAY), StepSent(TUESDAY), POLICY) == Ended(EndReason.COMPLETED, TUESDAY)


def test_after_an_absence_until_friday_the_day_of_return_is_left_alone() -> None:
    news = OutOfOffice(TUESDAY, until=date(2026, 3, 13))

    assert after_news(SECOND_STEP, news, POLICY) == Active(2, date(2026, 3, 18))  # Monday is a holiday


def test_an_absence_without_a_date_waits_the_policys_days() -> None:
    assert after_news(SECOND_STEP, OutOfOffice(TUESDAY, until=None), POLICY) == Active(2, date(2026, 3, 18))


def test_an_absence_that_is_already_over_delays_by_one_business_day_from_today() -> None:
    due = Active(2, date(2026, 3, 9))

    assert after_news(due, OutOfOffice(TUESDAY, until=date(2026, 3, 2)), POLICY) == Active(2, date(2026, 3, 11))


def test_an_absence_that_ends_today_is_not_over_yet() -> None:
    news = OutOfOffice(TUESDAY, until=TUESDAY)

    assert after_news(Active(2, TUESDAY), news, POLICY) == Active(2, date(2026, 3, 12))  # back on the 11th


def test_an_absence_never_brings_a_step_forward() -> None:
    far = Active(3, date(2026, 4, 1))

    assert after_news(far, OutOfOffice(TUESDAY, until=date(2026, 3, 12)), POLICY) == far


def test_a_soft_bounce_delays_the_next_step_and_ends_nothing() -> None:
    assert after_news(SECOND_STEP, SoftBounced(date(2026, 3, 13)), POLICY) == Active(2, date(2026, 3, 18))


def test_waiting_is_too_long_only_after_the_limit() -> None:
    due, fifth, sixth = date(2026, 3, 10), date(2026, 3, 18), date(2026, 3, 19)

    assert not waited_too_long(due, fifth, CALENDAR, longest_wait=5)
    assert waited_too_long(due, sixth, CALENDAR, longest_wait=5)
