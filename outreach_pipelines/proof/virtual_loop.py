"""An asyncio event loop on virtual time: it never waits, and chance decides which ready callback runs first.

Belongs here: time, order, and calls that block. Does not: sockets, signals, subprocesses, which this loop has not (its base
class refuses them by name). With equal `Chance` two runs are equal, step by step.
"""

import asyncio
import heapq
from asyncio import AbstractEventLoop, Future, Handle, Task, TimerHandle
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from random import Random
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
V = TypeVar("V")
Ts = TypeVarTuple("Ts")


class Machine(Protocol):
    """How quick the computer is; both are asked in the context of whoever makes the call."""

    def latency(self) -> float:
        """Virtual seconds until a blocking call that is made now acts."""
        ...

    def standstill(self) -> float:
        """Virtual seconds that the process of this context will still stand still."""
        ...


class NothingLeftToDo(Exception):
    """The main coroutine waits, and nothing is ready or timed that could wake it."""


class VirtualLoop(AbstractEventLoop):
    """Runs one coroutine to its end. `time()` counts virtual seconds from 0."""

    def __init__(self, chance: Random, machine: Machine) -> None:
        """A thread's work (`run_in_executor`) acts in one piece, some time after it was asked for."""
        self._chance = chance
        self._machine = machine
        self._now = 0.0
        self._ready: list[Handle] = []
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._sequence = 0

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def run_until_complete(self, future: Coroutine[Any, Any, T]) -> T:  # type: ignore[override]  # coroutines only
        """Run until `future` is done, then cancel what it left running. Raises `NothingLeftToDo` when it cannot go on."""
        asyncio._set_running_loop(self)  # noqa: SLF001 - exported by asyncio for loops
        try:
            main = self.create_task(future)
            while not main.done():
                self._step()
            return main.result()
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001 - exported by asyncio for loops

    def _step(self) -> None:
        if not self._ready:
            self._let_time_pass()
        # Any order that independent tasks might take is one that a real machine might show.
        last = self._ready.pop()
        if self._ready:
            at = int(self._chance.random() * (len(self._ready) + 1))
            if at < len(self._ready):
                last, self._ready[at] = self._ready[at], last
        if not last.cancelled():
            last._run()  # noqa: SLF001 - how asyncio's own loops run a handle

    def _let_time_pass(self) -> None:
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        if not self._timers:
            message = "every task waits for another"
            raise NothingLeftToDo(message)
        self._now = max(self._now, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(self._timers)[2])

    def call_soon(self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None) -> Handle:
        """Ready now, behind and before all else that is."""
        handle = Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        """Ready once `delay` virtual seconds have passed."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        """Ready at a moment of virtual time."""
        timer = TimerHandle(when, callback, args, self, context)
        self._sequence += 1
        heapq.heappush(self._timers, (when, self._sequence, timer))
        return timer

    def run_in_executor(self, executor: object, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> Future[T]:
        """The call acts in one piece, later; like a thread's it acts also when nobody waits for it any more."""
        del executor
        future: Future[T] = self.create_future()
        self.call_later(self._machine.latency(), self._act, future, func, args)
        return future

    def create_future(self) -> Future[Any]:
        """One of this loop."""
        return Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> Task[T]:
        """One of this loop."""
        return Task(coro, loop=self, name=name, context=context)

    def get_debug(self) -> bool:
        """Never: debugging wraps every handle in a trace."""
        return False

    def is_running(self) -> bool:
        """It runs whenever a callback can ask."""
        return True

    def is_closed(self) -> bool:
        """There is nothing to close."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What asyncio tells of tasks that died with their process is no news here."""

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Cancelled timers are passed over when their time comes."""

    def _act(self, future: Future[T], func: Callable[[*Ts], T], args: tuple[*Ts]) -> None:
        if still := self._machine.standstill():
            self.call_later(still, self._act, future, func, args)
            return
        try:
            result = func(*args)
        except BaseException as fault:  # noqa: BLE001 - whoever waits gets it, as from a thread
            self._tell(future.set_exception, future, fault)
        else:
            self._tell(future.set_result, future, result)

    def _tell(self, tell: Callable[[V], None], future: Future[T], outcome: V) -> None:
        # A process that stands still learns of the effect when it goes on, and not before.
        if still := self._machine.standstill():
            self.call_later(still, self._tell, tell, future, outcome)
        elif not future.done():
            tell(outcome)
            # A dead process's calls are waited for by nobody.
            future.exception()
