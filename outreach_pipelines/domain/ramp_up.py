"""How many real messages a new mailbox or domain may send on a day.

Belongs here: the step of the ramp as a function of the days before. Not here: holds (`back_off`), caps of a day's plan
(`send_plan`). No artificial engagement: only real, accepted sends move a step.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from outreach_pipelines.domain.sending_policy import RampUp


class RampStage(Enum):
    """Where a mailbox stands on its ramp, and what the last finished day did to it."""

    RAMPING = "ramping"
    HELD = "held"
    STEPPED_BACK = "stepped_back"
    RESTARTED = "restarted"
    AT_CAP = "at_cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class RampPolicy:
    """The numbers of a ramp, in messages a day; `cap` is the steady cap of the mailbox, and 0 is none."""

    cap: int
    start: int = 5
    raise_by: int = 2
    used_share: Fraction = Fraction(4, 5)
    keep_on_stop: Fraction = Fraction(1, 2)
    idle_days: int = 30
    health_floor: int = 60

    def __post_init__(self) -> None:
        if self.cap < 0 or self.start < 1 or self.raise_by < 1:
            msg = (
                f"a ramp needs cap >= 0, start >= 1 and raise_by >= 1, not {self.cap}, {self.start} and {self.raise_by}"
            )
            raise ValueError(msg)


def ramp_policy(knobs: RampUp, *, cap: int) -> RampPolicy:
    """The tenant's ramp for a mailbox with this steady cap, in messages a day."""
    return RampPolicy(
        cap=cap,
        start=knobs.start,
        raise_by=knobs.step,
        used_share=Fraction(knobs.used_share),
        idle_days=knobs.idle_days,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RampDay:
    """One local day: messages accepted, that evening's health score if there was one, whether a stop was in force."""

    day: date
    accepted: int
    health: Decimal | int | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class RampStep:
    """What may leave on the day asked for, and why."""

    cap_today: int
    stage: RampStage
    reason: str


@dataclass(frozen=True, slots=True)
class _Walk:
    step: int
    stage: RampStage
    reason: str
    last_sending_day: date | None = None
    in_stop: bool = False


def ramped_cap(history: Iterable[RampDay], policy: RampPolicy, as_of: date) -> RampStep:
    """The cap of `as_of`, from the finished days before it; rows of `as_of` and later are not looked at.

    Order does not matter.
    """
    walk = _Walk(policy.start, RampStage.RAMPING, f"a new mailbox starts at {policy.start} a day")
    for day in _days_before(history, as_of):
        walk = _after(_rested(walk, day.day, policy), day, policy)
    walk = _rested(walk, as_of, policy)
    if walk.step >= policy.cap:
        return RampStep(policy.cap, RampStage.AT_CAP, f"the ramp has reached the cap of {policy.cap} a day")
    return RampStep(walk.step, walk.stage, walk.reason)


def _days_before(history: Iterable[RampDay], as_of: date) -> list[RampDay]:
    merged: dict[date, RampDay] = {}
    for row in history:
        if row.day < as_of:
            known = merged.get(row.day)
            merged[row.day] = row if known is None else _same_day(known, row)
    return sorted(merged.values(), key=lambda row: row.day)


def _same_day(one: RampDay, other: RampDay) -> RampDay:
    scores = [row.health for row in (one, other) if row.health is not None]
    return RampDay(
        day=one.day,
        accepted=one.accepted + other.accepted,
        health=min(scores, default=None),
        stopped=one.stopped or other.stopped,
    )


def _rested(walk: _Walk, today: date, policy: RampPolicy) -> _Walk:
    """Receivers forget a sender that is silent: after `idle_days` whole days without a send the ramp starts again."""
    if walk.last_sending_day is None:
        return walk
    idle = (today - walk.last_sending_day).days - 1
    if idle < policy.idle_days:
        return walk
    reason = f"starts again at {policy.start}: nothing was sent for {idle} days since {walk.last_sending_day}"
    return _Walk(policy.start, RampStage.RESTARTED, reason, in_stop=walk.in_stop)


def _after(walk: _Walk, day: RampDay, policy: RampPolicy) -> _Walk:
    if day.accepted > 0:
        walk = replace(walk, last_sending_day=day.day)
    if day.stopped:
        return _stepped_back(walk, day, policy)
    walk = replace(walk, in_stop=False)
    if day.accepted == 0:
        return walk
    if day.health is not None and day.health < policy.health_floor:
        reason = f"held at {walk.step}: health was {day.health} on {day.day}, below {policy.health_floor}"
        return replace(walk, stage=RampStage.HELD, reason=reason)
    return _used(walk, day, policy)


def _stepped_back(walk: _Walk, day: RampDay, policy: RampPolicy) -> _Walk:
    """The first day of a stop costs the step; the days after it are the same stop."""
    if walk.in_stop:
        return walk
    step = max(policy.start, int(walk.step * policy.keep_on_stop))
    return replace(
        walk,
        step=step,
        stage=RampStage.STEPPED_BACK,
        reason=f"stepped back from {walk.step} to {step} by the stop of {day.day}",
        in_stop=True,
    )


def _used(walk: _Walk, day: RampDay, policy: RampPolicy) -> _Walk:
    if day.accepted < policy.used_share * walk.step:
        reason = (
            f"stays at {walk.step}: {day.accepted} sent on {day.day} is below {policy.used_share * 100} % of the step"
        )
        return replace(walk, stage=RampStage.RAMPING, reason=reason)
    step = max(walk.step, min(walk.step + policy.raise_by, policy.cap))
    reason = f"raised from {walk.step} to {step}: {day.accepted} sent on {day.day}"
    return replace(walk, step=step, stage=RampStage.RAMPING, reason=reason)
