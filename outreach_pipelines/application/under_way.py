"""The messages that one run has between claim and outcome, and the threads that their transactions are made in.

Belongs here: how many there are, and waiting for them. Does not: what is done with each (`send_batch`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

LANES = 3
P = ParamSpec("P")
T = TypeVar("T")


class Lanes:
    """The few threads of a process that speak to the database, with a connection each.

    Few, since all messages of a tenant meet on its counts: with six, each message cost the server a quarter more and none
    went sooner. Calls to providers are made elsewhere, as many at a time as there are messages.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LANES, thread_name_prefix="lane")

    async def do(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns or raises, from one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))


class UnderWay:
    """Messages of one run between claim and outcome, at most so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._ended = asyncio.Event()

    @property
    def free(self) -> int:
        """How many more may be claimed."""
        return self._most - len(self._tasks)

    @property
    def nothing(self) -> bool:
        """Whether no message is under way."""
        return not self._tasks

    def add(self, work: Coroutine[None, None, None]) -> None:
        """Start the care of one message."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    async def settle(self, fewer: int, seconds: float) -> None:
        """Wait until no more than `fewer` are under way, or so many seconds. Raises what one of them has raised.

        Not longer: calls that hang must not keep the free places from being used.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self._tasks) > fewer and not self._failures:
                    self._ended.clear()
                    await self._ended.wait()
        self.raise_failure()

    async def finish(self) -> None:
        """Wait for all of them, however they end."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def raise_failure(self) -> None:
        """Raise the first failure, if there was one."""
        if self._failures:
            raise self._failures[0]

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        if failure is not None:
            self._failures.append(failure)
        self._ended.set()
