"""A hold: what it holds, how far, why, until when, and the way back.

Belongs here: the value, the factor it puts in force, its ageing and its release. Not here: the tests that set it
(`rates`, `counts`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from fractions import Fraction

from outreach_pipelines.domain.back_off.policy import Policy
from outreach_pipelines.domain.back_off.scope import Scope

FULL = Fraction(1)


class HoldLevel(Enum):
    """How far a hold goes. A warning holds nothing back."""

    WARN = "warn"
    SLOW = "slow"
    STOP = "stop"


class Signal(Enum):
    """The kind of evidence.

    A scope has at most one automatic hold for each; whichever test is first names itself in the reason.
    """

    HARD_BOUNCES = "hard_bounces"
    COMPLAINTS = "complaints"
    SOFT_BOUNCES = "soft_bounces"
    REPUTATION = "reputation"
    ERRORS = "errors"
    MANUAL = "manual"


class HoldReason(Enum):
    """The test that set a hold."""

    HARD_BOUNCE_RATE = "hard_bounce_rate"
    HARD_BOUNCES_IN_A_ROW = "hard_bounces_in_a_row"
    HARD_BOUNCE_JUMP = "hard_bounce_jump"
    COMPLAINT_RATE = "complaint_rate"
    COMPLAINTS_WITHIN_A_DAY = "complaints_within_a_day"
    SOFT_BOUNCES_RISING = "soft_bounces_rising"
    REPUTATION_ANSWER = "reputation_answer"
    REPUTATION_OF_SEVERAL_MAILBOXES = "reputation_of_several_mailboxes"
    ERRORS_IN_A_ROW = "errors_in_a_row"
    MANUAL = "manual"

    @property
    def signal(self) -> Signal:
        """The kind of evidence this test looks at."""
        return _SIGNALS[self]


_SIGNALS = {
    HoldReason.HARD_BOUNCE_RATE: Signal.HARD_BOUNCES,
    HoldReason.HARD_BOUNCES_IN_A_ROW: Signal.HARD_BOUNCES,
    HoldReason.HARD_BOUNCE_JUMP: Signal.HARD_BOUNCES,
    HoldReason.COMPLAINT_RATE: Signal.COMPLAINTS,
    HoldReason.COMPLAINTS_WITHIN_A_DAY: Signal.COMPLAINTS,
    HoldReason.SOFT_BOUNCES_RISING: Signal.SOFT_BOUNCES,
    HoldReason.REPUTATION_ANSWER: Signal.REPUTATION,
    HoldReason.REPUTATION_OF_SEVERAL_MAILBOXES: Signal.REPUTATION,
    HoldReason.ERRORS_IN_A_ROW: Signal.ERRORS,
    HoldReason.MANUAL: Signal.MANUAL,
}
_RANK = {HoldLevel.WARN: 0, HoldLevel.SLOW: 1, HoldLevel.STOP: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceNumbers:
    """What a hold rests on: events in trials and, for a rate, the posterior median and the bound that decides a stop.

    `not_observable` are accepted sends on which a complaint would not be heard of.
    """

    events: int
    trials: int | None = None
    not_observable: int = 0
    median: float | None = None
    bound: float | None = None


@dataclass(frozen=True, slots=True)
class Probation:
    """The half-open time after `until`: clean sending days so far, and the share of the cap they have earned."""

    clean_days: int
    factor: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldDecision:
    """A hold as it should stand; the same value is stored and comes back as a current hold.

    `factor` holds until `until` (None: until a person releases it), then that of `probation` (None: nothing). Sends
    and reports up to `counts_from` have been paid for by an earlier stop and are not held against the scope again.
    """

    scope: Scope
    level: HoldLevel
    factor: Fraction
    reason: HoldReason
    sentence: str
    numbers: EvidenceNumbers
    since: datetime
    until: datetime | None
    probation: Probation | None = None
    counts_from: datetime | None = None

    def factor_at(self, now: datetime) -> Fraction:
        """The share of the cap that this hold leaves at a moment."""
        if self.until is None or now < self.until:
            return self.factor
        return self.probation.factor if self.probation else FULL


def effective_factor(holds: Iterable[HoldDecision], now: datetime) -> Fraction:
    """The smallest factor in force, 0..1; 1 without a hold."""
    return min((hold.factor_at(now) for hold in holds), default=FULL)


def impose(
    scope: Scope,
    level: HoldLevel,
    reason: HoldReason,
    sentence: str,
    numbers: EvidenceNumbers,
    *,
    policy: Policy,
    now: datetime,
    until: datetime | None,
) -> HoldDecision:
    """A new hold with the factor of its level; a slow or a stop that ends by itself ends in probation."""
    factor = {HoldLevel.WARN: FULL, HoldLevel.SLOW: policy.slow_factor, HoldLevel.STOP: Fraction(0)}[level]
    ends = level is not HoldLevel.WARN and until is not None
    return HoldDecision(
        scope=scope,
        level=level,
        factor=factor,
        reason=reason,
        sentence=sentence,
        numbers=numbers,
        since=now,
        until=until,
        probation=Probation(0, policy.recovery.factor(factor, 0)) if ends else None,
        counts_from=now if level is HoldLevel.STOP else None,
    )


def manual_hold(
    scope: Scope, factor: Fraction, sentence: str, *, now: datetime, until: datetime | None
) -> HoldDecision:
    """A person's hold. It ends when it says, at full pace: the person knows why."""
    level = HoldLevel.STOP if factor == 0 else HoldLevel.SLOW
    return HoldDecision(
        scope=scope,
        level=level,
        factor=factor,
        reason=HoldReason.MANUAL,
        sentence=sentence,
        numbers=EvidenceNumbers(events=0),
        since=now,
        until=until,
    )


