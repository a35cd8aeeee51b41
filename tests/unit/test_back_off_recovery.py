"""How holds last, ease, are remembered and released; what is in force."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from outreach_pipelines.domain.back_off import (
    DomainScope,
    ErrorRun,
    Evidence,
    HoldDecision,
    HoldLevel,
    HoldReason,
    MailboxScope,
    Policy,
    SendFate,
    Signal,
    effective_factor,
    judge,
    manual_hold,
    release,
)
from outreach_pipelines.domain.ids import DomainId, MailboxId
from outreach_pipelines.domain.mailbox_health import DayOutcomes

NOW = datetime(2026, 11, 2, 15, tzinfo=UTC)
MAILBOX = MailboxScope(MailboxId(7))
DOMAIN = DomainScope(DomainId(3))
POLICY = Policy()
BAD_DAY = DayOutcomes(day=NOW.date(), accepted=60, hard=12)


def after(days: float) -> datetime:
    return NOW + timedelta(days=days)


def sending_days(numbers: Iterable[int], *, hard: int = 0) -> tuple[DayOutcomes, ...]:
    return tuple(DayOutcomes(day=after(number).date(), accepted=4, hard=hard) for number in numbers)


def stopped(scope: MailboxScope | DomainScope = MAILBOX) -> tuple[HoldDecision, ...]:
    """A stop of three days for the bounces of BAD_DAY: it ends on day 3, so day 4 is the first that can be clean."""
    return judge(scope, Evidence(days=(BAD_DAY,)), POLICY, NOW, ())


def factor_on(day: float, *, clean: Iterable[int] = (), unclean: Iterable[int] = ()) -> Fraction:
    evidence = Evidence(days=(BAD_DAY, *sending_days(clean), *sending_days(unclean, hard=1)))
    return effective_factor(judge(MAILBOX, evidence, POLICY, after(day), stopped()), after(day))


def test_nothing_in_force_is_full_pace() -> None:
    assert effective_factor((), NOW) == 1


def test_the_smallest_factor_in_force_counts() -> None:
    half = manual_hold(MAILBOX, Fraction(1, 2), "asked by the client", now=NOW, until=None)
    third = manual_hold(DOMAIN, Fraction(1, 3), "asked by the client", now=NOW, until=after(1))

    assert effective_factor([half, third], NOW) == Fraction(1, 3)
    assert effective_factor([half, third], after(1)) == Fraction(1, 2)


def test_a_stop_lasts_until_its_end_although_the_evidence_is_still_there() -> None:
    assert factor_on(0) == 0
    assert factor_on(2.99) == 0


def test_a_stop_reopens_by_a_tenth_and_never_straight_back() -> None:
    assert effective_factor(stopped(), after(3)) == Fraction(1, 10)
    assert factor_on(3) == Fraction(1, 10)
    assert factor_on(30) == Fraction(1, 10)


@pytest.mark.parametrize(
    ("clean", "factor"), [(1, "1/10"), (2, "1/10"), (3, "2/10"), (4, "3/10"), (10, "9/10"), (11, "1"), (15, "1")]
)
def test_from_the_third_clean_sending_day_on_each_opens_another_tenth(clean: int, factor: str) -> None:
    assert factor_on(20, clean=range(4, 4 + clean)) == Fraction(factor)


def test_a_day_with_a_bounce_takes_no_step_back_to_full_pace() -> None:
    assert factor_on(20, clean=range(4, 8), unclean=range(8, 19)) == factor_on(20, clean=range(4, 8))


def test_a_day_without_sends_takes_no_step() -> None:
    idle = Evidence(days=(BAD_DAY, *(DayOutcomes(day=after(n).date(), accepted=0) for n in range(4, 19))))

    assert effective_factor(judge(MAILBOX, idle, POLICY, after(20), stopped()), after(20)) == Fraction(1, 10)


def test_an_unfinished_day_takes_no_step() -> None:
    assert factor_on(6, clean=(4, 5, 6)) == Fraction(1, 10)
    assert factor_on(7, clean=(4, 5, 6)) == Fraction(2, 10)


def test_complaints_already_paid_for_never_stop_a_domain_a_second_time() -> None:
    """They stay in their window for 28 days: without memory every recovery would end in the same stop."""
    old = DayOutcomes(day=NOW.date(), accepted=100, complaints=4)
    another = DayOutcomes(day=after(22).date(), accepted=4, complaints=1)
    holds = judge(DOMAIN, Evidence(days=(old,)), POLICY, NOW, ())
    stops = list(holds)

    for day in range(1, 50):
        evidence = Evidence(days=(old, another, *sending_days(range(8, day))))
        holds = judge(DOMAIN, evidence, POLICY, after(day), holds)
        stops += [hold for hold in holds if hold.level is HoldLevel.STOP]

    assert {stop.since for stop in stops} == {NOW}


def test_clean_days_before_a_stop_do_not_count_towards_its_end() -> None:
    assert factor_on(5, clean=range(-6, 0)) == Fraction(1, 10)


def test_fresh_bounces_on_the_way_back_stop_again() -> None:
    half_open = judge(MAILBOX, Evidence(days=(BAD_DAY,)), POLICY, after(4), stopped())
    run = tuple(SendFate(after(4) + timedelta(minutes=n), hard=True) for n in range(4))

    again = judge(MAILBOX, Evidence(days=(BAD_DAY,), fates=run), POLICY, after(4.5), half_open)

    assert [hold.reason for hold in again] == [HoldReason.HARD_BOUNCES_IN_A_ROW]
    assert effective_factor(again, after(4.5)) == 0


def test_a_slow_down_becomes_a_stop_when_its_evidence_worsens() -> None:
    slow = judge(MAILBOX, Evidence(days=(DayOutcomes(day=NOW.date(), accepted=60, hard=3),)), POLICY, NOW, ())
    assert effective_factor(slow, NOW) == Fraction(1, 2)

    worse = judge(MAILBOX, Evidence(days=(BAD_DAY,)), POLICY, after(0.1), slow)

    assert [hold.level for hold in worse] == [HoldLevel.STOP]


def test_a_slow_down_comes_back_from_its_half() -> None:
    slow = judge(MAILBOX, Evidence(days=(DayOutcomes(day=NOW.date(), accepted=60, hard=3),)), POLICY, NOW, ())
    clean = tuple(DayOutcomes(day=after(n).date(), accepted=40) for n in range(2, 6))

    eased = judge(MAILBOX, Evidence(days=clean), POLICY, after(6), slow)

    assert effective_factor(eased, after(6)) == Fraction(7, 10)


def test_a_warning_goes_with_its_cause() -> None:
    warned = judge(MAILBOX, Evidence(days=(DayOutcomes(day=NOW.date(), accepted=50, hard=1),)), POLICY, NOW, ())
    assert [hold.level for hold in warned] == [HoldLevel.WARN]

    assert judge(MAILBOX, Evidence(), POLICY, after(1), warned) == ()


def test_judging_twice_gives_the_same_holds() -> None:
    evidence = Evidence(days=(BAD_DAY,), errors=ErrorRun(5, NOW))

    once = judge(MAILBOX, evidence, POLICY, NOW, ())
    twice = judge(MAILBOX, evidence, POLICY, NOW, once)

    assert {hold.reason.signal for hold in once} == {Signal.HARD_BOUNCES, Signal.ERRORS}
    assert [(h.level, h.until, h.factor) for h in twice] == [(h.level, h.until, h.factor) for h in once]


def test_a_mailbox_stopped_for_errors_is_tried_again_after_an_hour_although_nothing_reset_the_count() -> None:
    evidence = Evidence(errors=ErrorRun(5, NOW))
    holds = judge(MAILBOX, evidence, POLICY, NOW, ())

    later = NOW + timedelta(hours=1)
    reopened = judge(MAILBOX, evidence, POLICY, later, holds)
    failed_again = judge(MAILBOX, Evidence(errors=ErrorRun(6, later)), POLICY, later, reopened)

    assert effective_factor(reopened, later) == Fraction(1, 10)
    assert effective_factor(failed_again, later) == 0


def test_a_mailbox_that_works_again_comes_back_although_nothing_reset_the_count() -> None:
    errors = ErrorRun(5, NOW)
    holds = judge(MAILBOX, Evidence(errors=errors), POLICY, NOW, ())

    eased = judge(MAILBOX, Evidence(days=sending_days(range(1, 5)), errors=errors), POLICY, after(5), holds)

    assert effective_factor(eased, after(5)) == Fraction(3, 10)


def test_a_released_stop_for_errors_is_not_set_again_by_the_same_errors() -> None:
    evidence = Evidence(errors=ErrorRun(5, NOW))
    (hold,) = judge(MAILBOX, evidence, POLICY, NOW, ())
    soon = NOW + timedelta(minutes=10)

    freed = release(hold, "the password was changed", policy=POLICY, now=soon)

    assert effective_factor(judge(MAILBOX, evidence, POLICY, soon, [freed]), soon) == Fraction(1, 10)


def test_a_manual_hold_stays_as_it_is_and_ends_when_it_says() -> None:
    hold = manual_hold(MAILBOX, Fraction(0), "client on holiday", now=NOW, until=after(2))

    assert judge(MAILBOX, Evidence(), POLICY, after(1), [hold]) == (hold,)
    assert judge(MAILBOX, Evidence(), POLICY, after(2), [hold]) == ()


def test_holds_of_other_scopes_are_not_this_scopes() -> None:
    assert judge(DOMAIN, Evidence(), POLICY, NOW, stopped(MAILBOX)) == ()


def test_a_released_stop_goes_on_in_probation_and_its_evidence_is_not_judged_again() -> None:
    (hold,) = stopped()

    freed = release(hold, "the list was cleaned", policy=POLICY, now=after(1))
    judged = judge(MAILBOX, Evidence(days=(BAD_DAY,)), POLICY, after(1), [freed])

    assert effective_factor(judged, after(1)) == Fraction(1, 10)
    assert freed.sentence == "the list was cleaned"


def test_bounces_between_stop_and_release_are_not_judged_again_either() -> None:
    (hold,) = stopped()
    in_flight = replace(BAD_DAY, day=after(1).date())

    freed = release(hold, "the list was cleaned", policy=POLICY, now=after(2))
    judged = judge(MAILBOX, Evidence(days=(BAD_DAY, in_flight)), POLICY, after(2), [freed])

    assert effective_factor(judged, after(2)) == Fraction(1, 10)


def test_a_released_manual_hold_is_over() -> None:
    hold = manual_hold(MAILBOX, Fraction(0), "client on holiday", now=NOW, until=None)

    assert effective_factor([release(hold, "back from holiday", policy=POLICY, now=after(1))], after(1)) == 1
