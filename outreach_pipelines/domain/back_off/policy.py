"""The numbers of back-off: thresholds, floors, durations, recovery.

Belongs here: the policy and its defaults. Not here: how it is applied. The account's numbers stand below those of
Amazon SES, which reviews an account at 5 % bounces or 0.1 % complaints and may pause it at 10 % or 0.5 % (SES
Developer Guide, sending review process).
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction

from outreach_pipelines.domain.rate import BetaPrior
from outreach_pipelines.domain.sending_policy import BackOffThresholds, RateThresholds

EVEN_PRIOR = BetaPrior(0.5, 0.5)
"""Jeffreys' prior: weighs one send, so that beyond the floor the evidence speaks for itself."""
RARE_PRIOR = BetaPrior(0.25, 499.75)
"""Complaints are rare: a mean of 0.05 % that weighs 500 sends, so that one complaint after few sends is no verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRule:
    """Thresholds of one rate, as shares of sends. No level is reached below `floor` sends within `window_days`.

    Warn and slow compare the posterior median; stop compares the bound that the true rate exceeds with
    `stop_confidence`.
    """

    warn: float
    slow: float
    stop: float
    stop_confidence: float
    floor: int
    window_days: int
    prior: BetaPrior
    least_events_to_stop: int = 1
    stop_for: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialRule:
    """Page's CUSUM between an acceptable and a bad rate; stops when the sum of log likelihood ratios reaches `limit`.

    With 2 % against 8 %, a mailbox (limit 5) is stopped by mistake once in some 176,000 sends at a true 1 %, and
    rightly after some 60 at 10 % and 23 at 20 %. Pooled scopes see more sends and take a higher limit.
    """

    acceptable: float = 0.02
    bad: float = 0.08
    mailbox_limit: float = 5.0
    pooled_limit: float = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftRule:
    """Soft bounces of the last `recent_days` against the `base_days` before them."""

    recent_days: int = 2
    base_days: int = 7
    floor: int = 30
    base_prior: BetaPrior = field(default=BetaPrior(2.0, 98.0))
    confidence: float = 0.95
    slow_ratio: float = 2.0
    clean_below: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ReputationRule:
    """How long an answer about reputation holds a path, and when it holds the tenant on the account."""

    slow_for: timedelta = timedelta(minutes=90)
    stop_for: timedelta = timedelta(hours=2)
    slow_answers_to_stop: int = 3
    mailboxes_to_stop_tenant: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule:
    """Errors in a row of a mailbox."""

    warn: int = 3
    stop: int = 5
    stop_for: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The way back: from `half_open`, or the slowed factor, up by `step` with each clean day from the `wait`-th on."""

    half_open: Fraction = Fraction(1, 10)
    wait: int = 3
    step: Fraction = Fraction(1, 10)

    def factor(self, held: Fraction, clean_days: int) -> Fraction:
        """The share of the cap after a hold at factor `held`, once `clean_days` sending days have been clean."""
        steps = max(0, clean_days - self.wait + 1)
        return min(Fraction(1), max(held, self.half_open) + self.step * steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All numbers of back-off; a tenant may set its own."""

    hard: RateRule = RateRule(
        warn=0.02,
        slow=0.03,
        stop=0.05,
        stop_confidence=0.95,
        floor=50,
        window_days=7,
        prior=EVEN_PRIOR,
        stop_for=timedelta(days=3),
    )
    # One complaint warns: any positive median reaches a threshold of nothing.
    complaint: RateRule = RateRule(
        warn=0.0,
        slow=0.0008,
        stop=0.001,
        stop_confidence=0.90,
        floor=0,
        window_days=28,
        prior=RARE_PRIOR,
        least_events_to_stop=2,
        stop_for=timedelta(days=7),
    )
    # Providers review the plain rate of an account, so its stop takes the median: a lower bound would cross too late.
    account_hard: RateRule = RateRule(
        warn=0.02,
        slow=0.04,
        stop=0.045,
        stop_confidence=0.5,
        floor=500,
        window_days=7,
        prior=EVEN_PRIOR,
        stop_for=timedelta(days=3),
    )
    account_complaint: RateRule = RateRule(
        warn=0.0005,
        slow=0.0008,
        stop=0.0009,
        stop_confidence=0.5,
        floor=500,
        window_days=28,
        prior=RARE_PRIOR,
        least_events_to_stop=2,
        stop_for=timedelta(days=7),
    )
    hard_run_to_stop: int = 4
    complaints_in_24h_to_stop: int = 3
    sequential: SequentialRule = SequentialRule()
    soft: SoftRule = SoftRule()
    reputation: ReputationRule = ReputationRule()
    errors: ErrorRule = ErrorRule()
    recovery: Recovery = Recovery()
    slow_factor: Fraction = Fraction(1, 2)
    slow_for: timedelta = timedelta(days=1)
    memory_days: int = 28


def tenant_policy(thresholds: BackOffThresholds) -> Policy:
    """The default policy with the thresholds that a tenant's file sets. One complaint warns, whatever the file says."""
    default = Policy()
    return replace(
        default,
        hard=replace(_with(default.hard, thresholds.hard_bounces), warn=float(thresholds.hard_bounces.warn)),
        complaint=_with(default.complaint, thresholds.complaints),
        hard_run_to_stop=thresholds.hard_bounces_in_a_row,
        complaints_in_24h_to_stop=thresholds.complaints_in_a_day,
        errors=replace(default.errors, warn=thresholds.errors_in_a_row_warn, stop=thresholds.errors_in_a_row_stop),
    )


def _with(rule: RateRule, thresholds: RateThresholds) -> RateRule:
    return replace(
        rule,
        slow=float(thresholds.slow),
        stop=float(thresholds.stop),
        floor=thresholds.floor,
        window_days=thresholds.window_days,
    )
