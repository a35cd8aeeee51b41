"""The messages of a run between claim and outcome."""

import asyncio
import threading

import pytest

from outreach_pipelines.application.under_way import LANES, Lanes, UnderWay

LONG = 5.0


async def until(event: asyncio.Event) -> None:
    await event.wait()


def test_it_settles_once_no_more_than_so_many_are_under_way() -> None:
    async def story() -> tuple[int, int]:
        under_way, ends = UnderWay(4), [asyncio.Event() for _ in range(4)]
        for end in ends:
            under_way.add(until(end))
        full = under_way.free
        ends[0].set()
        ends[1].set()
        await under_way.settle(2, LONG)
        return full, under_way.free

    assert asyncio.run(story()) == (0, 2)


def test_calls_that_hang_do_not_keep_the_free_places_waiting() -> None:
    async def story() -> int:
        under_way, end = UnderWay(4), asyncio.Event()
        for _ in range(3):
            under_way.add(until(end))
        await under_way.settle(2, 0.01)
        return under_way.free

    assert asyncio.run(story()) == 1


def test_what_one_has_raised_is_raised_at_once_and_the_others_are_finished() -> None:
    async def story() -> tuple[str, bool]:
        under_way, end, finished = UnderWay(4), asyncio.Event(), asyncio.Event()

        async def fails() -> None:
            message = "the database is away"
            raise ConnectionError(message)

        async def goes_on() -> None:
            await end.wait()
            finished.set()

        under_way.add(goes_on())
        under_way.add(fails())
        with pytest.raises(ConnectionError) as raised:
            async with asyncio.timeout(LONG):
                await under_way.settle(0, 2 * LONG)
        end.set()
        await under_way.finish()
        return str(raised.value), finished.is_set()

    assert asyncio.run(story()) == ("the database is away", True)


def test_one_that_was_ended_from_outside_is_no_success() -> None:
    async def story() -> None:
        under_way = UnderWay(1)

        async def ended() -> None:
            raise asyncio.CancelledError

        under_way.add(ended())
        await under_way.settle(0, LONG)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(story())


def test_as_many_transactions_run_at_once_as_there_are_lanes() -> None:
    async def story() -> int:
        lanes, together = Lanes(), threading.Barrier(LANES)
        return len(await asyncio.gather(*(lanes.do(together.wait, LONG) for _ in range(LANES))))

    assert asyncio.run(story()) == LANES


def test_a_lane_gives_back_what_was_raised_in_it() -> None:
    def fails(*, what: str) -> None:
        raise ConnectionError(what)

    with pytest.raises(ConnectionError, match="gone"):
        asyncio.run(Lanes().do(fails, what="gone"))
