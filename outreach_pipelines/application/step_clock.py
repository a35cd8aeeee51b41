"""Policy time stepped from one due moment to the next: a business day in a minute, on the code that sends for real.

Belongs here: when a step may be made and how far. Does not: what happens meanwhile (the batch runs beside, unaware).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DueState:
    """What a driver must know before it steps: messages under way, and when the next one is due."""

    under_way: int
    in_doubt: int
    next_due: datetime | None
    retry_waits: int


class SteppedTime(Protocol):
    """Policy time with a hand on it."""

    def now(self) -> datetime:
        """Where it stands."""
        ...

    def set(self, moment: datetime) -> None:
        """Move it forward. Raises `Refused` when sending is live, or the moment lies behind."""
        ...

    def due_state(self) -> DueState:
        """Over all tenants."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """What lives by the same clock outside: `set_clock` moves the lab first, `drain` brings home what came of it."""

    set_clock: Callable[[datetime], None]
    drain: Callable[[], None]


def step(time: SteppedTime, world: World, *, until: datetime) -> datetime | None:
    """Make one step towards `until` if nothing is under way: to the minute of the next due moment, or to `until`.

    Returns where the clock stands, None when it could not move yet. People act before the senders of the same moment
    do, so an unsubscribe of that moment still counts.
    """
    state = time.due_state()
    if state.under_way or state.retry_waits:
        return None
    now = time.now()
    if now >= until:
        return None
    if state.next_due is not None and state.next_due <= now:
        return None  # due already: the batch is about to claim it
    target = min(until, _whole_minute(state.next_due) if state.next_due else until)
    world.set_clock(target)
    world.drain()
    time.set(target)
    return target


def _whole_minute(moment: datetime) -> datetime:
    """The minute in which `moment` has come; spacing is judged at the intent and stays what it is."""
    return moment if moment == (start := moment.replace(second=0, microsecond=0)) else start + timedelta(minutes=1)
