"""A run behind a fence that opens and closes: what it claims, begins and bounds."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from batch_runs import Told, desk, run, state_of, told
from small_world import SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.application.boot_clock import boot_seconds
from outreach_pipelines.application.send_batch import send_hours
from outreach_pipelines.domain.send_answer import Accepted, SendAnswer
from outreach_pipelines.domain.wire_message import WireMessage

TAKEN = Accepted("id-1", "<id-1@example.com>")


@dataclass
class ToldFence:
    """`SendingFence` that answers in this order, the last answer again and again, and sets `stop` once it has no other."""

    answers: list[str | None]
    last_byte: float = float("inf")
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stops: bool = False
    watched: int = 0

    def may_begin(self) -> str | None:
        if len(self.answers) > 1:
            return self.answers.pop(0)
        if self.stops:
            self.stop.set()
        return self.answers[0]

    def first_byte_by(self) -> float:
        return self.last_byte

    @contextmanager
    def watching(self) -> Iterator[None]:
        self.watched += 1
        yield
        self.watched -= 1


@dataclass
class Noting(Told):
    """Notes the deadlines that it is given."""

    deadlines: list[float] = field(default_factory=list)

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        self.deadlines.append(deadline)
        return await super().send(message, deadline=deadline)


@pytest.mark.parametrize("reason", ["no_lease"])
async def test_behind_a_closed_fence_nothing_is_claimed_and_the_run_says_why(
    engine: Engine, world: SmallWorld, reason: str
) -> None:
    message, transport = world.message(1), told(TAKEN)
    fence = ToldFence([reason, reason], stops=True)

    summary = await run(replace(desk(engine, transport), fence=fence), world, stop=fence.stop)

    assert (transport.sent, state_of(world, message)) == ([], ("planned", None))
    assert summary.reasons == {"fence: no_lease": 1}


async def test_a_run_goes_on_once_its_fence_opens(engine: Engine, world: SmallWorld) -> None:
    world.message(1)
    transport = told(TAKEN)
    fence = ToldFence(["lease_not_seen_renewed", "lease_not_seen_renewed", None])

    await run(replace(desk(engine, transport), fence=fence), world)

    assert len(transport.sent) == 1


async def test_a_fence_that_closes_between_claim_and_intent_lets_no_attempt_begin(
    engine: Engine, world: SmallWorld
) -> None:
    message, transport = world.message(1), told(TAKEN)
    fence = ToldFence([None, "lease_too_little_left"], stops=True)

    summary = await run(replace(desk(engine, transport), fence=fence), world, stop=fence.stop)

    assert (transport.sent, summary.outcomes) == ([], {"released": 1})
    assert state_of(world, message) == ("planned", "run_stopped")
    assert world.sql("select from app.send_attempt where message_id = %(m)s", m=message) == []


async def test_no_call_may_start_later_than_its_fence_allows(engine: Engine, world: SmallWorld) -> None:
    world.message(1)
    transport = Noting([TAKEN])
    transport.may_answer.set()
    by = boot_seconds() + 3

    await run(replace(desk(engine, transport), fence=ToldFence([None], last_byte=by)), world)

    assert transport.deadlines == [by]


async def test_the_fence_is_watched_for_as_long_as_hours_are_sent(engine: Engine, world: SmallWorld) -> None:
    fence = ToldFence([None])

    await send_hours(replace(desk(engine, told()), fence=fence), [], fence.stop)

    assert fence.watched == 0
