"""The ramp of real mail: by sending days, enforced, held and stepped back."""

from datetime import date, timedelta

import pytest

from outreach_pipelines.domain.ramp_up import RampDay, RampPolicy, RampStage, ramp_policy, ramped_cap
from outreach_pipelines.domain.sending_policy import RampUp

FIRST = date(2026, 11, 2)
POLICY = RampPolicy(cap=40)


def day(number: int, accepted: int, health: int | None = 90, *, stopped: bool = False) -> RampDay:
    return RampDay(day=FIRST + timedelta(days=number), accepted=accepted, health=health, stopped=stopped)


def on(number: int) -> date:
    return FIRST + timedelta(days=number)


def test_a_new_mailbox_starts_at_the_start() -> None:
    step = ramped_cap([], POLICY, FIRST)

    assert (step.cap_today, step.stage) == (5, RampStage.RAMPING)


def test_each_used_day_raises_the_cap_by_two() -> None:
    assert [ramped_cap([day(0, 5), day(1, 7), day(2, 9)], POLICY, on(n)).cap_today for n in range(4)] == [5, 7, 9, 11]


def test_calendar_days_without_sending_raise_nothing() -> None:
    assert ramped_cap([day(0, 5), day(1, 0), day(2, 0)], POLICY, on(3)).cap_today == 7


@pytest.mark.parametrize(("accepted", "cap"), [(3, 5), (4, 7)])
def test_a_day_counts_when_it_used_four_fifths_of_its_step(accepted: int, cap: int) -> None:
    assert ramped_cap([day(0, accepted)], POLICY, on(1)).cap_today == cap


def test_the_ramp_ends_at_the_cap_and_stays_there() -> None:
    history = [day(n, 40) for n in range(25)]

    step = ramped_cap(history, POLICY, on(25))

    assert (step.cap_today, step.stage) == (40, RampStage.AT_CAP)


def test_an_odd_cap_is_reached_and_never_passed() -> None:
    history = [day(n, 10) for n in range(10)]

    assert ramped_cap(history, RampPolicy(cap=8), on(10)).cap_today == 8


def test_a_cap_of_zero_is_none() -> None:
    assert ramped_cap([day(0, 5)], RampPolicy(cap=0), on(1)).cap_today == 0


def test_poor_health_holds_the_step() -> None:
    step = ramped_cap([day(0, 5), day(1, 7, health=59)], POLICY, on(2))

    assert (step.cap_today, step.stage) == (7, RampStage.HELD)
    assert "59" in step.reason


def test_a_stop_costs_half_the_step_once_however_long_it_lasts() -> None:
    climbed = [day(n, 40) for n in range(10)]

    step = ramped_cap([*climbed, day(10, 3, stopped=True), day(11, 0, stopped=True)], POLICY, on(12))

    # Ten raises of two on a start of five, then half of twenty-five.
    assert (step.cap_today, step.stage) == (12, RampStage.STEPPED_BACK)


def test_a_stop_at_the_cap_steps_back_from_the_cap() -> None:
    long_at_cap = [day(n, 20) for n in range(30)]

    assert ramped_cap([*long_at_cap, day(30, 1, stopped=True)], RampPolicy(cap=20), on(31)).cap_today == 10


def test_a_second_stop_costs_again() -> None:
    climbed = [day(n, 40) for n in range(10)]
    twice = [day(10, 1, stopped=True), day(11, 2), day(12, 1, stopped=True)]

    assert ramped_cap([*climbed, *twice], POLICY, on(13)).cap_today == 6


def test_a_stop_never_steps_below_the_start() -> None:
    assert ramped_cap([day(0, 1, stopped=True)], POLICY, on(1)).cap_today == 5


@pytest.mark.parametrize(("idle", "cap"), [(29, 11), (30, 5)])
def test_thirty_idle_days_ramp_again(idle: int, cap: int) -> None:
    history = [day(0, 5), day(1, 7), day(2, 9)]

    assert ramped_cap(history, POLICY, on(2 + idle + 1)).cap_today == cap


def test_a_silence_inside_the_history_restarts_the_ramp_as_well() -> None:
    history = [*(day(n, 40) for n in range(10)), day(60, 5)]

    assert ramped_cap(history, POLICY, on(61)).cap_today == 7


def test_the_day_itself_and_later_days_are_not_looked_at() -> None:
    history = [day(0, 5), day(1, 7), day(2, 9, stopped=True)]

    assert ramped_cap(history, POLICY, on(1)) == ramped_cap(history[:1], POLICY, on(1))


def test_the_order_of_rows_and_two_rows_of_a_day_make_no_difference() -> None:
    whole = [day(0, 5), day(1, 7), day(2, 9)]
    in_parts = [day(2, 4), day(1, 7), day(0, 5), day(2, 5)]

    assert ramped_cap(in_parts, POLICY, on(3)) == ramped_cap(whole, POLICY, on(3))


@pytest.mark.parametrize("numbers", [{"cap": -1}, {"cap": 40, "start": 0}, {"cap": 40, "raise_by": 0}])
def test_a_policy_that_cannot_ramp_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a ramp needs"):
        RampPolicy(**numbers)  # type: ignore[arg-type]  # the numbers are all ints; the keys are the test's point


def test_a_tenants_own_ramp_is_used_and_its_defaults_are_the_default_policy() -> None:
    assert ramp_policy(RampUp(), cap=40) == POLICY
    assert ramped_cap([day(0, 8)], ramp_policy(RampUp(start=8, step=3), cap=40), on(1)).cap_today == 11
