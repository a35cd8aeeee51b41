"""An asyncio event loop on virtual time: it never waits, and chance decides which ready callback runs first.

Belongs here: time, order, and calls that block. Does not: sockets, signals, subprocesses, which this loop has not (its base
class refuses them by name). With equal chance two runs are equal, step by step. A world takes some four hundred steps, and a
million worlds are lived for a proof: what asyncio's own loops and handles do for debugging is left out.
"""

import asyncio
from asyncio import AbstractEventLoop, Future, Task, TimerHandle
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from heapq import heappop, heappush
from random import Random
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Standing(Protocol):
    """A process that may stand still."""

    @property
    def paused_until(self) -> float:
        """The virtual second until which it does; 0 or past when it does not."""
        ...


class NothingLeftToDo(Exception):
    """The main coroutine waits, and nothing is ready or timed that could wake it."""


class _Callback(TimerHandle):
    """What it raises ends the world, and is seen."""

    __slots__ = ("args", "callback", "context", "moment", "over")

    def __init__(
        self, moment: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> None:
        self.moment, self.callback, self.args, self.over = moment, callback, args, False
        self.context = copy_context() if context is None else context

    def when(self) -> float:
        """The moment in virtual seconds."""
        return self.moment

    def cancel(self) -> None:
        """It is passed over when its time comes."""
        self.over = True

    def cancelled(self) -> bool:
        """Whether it will be passed over."""
        return self.over

    def act(self) -> None:
        """Once its time has come."""
        if not self.over:
            self.context.run(self.callback, *self.args)


class _Wake:
    """Ends a wait for time alone."""

    __slots__ = ("future",)

    def __init__(self, future: Future[None]) -> None:
        self.future = future

    def cancelled(self) -> bool:
        """Whoever waited was cancelled."""
        return self.future.done()

    def act(self) -> None:
        """Once its time has come."""
        if not self.future.done():
            self.future.set_result(None)


class _BlockingCall:
    """A thread's call: it acts in one piece and then tells whoever waits, neither while its process stands still."""

    __slots__ = ("args", "caller", "fault", "func", "future", "loop", "made", "result")

    def __init__(
        self, loop: "VirtualLoop", caller: Standing, future: Future[Any], func: Callable[..., Any], args: Any
    ) -> None:
        self.loop, self.caller, self.future, self.func, self.args = loop, caller, future, func, args
        self.made = False
        self.result: Any = None
        self.fault: BaseException | None = None

    def cancelled(self) -> bool:
        """Never: like a thread's, the call acts also when nobody waits for it any more."""
        return False

    def act(self) -> None:
        """Once its time has come; put off until its process goes on."""
        now = self.loop.now
        if not self.made and self.caller.paused_until <= now:
            self.made = True
            try:
                self.result = self.func(*self.args)
            except BaseException as fault:  # noqa: BLE001 - whoever waits gets it, as from a thread
                self.fault = fault
        # What the call did may have been to stand still: then its effect is learned of when the process goes on.
        if self.caller.paused_until > now:
            self.loop.put(self.caller.paused_until - now, self)
        elif not self.future.done():
            self._tell()

    def _tell(self) -> None:
        if self.fault is None:
            self.future.set_result(self.result)
            return
        self.future.set_exception(self.fault)
        # A dead process's calls are waited for by nobody.
        self.future.exception()


_Item = _Callback | _Wake | _BlockingCall


class VirtualLoop(AbstractEventLoop):
    """Runs one coroutine to its end. `now` counts virtual seconds from 0."""

    def __init__(self, chance: Random, *, latency: Callable[[], float], caller: Callable[[], Standing]) -> None:
        """A thread's work (`run_in_executor`) acts `latency` virtual seconds after it was asked for.

        Latency and caller are asked in the context of whoever makes the call.
        """
        self.now = 0.0
        self._chance = chance
        self._latency = latency
        self._caller = caller
        self._ready: list[_Item] = []
        self._timers: list[tuple[float, int, _Item]] = []
        self._sequence = 0

    def time(self) -> float:
        """Virtual seconds."""
        return self.now

    def run_until_complete(self, future: Coroutine[Any, Any, T]) -> T:  # type: ignore[override]  # coroutines only
        """Run until `future` is done. Raises `NothingLeftToDo` when it cannot go on."""
        asyncio._set_running_loop(self)  # noqa: SLF001 - exported by asyncio for loops
        try:
            main = self.create_task(future)
            self._run_until(main.done)
            return main.result()
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001 - exported by asyncio for loops

    def _run_until(self, done: Callable[[], bool]) -> None:
        ready, chance = self._ready, self._chance.random
        while not done():
            if not ready:
                self._let_time_pass()
            # Any order that independent tasks might take is one that a real machine might show.
            one = ready.pop()
            if ready:
                at = int(chance() * (len(ready) + 1))
                if at < len(ready):
                    one, ready[at] = ready[at], one
            one.act()

    def _let_time_pass(self) -> None:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not timers:
            message = "every task waits for another"
            raise NothingLeftToDo(message)
        if timers[0][0] > self.now:
            self.now = timers[0][0]
        while timers and timers[0][0] <= self.now:
            self._ready.append(heappop(timers)[2])

    def put(self, delay: float, item: _Item) -> None:
        """It has its turn so many virtual seconds later."""
        self._sequence += 1
        heappush(self._timers, (self.now + delay, self._sequence, item))

    def sleep(self, seconds: float) -> Future[None]:
        """Done so many virtual seconds later; `asyncio.sleep` at less cost."""
        future: Future[None] = Future(loop=self)
        self.put(seconds, _Wake(future))
        return future

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        """Ready now, behind and before all else that is."""
        handle = _Callback(self.now, callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        """Ready once `delay` virtual seconds have passed."""
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        """Ready at a moment of virtual time."""
        timer = _Callback(when, callback, args, context)
        self._sequence += 1
        heappush(self._timers, (when, self._sequence, timer))
        return timer

    def run_in_executor(self, executor: object, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> Future[T]:
        """The call acts in one piece, later; like a thread's it acts also when nobody waits for it any more."""
        del executor
        future: Future[T] = Future(loop=self)
        self.put(self._latency(), _BlockingCall(self, self._caller(), future, func, args))
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
