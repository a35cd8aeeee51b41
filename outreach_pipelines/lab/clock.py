"""Simulated time and what falls due in it. What happens then is decided elsewhere."""

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

log = logging.getLogger(__name__)

Action = Callable[[], Awaitable[None]]


class ClockRefusedError(Exception):
    """The clock was asked to go backwards, or to a time without a zone."""


class SimulatedClock:
    """The lab's time, in UTC. Real until it is first set; from then on it stands between settings."""

    def __init__(self) -> None:
        self._set_to: datetime | None = None

    @property
    def is_stepped(self) -> bool:
        """Whether somebody drives this clock. Before that it runs by itself."""
        return self._set_to is not None

    def now(self) -> datetime:
        """The simulated moment, aware, in UTC."""
        return self._set_to or machine_now()

    def step_to(self, moment: datetime) -> None:
        """Stand at `moment`. The first setting may be any time, each later one none before the last."""
        if moment.tzinfo is None:
            msg = f"the clock needs a time with a zone, got {moment.isoformat()}"
            raise ClockRefusedError(msg)
        if self._set_to is not None and moment < self._set_to:
            msg = f"the clock stands at {self._set_to.isoformat()} and does not go back to {moment.isoformat()}"
            raise ClockRefusedError(msg)
        self._set_to = moment.astimezone(UTC)


def machine_now() -> datetime:
    """Real time, aware, in UTC: for journals, which carry both times."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    due: datetime
    order: int
    action: Action = field(compare=False)


class Agenda:
    """Actions that are due at simulated moments, run one after the other by (due, order of entry)."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._entries: list[_Entry] = []
        self._order = count()
        self._running = asyncio.Lock()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failed = 0
        """How many actions have raised, which is a fault of the lab's."""

    def add(self, *, after: timedelta, action: Action) -> None:
        """Run `action` once `after` has passed in simulated time; at once, but not in this call, if that is zero."""
        heapq.heappush(self._entries, _Entry(self._clock.now() + after, next(self._order), action))
        self._changed.set()

    @property
    def pending(self) -> int:
        """How many actions have not run yet."""
        return len(self._entries)

    @property
    def next_due(self) -> datetime | None:
        """The simulated moment of the earliest action, or None."""
        return self._entries[0].due if self._entries else None

    async def run_due(self) -> int:
        """Run everything that is due now, also what the actions add meanwhile; how many ran."""
        ran = 0
        async with self._running:
            while self._entries and self._entries[0].due <= self._clock.now():
                await self._run_safely(heapq.heappop(self._entries).action)
                ran += 1
        return ran

    def start(self) -> None:
        """Run due actions in the background: with real time as it passes, with stepped time what is due at once."""
        self._task = asyncio.create_task(self._run_forever(), name="lab-agenda")

    async def stop(self) -> None:
        """End the background run. What is pending is lost with the process."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run_forever(self) -> None:
        while True:
            self._changed.clear()
            await self.run_due()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), timeout=self._seconds_to_next())

    def _seconds_to_next(self) -> float | None:
        if self._clock.is_stepped or self.next_due is None:
            return None
        return max(0.0, (self.next_due - self._clock.now()).total_seconds())

    async def _run_safely(self, action: Action) -> None:
        try:
            await action()
        except Exception:
            # One broken reaction must not stop everyone else's; whoever drives the lab sees the count.
            self.failed += 1
            log.exception("a reaction failed")
