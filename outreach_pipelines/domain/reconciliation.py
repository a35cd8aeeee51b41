"""The accounting identity: every placed message has exactly one end, or is open and shown so.

Belongs here: counts of one tenant and hour, and what they must add up to. Not here: how they are counted.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from outreach_pipelines.domain.tenant import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCounts:
    """Messages of one tenant whose `due_at` lies in one UTC hour.

    `placed` comes from decision rows, the rest from message states.
    """

    tenant: TenantId
    hour: datetime
    placed: int
    accepted: int = 0
    failed: int = 0
    suppressed: int = 0
    expired: int = 0
    cancelled: int = 0
    superseded: int = 0
    unknown: int = 0
    open: int = 0

    def __post_init__(self) -> None:
        if self.hour.utcoffset() != timedelta(0) or self.hour != self.hour.replace(minute=0, second=0, microsecond=0):
            msg = f"counts belong to a whole UTC hour, not {self.hour.isoformat()}"
            raise ValueError(msg)
        negative = [name for name in _COUNTS if getattr(self, name) < 0]
        if negative:
            msg = f"counts below zero: {', '.join(negative)}"
            raise ValueError(msg)

    @property
    def accounted(self) -> int:
        """Messages whose whereabouts are known or openly in doubt."""
        return sum(getattr(self, name) for name in _COUNTS if name != "placed")


_COUNTS = tuple(field.name for field in fields(HourCounts) if field.name not in ("tenant", "hour"))


@dataclass(frozen=True, slots=True)
class Balanced:
    """Every placed message is accounted for."""

    counts: HourCounts


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """Above zero: `difference` messages were placed and have no state; below: they have one and were not placed."""

    counts: HourCounts
    difference: int
    sentence: str


def identity(counts: HourCounts) -> Balanced | Unbalanced:
    """Whether placed = accepted + failed + suppressed + expired + cancelled + superseded + unknown + open."""
    difference = counts.placed - counts.accounted
    if difference == 0:
        return Balanced(counts)
    what = "placed without a state" if difference > 0 else "with a state but never placed"
    hour = f"{counts.hour:%Y-%m-%d %H:00} UTC"
    return Unbalanced(counts, difference, f"{abs(difference)} of {counts.placed} messages due in {hour} are {what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedWitnesses:
    """Accepted sends of one tenant and hour, told by independent witnesses.

    `provider_sends` is None where the provider reports no sends: then it is not compared.
    """

    messages_accepted: int
    messages_failed_after_acceptance: int
    attempts_accepted: int
    attempts_accepted_twice: int
    provider_sends: int | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two witnesses that should tell the same number, and what each told."""

    between: str
    expected: int
    told: int


def disagreements(witnesses: AcceptedWitnesses) -> tuple[Disagreement, ...]:
    """Where the witnesses differ. A message rejected after acceptance counts as failed; its attempt stays accepted."""
    messages = witnesses.messages_accepted + witnesses.messages_failed_after_acceptance
    calls = witnesses.attempts_accepted + witnesses.attempts_accepted_twice
    found = []
    if messages != witnesses.attempts_accepted:
        found.append(Disagreement("messages and attempts", messages, witnesses.attempts_accepted))
    if witnesses.provider_sends is not None and witnesses.provider_sends != calls:
        found.append(Disagreement("attempts and the provider's sends", calls, witnesses.provider_sends))
    return tuple(found)
