"""The days after a plan: shortage, lateness, and the mailboxes that must begin to ramp."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import plan_factories as make
import pytest

from outreach_pipelines.application.plan_words import forecast_sentences
from outreach_pipelines.domain.plan_forecast import ForecastPolicy, PoolForecast, forecast
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.windows import tenant_calendar

MONDAY_AFTER = date(2026, 3, 16)


def forecast_of(snapshot: s.Snapshot, **policy: int) -> PoolForecast:
    (pool,) = forecast(snapshot, plan(snapshot), tenant_calendar(snapshot), ForecastPolicy(**policy))
    return pool


def world(cap: int | None, ahead: tuple[int, ...] = (), leads: int = 0, **mailbox: object) -> s.Snapshot:
    """One mailbox; new leads of a campaign with a follow-up after two business days."""
    return make.snapshot(
        mailboxes=(make.mailbox(daily_cap=cap, follow_ups_ahead=ahead, **mailbox),),
        campaigns=(make.campaign(steps=(make.step(1, 0), make.step(2, 2))),),
        candidates=tuple(make.candidate(number) for number in range(1, leads + 1)),
        policy=make.policy(longest_follow_up_wait=1),
    )


def test_a_pool_with_room_never_falls_short() -> None:
    pool = forecast_of(world(40, ahead=(5, 5)))

    assert (pool.short_on, pool.late_on, pool.mailboxes_to_ramp) == (None, None, 0)
    assert forecast_sentences(pool) == ["pool 1: capacity suffices through 2026-04-21"]


def test_the_first_day_with_more_due_than_room_is_the_day_of_shortage_and_weekends_are_no_days() -> None:
    pool = forecast_of(world(10, ahead=(1, 1, 1, 30)), horizon=6)

    assert pool.short_on == MONDAY_AFTER
    assert [(day.day.day, day.wanted, day.sent, day.waiting) for day in pool.days] == [
        (11, 1, 1, 0),
        (12, 1, 1, 0),
        (13, 1, 1, 0),
        (16, 30, 10, 20),
        (17, 0, 10, 10),
        (18, 0, 10, 0),
    ]


def test_something_is_late_when_it_waits_longer_than_the_policy_allows() -> None:
    pool = forecast_of(world(10, ahead=(0, 0, 0, 30)), horizon=6)

    assert pool.late_on == date(2026, 3, 17)


def test_what_is_due_at_once_is_late_on_the_first_evening_beyond_the_wait() -> None:
    pool = forecast_of(world(10, ahead=(30,)), horizon=4)

    assert pool.late_on == date(2026, 3, 12)


def test_a_shortage_that_passes_in_time_needs_no_mailbox_and_is_said_so() -> None:
    pool = forecast_of(world(10, ahead=(15,)), horizon=4)

    assert pool.mailboxes_to_ramp == 0
    assert forecast_sentences(pool) == [
        "pool 1: capacity falls short on 2026-03-11; at the worst, 5 wait in the evening",
        "nothing waits longer than the policy allows: no mailbox is needed",
    ]


def test_just_as_many_mailboxes_must_ramp_as_bring_everything_in_time() -> None:
    """Thirty due on the fourth day, to be gone by the fifth: ten and ten go; a new mailbox gives 11 and then 13 more."""
    pool = forecast_of(world(10, ahead=(0, 0, 0, 30)), horizon=6)
    two = forecast_of(world(10, ahead=(0, 0, 0, 70)), horizon=6)

    assert (pool.mailboxes_to_ramp, two.mailboxes_to_ramp) == (1, 3)
    assert forecast_sentences(two)[-1] == "3 mailboxes must start ramping now"


def test_new_leads_are_wanted_evenly_and_bring_their_follow_ups() -> None:
    """Cap 0 today: nothing is taken in, all ten wait; two a day for five days, each due again two days later."""
    pool = forecast_of(world(0, leads=10), intake_days=5, horizon=8)

    assert [day.wanted for day in pool.days] == [2, 2, 4, 4, 4, 2, 2, 0]


def test_leads_taken_in_today_bring_their_follow_ups() -> None:
    pool = forecast_of(world(40, leads=3), horizon=4)

    assert [day.wanted for day in pool.days] == [0, 3, 0, 0]


def test_what_comes_to_all_mailboxes_of_a_pool_is_one_sum() -> None:
    snapshot = replace(world(0), mailboxes=(make.mailbox(1, follow_ups_ahead=(4,)), make.mailbox(2, follow_ups_ahead=(3,))))  # fmt: skip

    assert [day.wanted for day in forecast_of(snapshot, horizon=2).days] == [7, 0]


def test_a_follow_up_that_found_no_room_today_is_wanted_tomorrow() -> None:
    snapshot = replace(world(0), candidates=(make.follow_up(1), make.follow_up(2)))

    assert [day.wanted for day in forecast_of(snapshot, horizon=2).days] == [2, 0]


def test_a_lead_whose_day_is_closed_is_wanted_later_and_one_that_must_not_be_written_to_never() -> None:
    closed = replace(
        world(40),
        countries=(make.country("DE", "Europe/Berlin"), make.country("NP", None, make.DAY)),
        candidates=tuple(make.candidate(number, country="NP") for number in range(1, 5)),
    )
    gone = replace(closed, candidates=(make.candidate(1, block=s.Replied(make.DAY)),))
    not_due = replace(closed, candidates=(make.candidate(1, due_day=date(2026, 3, 11)),))

    wanted = [
        [day.wanted for day in forecast_of(each, intake_days=2, horizon=4).days] for each in (closed, gone, not_due)
    ]

    assert wanted == [[2, 2, 2, 2], [0] * 4, [0] * 4]


def test_leads_that_do_not_divide_evenly_are_all_wanted_the_larger_parts_first() -> None:
    pool = forecast_of(world(0, leads=7), intake_days=3, horizon=6)

    assert [day.wanted for day in pool.days] == [3, 2, 2 + 3, 2, 2, 0]


def test_a_ramping_mailbox_grows_and_a_held_one_does_not() -> None:
    growing = forecast_of(world(5, state=s.MailboxState.RAMPING), horizon=4, steady_cap=10)
    held = forecast_of(world(5, state=s.MailboxState.RAMPING, hold=s.Hold(Fraction(1, 2), "slow")), horizon=4)

    assert [day.capacity for day in growing.days] == [7, 9, 10, 10]
    assert [day.capacity for day in held.days] == [2, 2, 2, 2]


def test_a_ramping_mailbox_that_is_beyond_the_steady_cap_keeps_what_it_has() -> None:
    pool = forecast_of(world(50, state=s.MailboxState.RAMPING), horizon=2, steady_cap=40)

    assert [day.capacity for day in pool.days] == [50, 50]


def test_a_mailbox_without_a_cap_is_never_short() -> None:
    pool = forecast_of(world(None, ahead=(1_000_000,)))

    assert pool.short_on is None
    assert pool.days[0].capacity is None


@pytest.mark.parametrize("state", [s.MailboxState.RESTING, s.MailboxState.RETIRED])
def test_mailboxes_that_do_not_send_are_no_capacity(state: s.MailboxState) -> None:
    assert forecast_of(world(40, state=state)).days[0].capacity == 0


@pytest.mark.parametrize(
    "mailboxes",
    [
        (),
        (make.mailbox(state=s.MailboxState.RESTING),),
        (make.mailbox(hold=s.Hold(Fraction(0), "stop")),),
    ],
)
def test_leads_of_a_pool_without_a_mailbox_at_work_wait_and_new_mailboxes_would_help(
    mailboxes: tuple[s.Mailbox, ...],
) -> None:
    pool = forecast_of(replace(world(0, leads=30), mailboxes=mailboxes), horizon=8)

    assert pool.days[0].capacity == 0
    assert pool.short_on == date(2026, 3, 11)
    assert pool.mailboxes_to_ramp


def test_a_flood_of_the_next_day_is_beyond_the_help_of_new_mailboxes_only_if_they_are_too_many() -> None:
    pool = forecast_of(world(10, ahead=(1_000_000,)), horizon=3)

    assert pool.mailboxes_to_ramp is None
    assert "no number of new mailboxes helps in time" in forecast_sentences(pool)[-1]
