"""The time of a world: both clocks of the protocol, and how quick its computers are."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from outreach_pipelines.proof.virtual_loop import VirtualLoop

START = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
#: Virtual seconds that a blocking call takes at most until it acts.
LONGEST_LATENCY = 0.05


@dataclass(slots=True)
class WorldClocks:
    """`Clocks`: machine time runs with the loop, policy time is ahead of it by `skew`.

    Both are asked many times in one piece of work, in which no time passes, and made once.
    """

    loop: VirtualLoop
    skew: timedelta = timedelta(0)
    _asked_at: float = 0.0
    _machine: datetime = START

    def machine(self) -> datetime:
        """See `Clocks.machine`."""
        if self.loop.now != self._asked_at:
            self._asked_at = self.loop.now
            self._machine = START + timedelta(seconds=self._asked_at)
        return self._machine

    def policy(self) -> datetime:
        """See `Clocks.policy`."""
        return self.machine() + self.skew if self.skew else self.machine()
