"""When a change of readiness is believed.

Here: the standing of an account over days. Not here: one day's readiness (readiness.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from outreach_pipelines.domain.dns_audit.readiness import NotReady, Readiness, Ready, Undecided, not_ready


@dataclass(frozen=True, slots=True)
class AwaitingConfirmation:
    """A fault was seen once and no earlier state holds: the next definite answer decides. Not ready to send."""


SettledReadiness: TypeAlias = Ready | NotReady | Undecided | AwaitingConfirmation


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Faults seen by one definite answer, which the next one confirms or clears."""

    seen: NotReady
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An account's settled state; `confirmed_at`: the last definite answer that agreed, None before the first."""

    state: SettledReadiness
    confirmed_at: datetime | None
    suspicion: Suspicion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlePolicy:
    """How slowly a change is believed.

    `confirm_after`: two answers closer than this count as one (both may come from one cache, or from one run repeated).
    `keep_for`: how long the last definite state outlives silence.
    """

    confirm_after: timedelta = timedelta(minutes=15)
    keep_for: timedelta = timedelta(hours=72)


DEFAULT_SETTLING = SettlePolicy()
_NEVER_SEEN = Standing(state=Undecided(()), confirmed_at=None)


def settle(
    previous: Standing | None, seen: Readiness, *, now: datetime, policy: SettlePolicy = DEFAULT_SETTLING
) -> Standing:
    """Take a new answer into the standing.

    Ready is believed at once. A fault is believed when two definite answers show it. An open question changes nothing
    until the last definite state is older than `policy.keep_for`.
    """
    before = previous or _NEVER_SEEN
    match seen:
        case Ready():
            return Standing(state=seen, confirmed_at=now)
        case Undecided():
            return before if _holds(before, now, policy) else replace(before, state=seen)
        case NotReady():
            return _after_fault(before, seen, now, policy)
        case _:
            assert_never(seen)


def _after_fault(before: Standing, seen: NotReady, now: datetime, policy: SettlePolicy) -> Standing:
    if isinstance(before.state, NotReady):
        return Standing(state=seen, confirmed_at=now)
    if before.suspicion is not None and now - before.suspicion.at < policy.confirm_after:
        return before
    confirmed = _seen_twice(before.suspicion, seen)
    if confirmed is not None:
        return Standing(state=confirmed, confirmed_at=now)
    state = before.state if _holds(before, now, policy) else AwaitingConfirmation()
    return Standing(state=state, confirmed_at=before.confirmed_at, suspicion=Suspicion(seen, now))


def _seen_twice(suspicion: Suspicion | None, seen: NotReady) -> NotReady | None:
    faults = [finding for finding in seen.faults if suspicion is not None and finding.key in suspicion.seen.keys]
    return not_ready(faults) if faults else None


def _holds(standing: Standing, now: datetime, policy: SettlePolicy) -> bool:
    """Tell whether the state is definite and young enough to outlive silence; a first suspicion lives as long."""
    match standing.state:
        case Ready() | NotReady():
            since = standing.confirmed_at
        case AwaitingConfirmation():
            since = standing.suspicion.at if standing.suspicion else None
        case Undecided():
            return False
        case _:
            assert_never(standing.state)
    return since is not None and now - since <= policy.keep_for
