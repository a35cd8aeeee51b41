"""When an account that fails or crawls is left alone for a while, and how it is tried again.

Belongs here: what the last calls say, the three states, the waits between probes. Does not: what a call came to
(`provider_call`), who may take the one probe of a half-open breaker (`begin_send`), the refusals of a recipient, which say
nothing of an account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from outreach_pipelines.domain.provider_call import FAULTS, NO_CALL, CallOutcome


class BreakerState(StrEnum):
    """Closed lets all calls through, open none, half-open one."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerEvent(StrEnum):
    """What moves a breaker."""

    CALLS_GOOD = "calls_good"
    CALLS_BAD = "calls_bad"
    PROBE_BEGUN = "probe_begun"
    PROBE_GOOD = "probe_good"
    PROBE_BAD = "probe_bad"


@dataclass(frozen=True, slots=True)
class Ignored:
    """The state stays, for this reason."""

    reason: str


_LATE = Ignored("news of a probe that another one has overtaken")
_BEFORE = Ignored("these calls began before it opened")

TRANSITIONS: Mapping[tuple[BreakerState, BreakerEvent], BreakerState | Ignored] = {
    (BreakerState.CLOSED, BreakerEvent.CALLS_GOOD): Ignored("nothing is wrong"),
    (BreakerState.CLOSED, BreakerEvent.CALLS_BAD): BreakerState.OPEN,
    (BreakerState.CLOSED, BreakerEvent.PROBE_BEGUN): Ignored("every call may go"),
    (BreakerState.CLOSED, BreakerEvent.PROBE_GOOD): _LATE,
    (BreakerState.CLOSED, BreakerEvent.PROBE_BAD): _LATE,
    (BreakerState.OPEN, BreakerEvent.CALLS_GOOD): _BEFORE,
    (BreakerState.OPEN, BreakerEvent.CALLS_BAD): _BEFORE,
    (BreakerState.OPEN, BreakerEvent.PROBE_BEGUN): BreakerState.HALF_OPEN,
    (BreakerState.OPEN, BreakerEvent.PROBE_GOOD): _LATE,
    (BreakerState.OPEN, BreakerEvent.PROBE_BAD): _LATE,
    (BreakerState.HALF_OPEN, BreakerEvent.CALLS_GOOD): _BEFORE,
    (BreakerState.HALF_OPEN, BreakerEvent.CALLS_BAD): _BEFORE,
    # The one before it was lost with its process: see `may_probe`.
    (BreakerState.HALF_OPEN, BreakerEvent.PROBE_BEGUN): BreakerState.HALF_OPEN,
    (BreakerState.HALF_OPEN, BreakerEvent.PROBE_GOOD): BreakerState.CLOSED,
    (BreakerState.HALF_OPEN, BreakerEvent.PROBE_BAD): BreakerState.OPEN,
}


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """`window` is a number of calls. A probe not heard of for `probe_lost` (the lease of a message) counts as lost."""

    window: int = 20
    fault_share: float = 0.3
    slow: timedelta = timedelta(seconds=10)
    slow_quantile: float = 0.95
    first_wait: timedelta = timedelta(seconds=60)
    longest_wait: timedelta = timedelta(minutes=15)
    probe_lost: timedelta = timedelta(seconds=90)


POLICY = BreakerPolicy()
# Starts are reckoned back from the moment of writing down, on another clock than the probe's.
_CLOCK_SLACK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was made; `started_at` is machine time."""

    started_at: datetime
    outcome: CallOutcome
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Breaker:
    """All times are machine time. `since` is None for one that never moved.

    `until` and `wait` belong to an open one (and the wait to the half-open one after it), `probe_at` to a half-open one.
    """

    state: BreakerState = BreakerState.CLOSED
    since: datetime | None = None
    until: datetime | None = None
    wait: timedelta | None = None
    probe_at: datetime | None = None


def may_probe(breaker: Breaker, now: datetime, policy: BreakerPolicy = POLICY) -> bool:
    """Whether one call may try an account that is not closed: its wait is over, and no other probe is under way."""
    if breaker.state is BreakerState.OPEN:
        return breaker.until is not None and breaker.until <= now
    return breaker.probe_at is not None and breaker.probe_at + policy.probe_lost <= now


def begin_probe(breaker: Breaker, now: datetime) -> Breaker:
    """One call goes out to see."""
    return _moved(breaker, BreakerEvent.PROBE_BEGUN, now, POLICY)


def after_calls(breaker: Breaker, calls: Sequence[Call], now: datetime, policy: BreakerPolicy = POLICY) -> Breaker:
    """What the account's last calls, the new ones among them and in any order, make of its breaker."""
    event = _event(breaker, calls, policy)
    return breaker if event is None else _moved(breaker, event, now, policy)


def looks_broken(calls: Sequence[Call], policy: BreakerPolicy = POLICY) -> bool:
    """Whether the last calls show faults or crawling.

    A short history counts as if good calls came before it: six faults open a breaker of the default policy, be they the
    first calls ever. Its slowness shows only in a full window: a percentile of few calls is noise.
    """
    last = sorted((call for call in calls if call.outcome is not NO_CALL), key=lambda call: call.started_at)
    last = last[-policy.window :]
    faults = sum(call.outcome in FAULTS for call in last)
    if faults >= policy.fault_share * policy.window:
        return True
    return len(last) == policy.window and _percentile(last, policy.slow_quantile) > policy.slow


def _percentile(calls: Sequence[Call], share: float) -> timedelta:
    """By nearest rank."""
    took = sorted(call.milliseconds for call in calls)
    return timedelta(milliseconds=took[ceil(share * len(took)) - 1])


def _event(breaker: Breaker, calls: Sequence[Call], policy: BreakerPolicy) -> BreakerEvent | None:
    if breaker.state is BreakerState.HALF_OPEN:
        return _probe_event(breaker, calls, policy)
    since = breaker.since
    counted = [call for call in calls if since is None or call.started_at >= since]
    return BreakerEvent.CALLS_BAD if looks_broken(counted, policy) else BreakerEvent.CALLS_GOOD


def _probe_event(breaker: Breaker, calls: Sequence[Call], policy: BreakerPolicy) -> BreakerEvent | None:
    """None while the probe is out, and when it told nothing of the account."""
    if breaker.probe_at is None:
        return None
    earliest = breaker.probe_at - _CLOCK_SLACK
    probes = [call for call in calls if call.started_at >= earliest and call.outcome is not NO_CALL]
    if not probes:
        return None
    bad = any(call.outcome in FAULTS or timedelta(milliseconds=call.milliseconds) > policy.slow for call in probes)
    return BreakerEvent.PROBE_BAD if bad else BreakerEvent.PROBE_GOOD


def _moved(breaker: Breaker, event: BreakerEvent, now: datetime, policy: BreakerPolicy) -> Breaker:
    match TRANSITIONS[breaker.state, event]:
        case Ignored():
            return breaker
        case BreakerState.CLOSED:
            return Breaker(BreakerState.CLOSED, since=now)
        case BreakerState.OPEN:
            wait = _next_wait(breaker, policy)
            return Breaker(BreakerState.OPEN, since=now, until=now + wait, wait=wait)
        case BreakerState.HALF_OPEN:
            return replace(breaker, state=BreakerState.HALF_OPEN, since=now, until=None, probe_at=now)


def _next_wait(breaker: Breaker, policy: BreakerPolicy) -> timedelta:
    if breaker.state is BreakerState.CLOSED:
        return policy.first_wait
    return min((breaker.wait or policy.first_wait) * 2, policy.longest_wait)
