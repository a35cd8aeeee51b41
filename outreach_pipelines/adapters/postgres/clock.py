"""Policy time, read from the database, and waiting for it.

In production policy time is the server's own and a wait is a timer. With a row in app.clock a driver steps it, and a wait
asks again and again, because a step may come at any moment.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

_NOW = text("select app.now()")
_STEPPED = text("select exists (select from app.clock)")
_ASK_AGAIN_SECONDS = 0.02


@dataclass(slots=True)
class _LastLook:
    """What was seen last, and when by the machine's monotonic clock: those who wait side by side look once for all."""

    moment: datetime | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class DatabaseClock:
    """`Clock` over any role's engine; `stepped` is fixed when it is made."""

    engine: Engine
    stepped: bool
    _last: _LastLook = field(default_factory=_LastLook, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, engine: Engine) -> "DatabaseClock":
        """Ask once whether policy time is stepped."""
        with engine.connect() as connection:
            return cls(engine, bool(connection.execute(_STEPPED).scalar_one()))

    def now(self) -> datetime:
        """Policy time in UTC."""
        if not self.stepped:
            return datetime.now(UTC)
        # One statement: without a transaction around it, it is one round trip.
        with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            now: datetime = connection.execute(_NOW).scalar_one()
        return now.astimezone(UTC)

    async def wait_until(self, moment: datetime, stop: asyncio.Event) -> None:
        """Return at `moment`, or when `stop` is set."""
        while not stop.is_set():
            left = moment - await self._looked()
            if left <= timedelta(0):
                return
            seconds = _ASK_AGAIN_SECONDS if self.stepped else max(left.total_seconds(), 0.001)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), seconds)

    async def _looked(self) -> datetime:
        # It may be as old as the time between two looks, and time moves forward only: a wait ends that much later at most.
        if not self.stepped:
            return self.now()
        if self._last.moment is None or time.monotonic() - self._last.at >= _ASK_AGAIN_SECONDS:
            self._last.at = time.monotonic()
            self._last.moment = await asyncio.to_thread(self.now)
        return self._last.moment
