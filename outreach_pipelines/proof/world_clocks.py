"""The time of a world: both clocks of the protocol, and how quick its computers are."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from outreach_pipelines.proof.process import CURRENT
from outreach_pipelines.proof.virtual_loop import VirtualLoop

START = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class WorldClocks:
    """`Clocks`: machine time runs with the loop, policy time is ahead of it by `skew`."""

    loop: VirtualLoop
    skew: timedelta = timedelta(0)

    def machine(self) -> datetime:
        """See `Clocks.machine`."""
        return START + timedelta(seconds=self.loop.time())

    def policy(self) -> datetime:
        """See `Clocks.policy`."""
        return self.machine() + self.skew


@dataclass(frozen=True, slots=True)
class ChanceOfMachine:
    """`Machine`: calls take some milliseconds; a paused process stands still."""

    chance: Random

    def latency(self) -> float:
        """See `Machine.latency`."""
        return self.chance.random() * 0.05

    def standstill(self) -> float:
        """See `Machine.standstill`."""
        process = CURRENT.get()
        return 0.0 if process is None else process.standstill()
