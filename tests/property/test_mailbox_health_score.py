"""What a health score must never do, whatever the evidence."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.mailbox_health import (
    DEFAULT_PRIORS,
    DayOutcomes,
    DnsState,
    HealthPriors,
    HealthScore,
    HoldState,
    fit_priors,
    score,
)
from outreach_pipelines.domain.ramp_up import RampStage

Rows = list[DayOutcomes]

TODAY = date(2026, 11, 21)
counts = st.integers(min_value=0, max_value=50)
rows = st.builds(
    DayOutcomes,
    day=st.integers(min_value=0, max_value=90).map(lambda back: TODAY - timedelta(days=back)),
    accepted=counts,
    hard=counts,
    soft=counts,
    blocks=counts,
    complaints=counts,
    replies=counts,
    unsubscribes=counts,
    login_failures=counts,
    reporting=st.none() | counts,
)
evidence_rows = st.lists(rows, max_size=15)
pools = st.lists(evidence_rows, max_size=5)


@dataclass(frozen=True)
class State:
    dns: DnsState
    hold: HoldState
    ramp: RampStage

    def score(self, as_of: date, evidence: Rows, priors: HealthPriors = DEFAULT_PRIORS) -> HealthScore:
        return score(as_of, evidence, priors=priors, dns=self.dns, hold=self.hold, ramp=self.ramp)


states = st.builds(State)


def priors_of(pool: list[Rows]) -> HealthPriors:
    return fit_priors(pool, TODAY)


@given(evidence_rows, pools, states)
def test_a_score_lies_between_0_and_100_and_so_do_its_parts(evidence: Rows, pool: list[Rows], state: State) -> None:
    result = state.score(TODAY, evidence, priors_of(pool))

    assert 0 <= result.total <= 100
    assert all(0 <= part.points <= part.weight for part in result.parts)


@given(evidence_rows, rows, pools, states, st.integers(min_value=1, max_value=50))
def test_another_hard_bounce_never_raises_a_score(
    evidence: Rows, row: DayOutcomes, pool: list[Rows], state: State, more: int
) -> None:
    priors = priors_of(pool)

    better = state.score(TODAY, [*evidence, row], priors)
    worse = state.score(TODAY, [*evidence, replace(row, hard=row.hard + more)], priors)

    assert worse.total <= better.total


@given(evidence_rows, pools, states, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_of_the_pool_never_matters(
    evidence: Rows, pool: list[Rows], state: State, random: Random
) -> None:
    mixed_pool = random.sample(pool, len(pool))

    mixed = state.score(TODAY, random.sample(evidence, len(evidence)), priors_of(mixed_pool))

    assert mixed == state.score(TODAY, evidence, priors_of(pool))


@given(evidence_rows, evidence_rows, states, st.integers(min_value=0, max_value=60))
def test_a_past_day_is_the_same_with_and_without_what_followed(
    evidence: Rows, later: Rows, state: State, back: int
) -> None:
    past = TODAY - timedelta(days=back)
    followed = [replace(row, learnt_on=max(row.day, past) + timedelta(days=1)) for row in later]

    assert state.score(past, [*evidence, *followed]) == state.score(past, evidence)
