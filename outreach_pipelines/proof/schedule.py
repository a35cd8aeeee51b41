"""What one world is made from: what is planned, and which faults befall it.

Belongs here: the values. Does not: drawing them from a seed (`drawing`), nor what a fault does (`world`, `process`, `providers`).
"""

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import NamedTuple

RUN_NAMES = ("run 1", "run 2", "run 3")
UPKEEP = "upkeep"


class Answer(StrEnum):
    """What a provider does with one call instead of taking it and saying so."""

    REFUSE_FOR_NOW = "refuse for now"
    REFUSE_FOR_GOOD = "refuse for good"
    STOP_PATH = "stop the path"
    LOSE_REQUEST = "lose the request, answer nothing"
    TAKE_AND_LOSE_ANSWER = "take it, lose the answer"
    TAKE_TOO_LATE = "take it long after the caller gave up"
    NO_CONNECTION = "refuse the connection"


class Call(NamedTuple):
    """The n-th call that a process makes of one port's method, counted from 1 over all its lives."""

    process: str
    point: str
    number: int


When = float | Call
"""Seconds since the world began, or just before a call acts."""


@dataclass(frozen=True, slots=True)
class Kill:
    """The process ends at this call, before or after the call's effect. Nothing of it acts any more."""

    at: Call
    after_effect: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """The process stands still for some seconds right after this call's effect: suspended, swapped out, or its machine asleep."""

    at: Call
    seconds: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The n-th call of any provider comes out in another way; `seconds` is how late a late one is."""

    number: int
    how: Answer
    seconds: float


@dataclass(frozen=True, slots=True)
class EventRepeated:
    """The n-th event is delivered so many times more."""

    number: int
    times: int


@dataclass(frozen=True, slots=True)
class EventDeadLettered:
    """The n-th event is put aside by the queue and comes back after some seconds."""

    number: int
    seconds: float


@dataclass(frozen=True, slots=True)
class FeedSilent:
    """No event is published from `at` on, for some seconds; then all are."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Unsubscribes:
    """A person unsubscribes."""

    person: int
    when: When


@dataclass(frozen=True, slots=True)
class Replies:
    """A person's reply is read from the inbox."""

    person: int
    when: When


@dataclass(frozen=True, slots=True)
class ClockJumps:
    """Policy time jumps, forwards or backwards."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class CapLowered:
    """A mailbox's daily cap falls."""

    mailbox: int
    cap: int
    when: When


@dataclass(frozen=True, slots=True)
class HoldSet:
    """All of the tenant's sending is held for some seconds of policy time."""

    seconds: float
    when: When


@dataclass(frozen=True, slots=True)
class Replanned:
    """A new version of the day's plan is released: one person is moved to another slot, one is left out."""

    moved: int
    dropped: int
    later_seconds: float
    when: When


@dataclass(frozen=True, slots=True)
class InboxUnread:
    """The tenant's inbox cannot be read for some seconds."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class EpochRaised:
    """The database was restored: every process that began before must stop."""

    when: When


Fault = (
    Kill | Pause | Answered | EventRepeated | EventDeadLettered | FeedSilent | Unsubscribes | Replies | ClockJumps
    | CapLowered | HoldSet | Replanned | InboxUnread | EpochRaised
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Placement:
    """One message of the plan: due so many seconds after the hour, its window ends so many after. `mailbox` counts from 0."""

    mailbox: int
    due: float
    window: float
    follow_up: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that a world is made from. `chance` seeds what is not a fault: order, latency, jitter of events."""

    chance: int
    placements: tuple[Placement, ...]
    mailboxes: int
    cap: int
    gap: float
    kind: str
    lag: float
    runs: tuple[float, ...]
    faults: tuple[Fault, ...]

    def without(self, faults: frozenset[int]) -> "Schedule":
        """The same with the faults at these places left out."""
        return replace(self, faults=tuple(each for at, each in enumerate(self.faults) if at not in faults))


def told(fault: Fault) -> str:
    """A fault as one line: its name and its numbers."""
    words = " ".join(f"{each.name}={getattr(fault, each.name)}" for each in fields(fault))
    return f"{type(fault).__name__} {words}"
