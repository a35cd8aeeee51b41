"""A process of the simulated world: it calls ports, may stand still, and may be killed before or after any call's effect.

Belongs here: being killed and standing still. Does not: what the ports do. After a kill every call raises `Killed` without
effect, so that nothing in a `finally` acts, as nothing acts after SIGKILL.
"""

import asyncio
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from outreach_pipelines.proof.rows import Clocks
from outreach_pipelines.proof.schedule import Call, Kill, Pause

T = TypeVar("T")
BeforeCall = Callable[[Call], None]


class Killed(BaseException):
    """The process is gone. No handler for errors of the program may take it for one of them."""


@dataclass(slots=True, eq=False)
class Process:
    """`before` is told of each call just before it acts. `calls` counts them by point, over all lives of one name."""

    name: str
    loop: AbstractEventLoop
    kills: Mapping[Call, Kill]
    pauses: Mapping[Call, Pause]
    before: BeforeCall
    calls: Counter[str] = field(default_factory=Counter)
    dead: bool = False
    paused_until: float = 0.0
    ended_at: Call | None = None

    def call(self, point: str, effect: Callable[[], T]) -> T:
        """Make one call of a port, unless the process is killed before it; killed after it, nobody learns the result."""
        if self.dead:
            raise Killed
        self.calls[point] += 1
        at = Call(self.name, point, self.calls[point])
        self.before(at)
        kill = self.kills.get(at)
        if kill is not None and not kill.after_effect:
            self._die(at)
        result = effect()
        if kill is not None:
            self._die(at)
        if at in self.pauses:
            self.paused_until = self.loop.time() + self.pauses[at].seconds
        return result

    def _die(self, at: Call) -> None:
        self.dead, self.ended_at = True, at
        raise Killed

    def standstill(self) -> float:
        """Seconds for which it will still stand still."""
        return max(0.0, self.paused_until - self.loop.time())

    async def stand(self) -> None:
        """Go on only once the process does."""
        while (still := self.standstill()) > 0:  # noqa: ASYNC110 - a pause may grow while it lasts
            await asyncio.sleep(still)
        if self.dead:
            raise Killed

    def port(self, target: object) -> Any:
        """`target`, each of its methods called through `call`."""
        return _Port(self, target)


@dataclass(frozen=True, slots=True)
class _Port:
    process: Process
    target: object

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self.target, name)
        return lambda *args, **named: self.process.call(name, lambda: method(*args, **named))


CURRENT: ContextVar[Process | None] = ContextVar("process of this task", default=None)


@dataclass(frozen=True, slots=True)
class PolicyClock:
    """`Clock` of one process: policy time of the world. A jump is noticed within `look_again` seconds."""

    clocks: Clocks
    process: Process
    stepped: bool = False
    look_again: float = 60.0

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self.clocks.policy()

    async def wait_until(self, moment: datetime, stop: asyncio.Event) -> None:
        """See `Clock.wait_until`."""
        while not stop.is_set() and (left := (moment - self.clocks.policy()).total_seconds()) > 0:
            await asyncio.sleep(min(left, self.look_again))
            await self.process.stand()
