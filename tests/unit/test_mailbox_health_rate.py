"""Rates judged by few events: posteriors with known values, and priors fitted to a pool."""

import pytest

from outreach_pipelines.domain.rate import MAXIMUM_STRENGTH, MINIMUM_STRENGTH, BetaPrior, Observed, fit_prior

FALLBACK = BetaPrior(1.0, 99.0)


def test_the_posterior_of_a_flat_prior_has_the_textbook_mean() -> None:
    posterior = BetaPrior(1.0, 1.0).after(Observed(3, 8))

    # Laplace's rule of succession: (3 + 1) / (8 + 2).
    assert posterior.mean == pytest.approx(0.4)


def test_quantiles_of_beta_with_one_parameter_of_one_are_in_closed_form() -> None:
    # The distribution function of Beta(1, b) is 1 - (1 - x)^b.
    for probability in (0.05, 0.5, 0.95):
        quantile = BetaPrior(1.0, 10.0).quantile(probability)

        assert 1 - (1 - quantile) ** 10 == pytest.approx(probability)


def test_more_events_than_trials_are_trials_themselves() -> None:
    refused_at_once = BetaPrior(1.0, 1.0).after(Observed(5, 2))

    assert refused_at_once == BetaPrior(6.0, 1.0)


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 1.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_a_prior_without_two_positive_parameters_is_refused(alpha: float, beta: float) -> None:
    with pytest.raises(ValueError, match="two positive parameters"):
        BetaPrior(alpha, beta)


def test_the_strength_follows_the_spread_of_the_pool() -> None:
    pool = [Observed(20, 1_000), Observed(40, 1_000)]

    prior = fit_prior(pool, FALLBACK)

    # By hand: mean 0.03, spread 0.2, chance 0.0291; correlation (0.2 - 0.0291) / (0.0291 * 999) = 1 / 170.1.
    assert prior.strength == pytest.approx(169.1, rel=0.01)
    assert prior.mean == pytest.approx(61 / 2_100)


def test_members_that_look_alike_make_the_strongest_prior() -> None:
    assert fit_prior([Observed(2, 100)] * 5, FALLBACK).strength == pytest.approx(MAXIMUM_STRENGTH)


def test_members_of_all_or_nothing_make_the_weakest_prior() -> None:
    prior = fit_prior([Observed(0, 100), Observed(100, 100)], FALLBACK)

    assert prior.strength == pytest.approx(MINIMUM_STRENGTH)


def test_a_pool_of_one_keeps_the_strength_of_the_fallback() -> None:
    assert fit_prior([Observed(5, 100)], FALLBACK).strength == pytest.approx(FALLBACK.strength)


def test_members_of_less_than_a_send_keep_the_strength_of_the_fallback() -> None:
    decayed_away = [Observed(0.2, 0.5), Observed(0.1, 0.5)]

    assert fit_prior(decayed_away, FALLBACK).strength == pytest.approx(FALLBACK.strength)


def test_a_pool_without_any_event_has_a_rate_above_zero() -> None:
    prior = fit_prior([Observed(0, 450), Observed(0, 450)], FALLBACK)

    assert prior.mean == pytest.approx(1 / 1_000)
