"""The health of a mailbox, 0 to 100, as of a day, with the parts it is made of.

Belongs here: the formula and its version. Not here: what follows from a score (`ramp_up`, `send_plan`), and holds
(`back_off`). A score uses only what was known at the end of its day, so any past day can be computed again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from math import fsum

from outreach_pipelines.domain.ramp_up import RampStage
from outreach_pipelines.domain.rate import BetaPrior, Observed, fit_prior

HEALTH_VERSION = "1"
"""Rises with every change of the formula or its numbers; scores of two versions are never compared unmarked."""

HALF_LIFE_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOutcomes:
    """What became of the sends of one local day. All outcomes stand at the day of the *send*, however late they came.

    `reporting` are those of the accepted whose provider reports complaints (None: all). `learnt_on` is the day by
    which these outcomes were known (None: the day itself); a send may have several rows' worth of news, one row for
    each day of learning.
    """

    day: date
    accepted: int = 0
    hard: int = 0
    soft: int = 0
    blocks: int = 0
    complaints: int = 0
    replies: int = 0
    unsubscribes: int = 0
    login_failures: int = 0
    reporting: int | None = None
    learnt_on: date | None = None

    @property
    def observable(self) -> int:
        """Accepted sends on which a complaint would be heard of."""
        return self.accepted if self.reporting is None else self.reporting

    def known_by(self, as_of: date) -> bool:
        """Whether this row was known at the end of `as_of`."""
        return max(self.day, self.learnt_on or self.day) <= as_of


class DnsState(Enum):
    """What the DNS audit last said of the mailbox's domain. UNKNOWN is "could not be read", never "missing"."""

    READY = "ready"
    NOT_READY = "not_ready"
    UNKNOWN = "unknown"


class HoldState(Enum):
    """The strictest hold in force on the mailbox, its domain or its accounts."""

    FREE = "free"
    WARNED = "warned"
    SLOWED = "slowed"
    STOPPED = "stopped"


class HealthPart(Enum):
    """What a score is made of."""

    HARD_BOUNCES = "hard_bounces"
    COMPLAINTS = "complaints"
    BLOCKS = "blocks"
    SOFT_BOUNCES = "soft_bounces"
    REPLIES = "replies"
    UNSUBSCRIBES = "unsubscribes"
    LOGINS = "logins"
    DNS = "dns"
    HOLDS = "holds"
    RAMP = "ramp"


@dataclass(frozen=True, slots=True)
class RatePart:
    """A part earned by a rate: all of `weight` at `full_at`, nothing at `nothing_at`, straight between.

    `fallback`: rate of a pool without evidence.
    """

    part: HealthPart
    weight: int
    full_at: float
    nothing_at: float
    fallback: BetaPrior
    events: Callable[[DayOutcomes], int]
    trials: Callable[[DayOutcomes], int]


def _accepted(row: DayOutcomes) -> int:
    return row.accepted


RATE_PARTS: tuple[RatePart, ...] = (
    RatePart(HealthPart.HARD_BOUNCES, 25, 0.005, 0.05, BetaPrior(1.0, 99.0), lambda row: row.hard, _accepted),
    RatePart(
        HealthPart.COMPLAINTS,
        20,
        0.0005,
        0.003,
        BetaPrior(0.25, 499.75),
        lambda row: row.complaints,
        lambda row: row.observable,
    ),
    RatePart(HealthPart.BLOCKS, 10, 0.005, 0.05, BetaPrior(0.5, 99.5), lambda row: row.blocks, _accepted),
    RatePart(HealthPart.SOFT_BOUNCES, 5, 0.02, 0.15, BetaPrior(2.0, 98.0), lambda row: row.soft, _accepted),
    RatePart(HealthPart.REPLIES, 5, 0.03, 0.0, BetaPrior(2.0, 98.0), lambda row: row.replies, _accepted),
    RatePart(HealthPart.UNSUBSCRIBES, 5, 0.005, 0.03, BetaPrior(0.5, 99.5), lambda row: row.unsubscribes, _accepted),
)
LOGIN_WEIGHT, DNS_WEIGHT, HOLD_WEIGHT, RAMP_WEIGHT = 10, 10, 5, 5
LOGIN_FAILURES_FOR_NOTHING = 5
"""Decayed login failures at which the part is worth nothing: the count in a row that stops a mailbox."""


@dataclass(frozen=True, slots=True)
class HealthPriors:
    """What the tenant's mailboxes together say of each rate: one prior for each of RATE_PARTS, in that order."""

    rates: tuple[BetaPrior, ...]


DEFAULT_PRIORS = HealthPriors(tuple(part.fallback for part in RATE_PARTS))


@dataclass(frozen=True, slots=True)
class PartScore:
    """Points earned of `weight`, in tenths, and why."""

    part: HealthPart
    points: Decimal
    weight: int
    reason: str


