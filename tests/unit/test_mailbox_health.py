"""The score of a mailbox: its parts, its memory, and what it refuses to conclude."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from outreach_pipelines.domain.mailbox_health import (
    DEFAULT_PRIORS,
    HEALTH_VERSION,
    DayOutcomes,
    DnsState,
    HealthPart,
    HealthPriors,
    HealthScore,
    HoldState,
    fit_priors,
    score,
)
from outreach_pipelines.domain.ramp_up import RampStage

TODAY = date(2026, 11, 21)


def score_of(
    *rows: DayOutcomes,
    as_of: date = TODAY,
    priors: HealthPriors = DEFAULT_PRIORS,
    dns: DnsState = DnsState.READY,
    hold: HoldState = HoldState.FREE,
    ramp: RampStage = RampStage.AT_CAP,
) -> HealthScore:
    return score(as_of, rows, priors=priors, dns=dns, hold=hold, ramp=ramp)


def points(result: HealthScore, part: HealthPart) -> Decimal:
    return next(found.points for found in result.parts if found.part is part)


def steady(days: int, *, hard: int = 0, replies: int = 0) -> list[DayOutcomes]:
    dates = (TODAY - timedelta(days=back) for back in range(days))
    return [DayOutcomes(day=day, accepted=40, hard=hard, replies=replies) for day in dates]


def test_the_total_is_the_sum_of_its_parts_and_carries_the_version_of_the_formula() -> None:
    result = score_of(*steady(20, hard=1))

    assert result.total == sum(part.points for part in result.parts)
    assert result.version == HEALTH_VERSION
    assert sum(part.weight for part in result.parts) == 100
    assert {part.part for part in result.parts} == set(HealthPart)


def test_a_clean_mailbox_with_answers_is_near_the_top() -> None:
    result = score_of(*steady(60, replies=2))

    assert result.total > 97


def test_one_hard_bounce_in_five_sends_is_no_verdict() -> None:
    without = score_of(DayOutcomes(day=TODAY, accepted=5))

    result = score_of(DayOutcomes(day=TODAY, accepted=5, hard=1))

    assert without.total - result.total < 6


def test_twenty_percent_hard_bounces_over_a_week_cost_the_whole_part() -> None:
    result = score_of(*steady(7, hard=8))

    assert points(result, HealthPart.HARD_BOUNCES) == 0


def test_an_old_bounce_weighs_half_after_the_half_life() -> None:
    fresh = score_of(DayOutcomes(day=TODAY, accepted=100, login_failures=2))
    old = score_of(DayOutcomes(day=TODAY - timedelta(days=14), accepted=100, login_failures=2))

    # Ten points for logins, none left at five failures: two cost 4, and half of that after 14 days.
    assert points(fresh, HealthPart.LOGINS) == 6
    assert points(old, HealthPart.LOGINS) == 8


def test_a_past_day_is_scored_without_what_happened_after_it() -> None:
    past = TODAY - timedelta(days=3)
    before = [row for row in steady(30) if row.day <= past]

    result = score_of(*before, *[DayOutcomes(day=TODAY, accepted=40, hard=40)], as_of=past)

    assert result == score_of(*before, as_of=past)


def test_a_bounce_learnt_later_is_not_in_the_score_of_the_day_of_its_send() -> None:
    sent = TODAY - timedelta(days=2)
    send = DayOutcomes(day=sent, accepted=40)
    late_news = DayOutcomes(day=sent, hard=20, learnt_on=TODAY)

    on_the_day = score_of(send, late_news, as_of=sent)
    today = score_of(send, late_news, as_of=TODAY)

    assert on_the_day == score_of(send, as_of=sent)
    assert today.total < on_the_day.total


def test_complaints_are_measured_over_sends_that_are_reported_on() -> None:
    heard = score_of(DayOutcomes(day=TODAY, accepted=10_000, reporting=10_000, complaints=10))

    mostly_deaf = score_of(DayOutcomes(day=TODAY, accepted=10_000, reporting=1_000, complaints=10))

    assert points(mostly_deaf, HealthPart.COMPLAINTS) < points(heard, HealthPart.COMPLAINTS)


def test_a_domain_that_could_not_be_read_is_not_held_against_the_mailbox() -> None:
    unknown = score_of(dns=DnsState.UNKNOWN)

    assert unknown.total == score_of(dns=DnsState.READY).total
    assert unknown.total > score_of(dns=DnsState.NOT_READY).total


@pytest.mark.parametrize("state", list(HoldState))
def test_a_stop_leaves_no_points_for_holds_and_freedom_leaves_all(state: HoldState) -> None:
    expected = {HoldState.FREE: 5, HoldState.WARNED: 4, HoldState.SLOWED: 2, HoldState.STOPPED: 0}

    assert points(score_of(hold=state), HealthPart.HOLDS) == expected[state]


@pytest.mark.parametrize("stage", list(RampStage))
def test_every_ramp_stage_earns_something_and_a_complete_ramp_earns_most(stage: RampStage) -> None:
    earned = points(score_of(ramp=stage), HealthPart.RAMP)

    assert 0 < earned <= points(score_of(ramp=RampStage.AT_CAP), HealthPart.RAMP)


@pytest.mark.parametrize(
    "pool",
    [
        [],
        [[]],
        [[DayOutcomes(day=TODAY)]],
        [[DayOutcomes(day=TODAY, accepted=40, hard=40)]],
        [[DayOutcomes(day=TODAY, accepted=1)] for _ in range(3)],
        [[DayOutcomes(day=TODAY, accepted=40, hard=40, complaints=40)] for _ in range(3)],
        [[DayOutcomes(day=TODAY, accepted=0, hard=3)]],
    ],
    ids=["no mailbox", "no row", "no send", "all bounced", "no event", "all of several bounced", "refused at once"],
)
def test_a_degenerate_pool_still_gives_priors_that_can_score(pool: list[list[DayOutcomes]]) -> None:
    priors = fit_priors(pool, TODAY)

    result = score_of(*steady(3, hard=1), priors=priors)

    assert 0 <= result.total <= 100


def test_priors_of_a_past_day_do_not_know_later_rows() -> None:
    past = TODAY - timedelta(days=10)
    early = [[DayOutcomes(day=past, accepted=200, hard=k)] for k in (2, 10)]
    with_later = [[*rows, DayOutcomes(day=TODAY, accepted=200, hard=200)] for rows in early]

    assert fit_priors(with_later, past) == fit_priors(early, past)
