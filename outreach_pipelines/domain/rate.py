"""A rate judged by few events: Beta prior, posterior, and the prior of a pool.

Belongs here: what can be said of an event rate after k events in n trials. Not here: which rate is too high
(`back_off`, `mailbox_health`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum

MINIMUM_STRENGTH = 20.0
"""A fitted prior weighs at least twenty trials: a pool of wildly different members still steadies a small one."""
MAXIMUM_STRENGTH = 2_000.0
"""A fitted prior weighs at most as much as 2,000 trials: members that look alike do not silence the evidence of one."""


@dataclass(frozen=True, slots=True)
class Observed:
    """`events` in `trials`; both may be fractional, since evidence decays."""

    events: float
    trials: float


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """What is believed of a rate beforehand: Beta(alpha, beta), as if `alpha` events in `alpha + beta` trials."""

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        if not (self.alpha > 0 and self.beta > 0):
            msg = f"a Beta prior needs two positive parameters, not {self.alpha} and {self.beta}"
            raise ValueError(msg)

    @property
    def strength(self) -> float:
        """How many trials the prior weighs."""
        return self.alpha + self.beta

    @property
    def mean(self) -> float:
        """The rate expected without evidence."""
        return self.alpha / self.strength

    def after(self, observed: Observed) -> "BetaPrior":
        """The posterior. Events beyond the trials (a refusal is an event, but no accepted send) count as trials too."""
        trials = max(observed.trials, observed.events)
        return BetaPrior(self.alpha + observed.events, self.beta + trials - observed.events)

    def quantile(self, probability: float) -> float:
        """The rate below which the true one lies with this probability: 0.5 the median, 0.05 the 95 % lower bound."""
        # Every run loads this module, and few ask for a quantile; scipy is the dearest import of all.
        from scipy.special import betaincinv

        return float(betaincinv(self.alpha, self.beta, probability))


def fit_prior(members: Iterable[Observed], fallback: BetaPrior) -> BetaPrior:
    """The prior of a pool by empirical Bayes: moments weighted by trials (Kleinman, JASA 68, 1973, pp. 46-54).

    The mean is drawn to `fallback` as if that were one more member, so that a pool without events has a rate above
    zero. Where the spread tells nothing (fewer than two members, no events, tiny members), the strength is that of
    `fallback`.
    """
    pool = [member for member in members if member.trials > 0]
    events, trials = fsum(min(m.events, m.trials) for m in pool), fsum(m.trials for m in pool)
    mean = (events + fallback.alpha) / (trials + fallback.strength)
    strength = min(max(_strength(pool, events, trials, fallback.strength), MINIMUM_STRENGTH), MAXIMUM_STRENGTH)
    return BetaPrior(mean * strength, (1 - mean) * strength)


def _strength(pool: list[Observed], events: float, trials: float, unknown: float) -> float:
    if len(pool) < 2 or not 0 < events < trials:
        return unknown
    mean = events / trials
    chance = mean * (1 - mean)
    spread = fsum(m.trials * (min(m.events, m.trials) / m.trials - mean) ** 2 for m in pool)
    freedom = len(pool) - 1
    room = trials - fsum(m.trials**2 for m in pool) / trials - freedom
    if room <= 0:
        return unknown
    correlation = (spread - chance * freedom) / (chance * room)
    return MAXIMUM_STRENGTH if correlation <= 0 else 1 / correlation - 1
