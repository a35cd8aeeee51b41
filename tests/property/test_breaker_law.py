"""What holds of every breaker, whatever calls and probes come, and in whatever order they are told."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.breaker import (
    POLICY,
    Breaker,
    BreakerState,
    Call,
    after_calls,
    begin_probe,
    looks_broken,
    may_probe,
)
from outreach_pipelines.domain.provider_call import FAULTS, CallOutcome

T = datetime(2026, 11, 18, 12, tzinfo=UTC)

outcomes = st.sampled_from(CallOutcome)
some_calls = st.lists(
    st.builds(Call, st.integers(-600, 600).map(lambda s: T + timedelta(seconds=s)), outcomes, st.integers(0, 30_000)),
    max_size=40,
)
# Each step: so many seconds pass, then either a call is told or a probe is asked for.
steps = st.lists(st.tuples(st.integers(0, 1200), st.none() | outcomes), max_size=60)


def lives(script: list[tuple[int, CallOutcome | None]]) -> list[tuple[datetime, Breaker]]:
    """The states of a breaker that begins closed, each with its moment."""
    breaker, now, told = Breaker(), T, list[Call]()
    seen = [(now, breaker)]
    for seconds, outcome in script:
        now += timedelta(seconds=seconds)
        if outcome is None:
            breaker = begin_probe(breaker, now) if may_probe(breaker, now) else breaker
        else:
            told.append(Call(now, outcome, 50))
            breaker = after_calls(breaker, told[-POLICY.window :], now)
        seen.append((now, breaker))
    return seen


@given(some_calls)
def test_the_order_in_which_calls_are_told_does_not_matter(calls: list[Call]) -> None:
    by_start = {call.started_at: call for call in calls}
    told = list(by_start.values())

    assert looks_broken(told) == looks_broken(told[::-1])


@given(some_calls)
def test_a_fault_more_never_makes_an_account_look_better(calls: list[Call]) -> None:
    after = timedelta(hours=1)
    good = Call(T + after, CallOutcome.REFUSED, 50)
    worse = Call(T + after, CallOutcome.UNANSWERED, 50)

    assert looks_broken([*calls, good]) <= looks_broken([*calls, worse])


@given(some_calls.filter(lambda calls: sum(call.outcome in FAULTS for call in calls) == 0))
def test_quick_answers_never_open_it(calls: list[Call]) -> None:
    quick = [Call(call.started_at, call.outcome, min(call.milliseconds, 10_000)) for call in calls]

    assert after_calls(Breaker(), quick, T) == Breaker()


@given(steps)
def test_its_columns_belong_to_its_state(script: list[tuple[int, CallOutcome | None]]) -> None:
    for _, breaker in lives(script):
        assert (breaker.until is not None) == (breaker.state is BreakerState.OPEN)
        assert (breaker.probe_at is not None) == (breaker.state is BreakerState.HALF_OPEN)


@given(steps)
def test_a_wait_is_between_a_minute_and_a_quarter_of_an_hour(script: list[tuple[int, CallOutcome | None]]) -> None:
    waits = [breaker.wait for _, breaker in lives(script) if breaker.wait is not None]

    assert all(POLICY.first_wait <= wait <= POLICY.longest_wait for wait in waits)


@given(steps)
def test_from_every_state_a_probe_is_allowed_in_the_end(script: list[tuple[int, CallOutcome | None]]) -> None:
    now, breaker = lives(script)[-1]

    assert breaker.state is BreakerState.CLOSED or may_probe(breaker, now + POLICY.longest_wait)
