"""What the threads of today will ask of a mailbox on the next ten business days."""

from datetime import date

import plan_factories as make

from outreach_pipelines.domain.calendar import WorkCalendar
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.follow_ups import OpenThreads, follow_ups_ahead

CALENDAR = WorkCalendar(make.WEEKEND, frozenset({date(2026, 3, 16)}))
DELAYS = {s.CampaignId(1): (0, 3, 2)}


def ahead(*threads: OpenThreads) -> tuple[int, ...]:
    return follow_ups_ahead(threads, DELAYS, day=make.DAY, calendar=CALENDAR).get(s.MailboxId(1), ())


def threads(next_step: int, due_day: date, count: int = 1, campaign: int = 1) -> OpenThreads:
    return OpenThreads(s.MailboxId(1), s.CampaignId(campaign), next_step, due_day, count)


def test_a_thread_asks_for_its_next_step_and_for_those_that_follow_it() -> None:
    thursday = date(2026, 3, 12)

    assert ahead(threads(2, thursday, 4)) == (0, 4, 0, 4, 0, 0, 0, 0, 0, 0)


def test_what_is_due_today_is_no_longer_ahead_but_its_later_steps_are() -> None:
    assert ahead(threads(2, make.DAY), threads(2, date(2026, 3, 2))) == (0, 2, 0, 0, 0, 0, 0, 0, 0, 0)


def test_a_due_day_at_the_weekend_counts_on_the_next_business_day() -> None:
    saturday_before_a_holiday = date(2026, 3, 14)

    assert ahead(threads(3, saturday_before_a_holiday)) == (0, 0, 0, 1, 0, 0, 0, 0, 0, 0)


def test_what_lies_beyond_ten_business_days_is_not_counted() -> None:
    assert sum(ahead(threads(3, date(2026, 4, 20)))) == 0


def test_a_thread_whose_steps_are_done_or_whose_campaign_is_gone_asks_for_nothing() -> None:
    assert ahead(threads(4, date(2026, 3, 12)), threads(2, date(2026, 3, 12), campaign=9)) == ()