@dataclass(frozen=True, slots=True)
class HealthScore:
    """0 (worst) to 100; `total` is the sum of the points of its parts, exactly."""

    as_of: date
    total: Decimal
    parts: tuple[PartScore, ...]
    version: str


def fit_priors(pool: Iterable[Sequence[DayOutcomes]], as_of: date) -> HealthPriors:
    """A tenant's priors as of a day, from the evidence of each mailbox; safe for no mailbox, no send, no event."""
    members = tuple(_known(rows, as_of) for rows in pool)
    return HealthPriors(
        tuple(fit_prior((_decayed(rows, part, as_of) for rows in members), part.fallback) for part in RATE_PARTS)
    )


def score(
    as_of: date,
    evidence: Iterable[DayOutcomes],
    *,
    priors: HealthPriors = DEFAULT_PRIORS,
    dns: DnsState,
    hold: HoldState,
    ramp: RampStage,
) -> HealthScore:
    """The health at the end of `as_of`. Rows not known by then are not looked at; the order of rows does not matter."""
    known = _known(evidence, as_of)
    parts = (*rate_scores(known, priors, as_of), _logins(known, as_of), _dns(dns), _hold(hold), _ramp(ramp))
    return HealthScore(as_of, sum((part.points for part in parts), Decimal(0)), parts, HEALTH_VERSION)


def rate_scores(evidence: Iterable[DayOutcomes], priors: HealthPriors, as_of: date) -> tuple[PartScore, ...]:
    """The parts that rates earn, in the order of RATE_PARTS, from what was known at the end of `as_of`."""
    known = _known(evidence, as_of)
    return tuple(
        _rate_score(part, prior, _decayed(known, part, as_of))
        for part, prior in zip(RATE_PARTS, priors.rates, strict=True)
    )


def _known(evidence: Iterable[DayOutcomes], as_of: date) -> tuple[DayOutcomes, ...]:
    return tuple(row for row in evidence if row.known_by(as_of))


def _weight(row: DayOutcomes, as_of: date) -> float:
    return float(0.5 ** ((as_of - row.day).days / HALF_LIFE_DAYS))


def _decayed(rows: Sequence[DayOutcomes], part: RatePart, as_of: date) -> Observed:
    """Sums are exactly rounded (fsum), so that no order of rows gives another score."""
    return Observed(
        fsum(part.events(row) * _weight(row, as_of) for row in rows),
        fsum(part.trials(row) * _weight(row, as_of) for row in rows),
    )


def _rate_score(part: RatePart, prior: BetaPrior, observed: Observed) -> PartScore:
    rate = prior.after(observed).mean
    earned = (rate - part.nothing_at) / (part.full_at - part.nothing_at)
    reason = (
        f"about {rate:.2%}, from {observed.events:.1f} in {observed.trials:.1f} lately and the pool's {prior.mean:.2%}"
    )
    return _part(part.part, part.weight, earned, reason)


def _part(part: HealthPart, weight: int, earned: float, reason: str) -> PartScore:
    points = Decimal(round(weight * 10 * min(max(earned, 0.0), 1.0))) / 10
    return PartScore(part, points, weight, reason)


def _logins(rows: Sequence[DayOutcomes], as_of: date) -> PartScore:
    failures = fsum(row.login_failures * _weight(row, as_of) for row in rows)
    return _part(
        HealthPart.LOGINS,
        LOGIN_WEIGHT,
        1 - failures / LOGIN_FAILURES_FOR_NOTHING,
        f"{failures:.1f} login failures lately",
    )


_DNS_EARNS = {
    DnsState.READY: (1.0, "the domain is ready"),
    DnsState.NOT_READY: (0.0, "the domain is not ready"),
    DnsState.UNKNOWN: (1.0, "the domain could not be read, which is not held against it"),
}
_HOLD_EARNS = {
    HoldState.FREE: (1.0, "no hold"),
    HoldState.WARNED: (0.8, "a warning is in force"),
    HoldState.SLOWED: (0.4, "slowed by a hold"),
    HoldState.STOPPED: (0.0, "stopped by a hold"),
}
_RAMP_EARNS = {
    RampStage.AT_CAP: (1.0, "the ramp is complete"),
    RampStage.RAMPING: (0.6, "still ramping"),
    RampStage.RESTARTED: (0.4, "ramping again after a silence"),
    RampStage.HELD: (0.4, "the ramp is held"),
    RampStage.STEPPED_BACK: (0.2, "the ramp was stepped back"),
}


def _dns(state: DnsState) -> PartScore:
    return _part(HealthPart.DNS, DNS_WEIGHT, *_DNS_EARNS[state])


def _hold(state: HoldState) -> PartScore:
    return _part(HealthPart.HOLDS, HOLD_WEIGHT, *_HOLD_EARNS[state])


def _ramp(stage: RampStage) -> PartScore:
    return _part(HealthPart.RAMP, RAMP_WEIGHT, *_RAMP_EARNS[stage])
