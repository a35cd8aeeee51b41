"""The event loop of the simulation: virtual time, repeatable chance, threads that act in one piece."""

import asyncio
from dataclasses import dataclass
from random import Random

import pytest

from outreach_pipelines.proof.virtual_loop import NothingLeftToDo, VirtualLoop


@dataclass
class Process:
    """`Standing`."""

    paused_until: float = 0.0


def new_loop(seed: int = 1, still_until: float = 0.0) -> VirtualLoop:
    """Each blocking call takes a tenth of a second."""
    chance, process = Random(seed), Process(still_until)  # noqa: S311 - chance that can be repeated
    return VirtualLoop(chance, latency=lambda: 0.1, caller=lambda: process)  # type: ignore[abstract]  # as in the simulation


def order_of(seed: int) -> list[int]:
    done: list[int] = []

    async def note(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)

    async def main() -> None:
        await asyncio.gather(*(note(number) for number in range(6)))

    new_loop(seed).run_until_complete(main())
    return done


def test_an_hour_passes_without_waiting() -> None:
    loop = new_loop()

    loop.run_until_complete(asyncio.sleep(3600))

    assert loop.time() == 3600


def test_chance_decides_the_order_of_what_is_ready_and_the_same_chance_decides_alike() -> None:
    orders = [order_of(seed) for seed in range(20)]

    assert orders == [order_of(seed) for seed in range(20)]
    assert len({tuple(order) for order in orders}) > 10


def test_a_blocking_call_acts_later_and_its_error_reaches_whoever_waits() -> None:
    loop = new_loop()

    with pytest.raises(ZeroDivisionError):
        loop.run_until_complete(asyncio.to_thread(lambda: 1 / 0))

    assert loop.time() == pytest.approx(0.1)


def test_a_time_out_ends_a_wait_and_the_thread_acts_all_the_same() -> None:
    acted: list[bool] = []

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.to_thread(acted.append, True)
        await asyncio.sleep(1)

    new_loop().run_until_complete(main())

    assert acted == [True]


def test_a_process_that_stands_still_acts_when_it_goes_on() -> None:
    loop = new_loop(still_until=50.0)

    loop.run_until_complete(asyncio.to_thread(lambda: None))

    assert loop.time() == 50.0


def test_a_wait_that_nothing_can_end_is_told() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingLeftToDo):
        new_loop().run_until_complete(main())