def release(hold: HoldDecision, sentence: str, *, policy: Policy, now: datetime) -> HoldDecision:
    """A person ends a hold now; an automatic one goes on in probation, and its evidence so far is not judged again."""
    if hold.reason is HoldReason.MANUAL:
        return replace(hold, until=now, sentence=sentence)
    probation = Probation(0, policy.recovery.factor(hold.factor, 0))
    return replace(hold, until=now, probation=probation, counts_from=now, sentence=sentence)


def strictest(holds: Iterable[HoldDecision], now: datetime) -> HoldDecision | None:
    """The hold that leaves least now; of equals the higher level, then the later end, then the earlier test."""
    order = list(HoldReason)
    return min(
        holds,
        key=lambda hold: (hold.factor_at(now), -_RANK[hold.level], -_ends(hold), order.index(hold.reason)),
        default=None,
    )


def _ends(hold: HoldDecision) -> float:
    return float("inf") if hold.until is None else hold.until.timestamp()


def with_memory(hold: HoldDecision, counts_from: datetime | None) -> HoldDecision:
    """The hold, knowing what an earlier stop has paid for."""
    later = max((moment for moment in (hold.counts_from, counts_from) if moment), default=None)
    return replace(hold, counts_from=later)


def age(hold: HoldDecision, clean_days: int, *, policy: Policy, now: datetime) -> HoldDecision | None:
    """A hold without new evidence: in force, further on its way back, remembered, or over (None)."""
    if hold.level is HoldLevel.WARN:
        return _remembered(hold, policy, now)
    if hold.until is None or now < hold.until:
        return hold
    if hold.probation is None:
        return None
    factor = policy.recovery.factor(hold.factor, clean_days)
    if factor == FULL:
        return _remembered(hold, policy, now)
    return replace(hold, probation=Probation(clean_days, factor))


def _remembered(hold: HoldDecision, policy: Policy, now: datetime) -> HoldDecision | None:
    """A stop's evidence stays in the windows for weeks; without this memory it would stop the scope a second time."""
    if hold.counts_from is None or now - hold.counts_from > timedelta(days=policy.memory_days + 1):
        return None
    paid = f"evidence up to {hold.counts_from:%Y-%m-%d} is not judged again"
    sentence = f"recovered from the hold of {hold.since:%Y-%m-%d}; {paid}"
    return replace(hold, level=HoldLevel.WARN, factor=FULL, until=None, probation=None, sentence=sentence)
