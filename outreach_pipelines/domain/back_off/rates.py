"""Rates judged by their posterior: hard bounces, complaints, and soft bounces against a scope's own past.

Belongs here: tests that need enough sends to say anything. Not here: tests that ignore the floor (`counts`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach_pipelines.domain.back_off.evidence import DayTotals, totals
from outreach_pipelines.domain.back_off.hold import EvidenceNumbers, HoldDecision, HoldLevel, HoldReason, impose
from outreach_pipelines.domain.back_off.judged import Judged
from outreach_pipelines.domain.back_off.policy import EVEN_PRIOR, RateRule
from outreach_pipelines.domain.rate import Observed


@dataclass(frozen=True, slots=True)
class CountedRate:
    """One rate: its rule, its reason, the events and the sends on which such an event would be seen."""

    rule: RateRule
    reason: HoldReason
    events: Callable[[DayTotals], int]
    trials: Callable[[DayTotals], int]
    noun: str


def hard_bounce_rate(rule: RateRule) -> CountedRate:
    """Hard bounces of recipients among accepted sends."""
    return CountedRate(rule, HoldReason.HARD_BOUNCE_RATE, lambda t: t.hard, lambda t: t.accepted, "hard bounces")


def complaint_rate(rule: RateRule) -> CountedRate:
    """Complaints among accepted sends to providers that report them."""
    return CountedRate(rule, HoldReason.COMPLAINT_RATE, lambda t: t.complaints, lambda t: t.observable, "complaints")


def judge_rate(judged: Judged, rate: CountedRate) -> HoldDecision | None:
    """The hold that a rate asks for, if any; None below the floor."""
    window = judged.today - timedelta(days=rate.rule.window_days)
    paid = None if judged.counts_from is None else judged.local_day(judged.counts_from)
    found = totals(judged.evidence.days, after=window if paid is None else max(window, paid), up_to=judged.today)
    events, trials = rate.events(found), max(rate.trials(found), rate.events(found))
    if events == 0 or trials < rate.rule.floor:
        return None
    posterior = rate.rule.prior.after(Observed(events, trials))
    numbers = EvidenceNumbers(
        events=events,
        trials=trials,
        not_observable=max(0, found.accepted - trials),
        median=posterior.quantile(0.5),
        bound=posterior.quantile(1 - rate.rule.stop_confidence),
    )
    return _rate_hold(judged, rate, numbers)


def _rate_hold(judged: Judged, rate: CountedRate, numbers: EvidenceNumbers) -> HoldDecision | None:
    rule, median, bound = rate.rule, numbers.median or 0.0, numbers.bound or 0.0
    seen = f"{_counted(numbers.events or 0, rate.noun)} in {_counted(numbers.trials or 0, 'sends')} of {rule.window_days} days"
    if numbers.events >= rule.least_events_to_stop and bound >= rule.stop:
        sure = f"with {rule.stop_confidence:.0%} confidence the rate exceeds {bound:.2%}"
        sentence = f"{seen}: {sure}, and {rule.stop:.2%} stops"
        return _impose(judged, rate, HoldLevel.STOP, sentence, numbers, judged.stop_ends(rule.stop_for))
    if median >= rule.slow:
        sentence = f"{seen}: smoothed toward the pool, the rate is about {median:.2%}, and {rule.slow:.2%} slows"
        return _impose(judged, rate, HoldLevel.SLOW, sentence, numbers, judged.now + judged.policy.slow_for)
    if median >= rule.warn:
        sentence = f"{seen}: smoothed toward the pool, the rate is about {median:.2%}, and {rule.warn:.2%} warns"
        return _impose(judged, rate, HoldLevel.WARN, sentence, numbers, None)
    return None


def _counted(number: int, things: str) -> str:
    return f"{number} {things.removesuffix('s') if number == 1 else things}"


def _impose(
    judged: Judged,
    rate: CountedRate,
    level: HoldLevel,
    sentence: str,
    numbers: EvidenceNumbers,
    until: datetime | None,
) -> HoldDecision:
    return impose(
        judged.scope, level, rate.reason, sentence, numbers, policy=judged.policy, now=judged.now, until=until
    )


def judge_soft_bounces(judged: Judged) -> HoldDecision | None:
    """Whether soft bounces of the last days have risen above the days before. A rise warns or slows, never stops."""
    rule = judged.policy.soft
    border = judged.today - timedelta(days=rule.recent_days)
    base_rows = [row for row in judged.evidence.days if row.day <= border]
    base = totals(base_rows, after=border - timedelta(days=rule.base_days), up_to=judged.today)
    recent = totals(judged.evidence.days, after=border, up_to=judged.today)
    trials = max(recent.accepted, recent.soft)
    if trials < rule.floor or recent.soft == 0:
        return None
    usual = rule.base_prior.after(Observed(base.soft, base.accepted)).quantile(0.5)
    bound = EVEN_PRIOR.after(Observed(recent.soft, trials)).quantile(1 - rule.confidence)
    if bound <= usual:
        return None
    slow = bound > rule.slow_ratio * usual
    return impose(
        judged.scope,
        HoldLevel.SLOW if slow else HoldLevel.WARN,
        HoldReason.SOFT_BOUNCES_RISING,
        f"{recent.soft} soft bounces in {trials} sends of {rule.recent_days} days: over {bound:.1%}, usual {usual:.1%}",
        EvidenceNumbers(events=recent.soft, trials=trials, median=usual, bound=bound),
        policy=judged.policy,
        now=judged.now,
        until=judged.now + judged.policy.slow_for if slow else None,
    )
