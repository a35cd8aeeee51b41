"""When an account's breaker opens, how long it stays so, and what its one probe decides."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from outreach_pipelines.domain.breaker import (
    TRANSITIONS,
    Breaker,
    BreakerEvent,
    BreakerState,
    Call,
    Ignored,
    after_calls,
    begin_probe,
    looks_broken,
    may_probe,
)
from outreach_pipelines.domain.provider_call import CallOutcome

T = datetime(2026, 11, 18, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def calls(*outcomes: CallOutcome, start: datetime = T, milliseconds: int = 80) -> list[Call]:
    """One a second, from `start` on."""
    return [Call(start + each * SECOND, outcome, milliseconds) for each, outcome in enumerate(outcomes)]


GOOD, BAD = CallOutcome.ACCEPTED, CallOutcome.UNANSWERED


def open_breaker() -> Breaker:
    return after_calls(Breaker(), calls(*[BAD] * 6), T)


def half_open() -> Breaker:
    return begin_probe(open_breaker(), T + MINUTE)


def probe(outcome: CallOutcome, *, milliseconds: int = 80) -> list[Call]:
    return [*calls(*[BAD] * 6), Call(T + MINUTE, outcome, milliseconds)]


def test_every_pair_of_state_and_event_is_decided() -> None:
    assert set(TRANSITIONS) == set(product(BreakerState, BreakerEvent))


def test_every_ignored_pair_says_why() -> None:
    assert all(target.reason for target in TRANSITIONS.values() if isinstance(target, Ignored))


@pytest.mark.parametrize(("faults", "broken"), [(5, False), (6, True)])
def test_three_in_ten_of_twenty_calls_open_it(faults: int, *, broken: bool) -> None:
    last = calls(*[GOOD] * (20 - faults), *[BAD] * faults)

    assert looks_broken(last) is broken


def test_six_faults_open_it_though_they_are_the_first_calls_ever() -> None:
    assert not looks_broken(calls(*[BAD] * 5))
    assert looks_broken(calls(*[BAD] * 6))


def test_faults_older_than_the_last_twenty_calls_are_forgotten() -> None:
    assert not looks_broken(calls(*[BAD] * 6, *[GOOD] * 15))


@pytest.mark.parametrize(("slow", "broken"), [(1, False), (2, True)])
def test_a_95th_percentile_above_ten_seconds_opens_it(slow: int, *, broken: bool) -> None:
    crawling = calls(*[GOOD] * slow, milliseconds=10_001)
    quick = calls(*[GOOD] * (20 - slow), start=T + MINUTE, milliseconds=10_000)

    assert looks_broken([*crawling, *quick]) is broken


def test_slowness_shows_only_in_a_full_window() -> None:
    assert not looks_broken(calls(*[GOOD] * 19, milliseconds=20_000))


@pytest.mark.parametrize("outcome", [CallOutcome.REFUSED, CallOutcome.NOT_CALLED])
def test_refusals_of_recipients_and_our_own_delays_never_open_it(outcome: CallOutcome) -> None:
    assert not looks_broken(calls(*[outcome] * 20))


@pytest.mark.parametrize("outcome", [CallOutcome.SERVER_ERROR, CallOutcome.UNANSWERED, CallOutcome.UNREACHABLE])
def test_a_servers_own_trouble_opens_it_for_a_minute(outcome: CallOutcome) -> None:
    opened = after_calls(Breaker(), calls(*[outcome] * 6), T)

    assert opened == Breaker(BreakerState.OPEN, since=T, until=T + MINUTE, wait=MINUTE)


def test_an_open_breaker_lets_nothing_through_until_its_wait_is_over() -> None:
    breaker = open_breaker()

    assert not may_probe(breaker, T + MINUTE - SECOND)
    assert may_probe(breaker, T + MINUTE)


def test_a_half_open_breaker_lets_no_second_probe_through_while_the_first_may_be_under_way() -> None:
    breaker = half_open()

    assert not may_probe(breaker, T + MINUTE + 89 * SECOND)
    assert may_probe(breaker, T + MINUTE + 90 * SECOND)


@pytest.mark.parametrize("outcome", [CallOutcome.ACCEPTED, CallOutcome.REFUSED])
def test_a_good_probe_closes_it_and_what_came_before_is_forgotten(outcome: CallOutcome) -> None:
    closed = after_calls(half_open(), probe(outcome), T + 2 * MINUTE)

    assert closed == Breaker(BreakerState.CLOSED, since=T + 2 * MINUTE)
    assert after_calls(closed, probe(outcome), T + 3 * MINUTE) == closed


@pytest.mark.parametrize(("outcome", "milliseconds"), [(CallOutcome.UNREACHABLE, 5), (CallOutcome.ACCEPTED, 10_001)])
def test_a_bad_probe_doubles_the_wait(outcome: CallOutcome, milliseconds: int) -> None:
    again = after_calls(half_open(), probe(outcome, milliseconds=milliseconds), T + 2 * MINUTE)

    assert again == Breaker(BreakerState.OPEN, since=T + 2 * MINUTE, until=T + 4 * MINUTE, wait=2 * MINUTE)


def test_the_wait_doubles_to_a_quarter_of_an_hour_and_starts_anew_after_a_good_probe() -> None:
    breaker, now, waits = open_breaker(), T, []
    for _ in range(6):
        assert breaker.wait is not None
        waits.append(breaker.wait / MINUTE)
        now += breaker.wait
        breaker = after_calls(begin_probe(breaker, now), calls(BAD, start=now), now)
    now += 15 * MINUTE
    closed = after_calls(begin_probe(breaker, now), calls(GOOD, start=now), now)

    assert waits == [1, 2, 4, 8, 15, 15]
    assert after_calls(closed, calls(*[BAD] * 6, start=now + MINUTE), now).wait == MINUTE


def test_calls_that_began_before_it_opened_decide_nothing_of_the_probe() -> None:
    late = [*calls(*[BAD] * 6), *calls(*[GOOD] * 5)]

    assert after_calls(half_open(), late, T + 2 * MINUTE) == half_open()


def test_a_probe_that_was_never_called_tells_nothing() -> None:
    assert after_calls(half_open(), probe(CallOutcome.NOT_CALLED), T + 2 * MINUTE) == half_open()
