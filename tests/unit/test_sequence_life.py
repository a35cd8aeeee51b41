"""What news does to an enrollment."""

from dataclasses import replace
from datetime import date

import pytest

from outreach_pipelines.domain.calendar import Weekday, WorkCalendar
from outreach_pipelines.domain.sequence import (
    Active,
    CompanyReplied,
    Ended,
    EndReason,
    Enrollment,
    OutOfOffice,
    Replied,
    SequenceNews,
    SequencePolicy,
    SoftBounced,
    StepSent,
    Stopped,
    after_news,
    enroll,
    waited_too_long,
)

CALENDAR = WorkCalendar(frozenset({Weekday.SATURDAY, Weekday.SUNDAY}), frozenset({date(2026, 3, 16)}))
POLICY = SequencePolicy(CALENDAR, delays=(0, 3, 5))
TUESDAY = date(2026, 3, 10)
SECOND_STEP = Active(2, date(2026, 3, 13))


def test_the_first_step_is_due_at_once_on_a_business_day() -> None:
    assert enroll(TUESDAY, POLICY) == Active(1, TUESDAY)


def test_a_campaign_without_steps_is_complete_before_it_begins() -> None:
    assert enroll(TUESDAY, replace(POLICY, delays=())) == Ended(EndReason.COMPLETED, TUESDAY)


def test_the_next_step_waits_its_business_days_over_weekend_and_holiday() -> None:
    friday = date(2026, 3, 13)

    assert after_news(SECOND_STEP, StepSent(friday), POLICY) == Active(3, date(2026, 3, 23))


def test_after_the_last_step_the_sequence_is_complete() -> None:
    assert after_news(Active(3, TUESDAY), StepSent(TUESDAY), POLICY) == Ended(EndReason.COMPLETED, TUESDAY)


@pytest.mark.parametrize("reason", [EndReason.UNSUBSCRIBED, EndReason.COMPLAINED, EndReason.BOUNCED, EndReason.ERASED])
def test_news_that_stops_ends_with_its_reason(reason: EndReason) -> None:
    assert after_news(SECOND_STEP, Stopped(reason, TUESDAY), POLICY) == Ended(reason, TUESDAY)


def test_a_reply_ends_the_sequence() -> None:
    assert after_news(SECOND_STEP, Replied(TUESDAY), POLICY) == Ended(EndReason.REPLIED, TUESDAY)


def test_a_colleagues_reply_stops_only_where_policy_says_so() -> None:
    news = CompanyReplied(TUESDAY)

    assert after_news(SECOND_STEP, news, POLICY) == SECOND_STEP
    assert after_news(SECOND_STEP, news, replace(POLICY, company_reply_stops=True)) == Ended(
        EndReason.COMPANY_REPLIED, TUESDAY
    )


def test_an_absence_until_friday_resumes_on_the_next_business_day() -> None:
    news = OutOfOffice(TUESDAY, until=date(2026, 3, 13))

    assert after_news(SECOND_STEP, news, POLICY) == Active(2, date(2026, 3, 17))  # Monday is a holiday


def test_an_absence_without_a_date_waits_the_policys_days() -> None:
    assert after_news(SECOND_STEP, OutOfOffice(TUESDAY, until=None), POLICY) == Active(2, date(2026, 3, 18))


def test_an_absence_that_is_already_over_delays_by_one_business_day_from_today() -> None:
    due = Active(2, date(2026, 3, 9))

    assert after_news(due, OutOfOffice(TUESDAY, until=date(2026, 3, 2)), POLICY) == Active(2, date(2026, 3, 11))


def test_an_absence_never_brings_a_step_forward() -> None:
    far = Active(3, date(2026, 4, 1))

    assert after_news(far, OutOfOffice(TUESDAY, until=date(2026, 3, 12)), POLICY) == far


def test_a_soft_bounce_delays_the_next_step_and_ends_nothing() -> None:
    assert after_news(SECOND_STEP, SoftBounced(date(2026, 3, 13)), POLICY) == Active(2, date(2026, 3, 18))


def test_what_a_person_says_replaces_an_end_that_merely_happened() -> None:
    completed = Ended(EndReason.COMPLETED, TUESDAY)
    later = date(2026, 3, 20)

    assert after_news(completed, Replied(later), POLICY) == Ended(EndReason.REPLIED, later)


@pytest.mark.parametrize(
    "news", [StepSent(TUESDAY), Replied(TUESDAY), OutOfOffice(TUESDAY, None), SoftBounced(TUESDAY)]
)
def test_who_unsubscribed_stays_unsubscribed(news: SequenceNews) -> None:
    ended: Enrollment = Ended(EndReason.UNSUBSCRIBED, date(2026, 3, 2))

    assert after_news(ended, news, POLICY) == ended


def test_waiting_is_too_long_only_after_the_limit() -> None:
    due, fifth, sixth = date(2026, 3, 10), date(2026, 3, 18), date(2026, 3, 19)

    assert not waited_too_long(due, fifth, CALENDAR, longest_wait=5)
    assert waited_too_long(due, sixth, CALENDAR, longest_wait=5)
