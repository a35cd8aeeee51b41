"""A process of the simulated world: it calls ports, may stand still, and may be killed before or after any call's effect.

Belongs here: being killed and standing still. Does not: what the ports do. After a kill every call raises `Killed` without
effect, so that nothing in a `finally` acts, as nothing acts after SIGKILL.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Container, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar

from outreach_pipelines.proof.rows import Clocks
from outreach_pipelines.proof.schedule import Call, Kill, Pause
from outreach_pipelines.proof.virtual_loop import Standing, VirtualLoop

T = TypeVar("T")
P = ParamSpec("P")
BeforeCall = Callable[[Call], None]


class Killed(BaseException):
    """The process is gone. No handler for errors of the program may take it for one of them."""


@dataclass(slots=True, eq=False)
class Process:
    """`watched` holds every point at which something befalls processes of this name.

    Calls at these are counted, over all lives of one name, and `before` is told of each just before it acts.
    """

    name: str
    loop: VirtualLoop
    kills: Mapping[Call, Kill]
    pauses: Mapping[Call, Pause]
    before: BeforeCall
    watched: Container[str]
    calls: Counter[str] = field(default_factory=Counter)
    dead: bool = False
    paused_until: float = 0.0
    ended_at: Call | None = None

    def call(self, point: str, effect: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Make one call of a port, unless the process is killed before it; killed after it, nobody learns the result."""
        if self.dead:
            raise Killed
        if point in self.watched:
            return self._watched_call(point, partial(effect, *args, **named))
        return effect(*args, **named)

    def _watched_call(self, point: str, effect: Callable[[], T]) -> T:
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
            self.paused_until = self.loop.now + self.pauses[at].seconds
        return result

    def _die(self, at: Call) -> None:
        self.dead, self.ended_at = True, at
        raise Killed

    def standstill(self) -> float:
        """Seconds for which it will still stand still."""
        return max(0.0, self.paused_until - self.loop.now)

    async def stand(self) -> None:
        """Go on only once the process does."""
        while self.paused_until > self.loop.now:
            await self.loop.sleep(self.paused_until - self.loop.now)
        if self.dead:
            raise Killed

    def port(self, target: object) -> Any:
        """`target`, each of its methods called through `call`."""
        return _Port(self, target)


class _Port:
    def __init__(self, process: Process, target: object) -> None:
        self._process = process
        self._target = target

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = partial(self._process.call, name, getattr(self._target, name))
        # Found without this from now on.
        self.__dict__[name] = method
        return method


@dataclass(frozen=True, slots=True)
class _NoProcess:
    """Whoever acts outside all processes never stands still."""

    paused_until: float = 0.0


NO_PROCESS = _NoProcess()
CURRENT: ContextVar[Standing] = ContextVar("process of this task", default=NO_PROCESS)


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
            await self.process.loop.sleep(min(left, self.look_again))
            await self.process.stand()
