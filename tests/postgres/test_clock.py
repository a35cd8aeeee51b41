import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.clock import DatabaseClock
from outreach_pipelines.adapters.postgres.stepped_time import PostgresSteppedTime
from outreach_pipelines.application.step_clock import DueState
from outreach_pipelines.errors import Refused

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(world: SmallWorld) -> Iterator[SmallWorld]:
    """The only tenant with messages: what is due is counted over all of them."""
    yield world
    world.sql("truncate app.message cascade")
    world.sql("delete from app.clock")
    world.sql("update app.environment set mode = 'lab'")


def test_without_a_stepped_clock_policy_time_is_the_machines(world: SmallWorld, engine: Engine) -> None:
    world.sql("delete from app.clock")

    clock = DatabaseClock.of(engine)

    assert not clock.stepped
    assert abs(clock.now() - datetime.now(UTC)) < MINUTE
    assert clock.now().tzinfo is UTC


def test_a_stepped_clock_stands_until_it_is_stepped(world: SmallWorld, engine: Engine, ops: Engine) -> None:
    clock = DatabaseClock.of(engine)
    before = clock.now()

    PostgresSteppedTime(ops).set(NOON + MINUTE)

    assert (clock.stepped, before, clock.now()) == (True, NOON, NOON + MINUTE)


async def test_a_wait_ends_when_the_moment_has_come_and_not_before(
    world: SmallWorld, engine: Engine, ops: Engine
) -> None:
    clock, time = DatabaseClock.of(engine), PostgresSteppedTime(ops)
    waiting = asyncio.create_task(clock.wait_until(NOON + 2 * MINUTE, asyncio.Event()))

    await asyncio.to_thread(time.set, NOON + MINUTE)
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    await asyncio.to_thread(time.set, NOON + 2 * MINUTE)
    await asyncio.wait_for(waiting, 10)

    assert done == set()


@pytest.mark.parametrize("stepped", [True, False])
async def test_a_wait_ends_when_it_is_told_to_stop(world: SmallWorld, engine: Engine, stepped: bool) -> None:
    clock, stop = DatabaseClock(engine, stepped), asyncio.Event()
    waiting = asyncio.create_task(clock.wait_until(datetime.now(UTC) + HOUR, stop))

    stop.set()

    await asyncio.wait_for(waiting, 10)


async def test_a_wait_of_the_machines_time_lasts_until_its_moment(world: SmallWorld, engine: Engine) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=0.2)

    await DatabaseClock(engine, stepped=False).wait_until(moment, asyncio.Event())

    assert datetime.now(UTC) >= moment


def test_policy_time_never_goes_back(world: SmallWorld, ops: Engine) -> None:
    with pytest.raises(Refused, match="does not go back"):
        PostgresSteppedTime(ops).set(NOON - MINUTE)


def test_policy_time_is_not_stepped_while_sending_is_live(world: SmallWorld, ops: Engine) -> None:
    world.sql("delete from app.clock")
    world.sql("update app.environment set mode = 'live'")

    with pytest.raises(Refused, match="while sending is live"):
        PostgresSteppedTime(ops).set(NOON)


def test_what_is_due_next_is_told_with_what_is_under_way(world: SmallWorld, ops: Engine) -> None:
    world.message(1, due_at=NOON + 20 * MINUTE)
    world.message(2, due_at=NOON + 10 * MINUTE)
    world.message(3, state="in_doubt")
    claimed = world.message(4)
    world.sql(
        "update app.message set state = 'claimed', token = gen_random_uuid(), lease_until = now() where message_id = %(m)s",
        m=claimed,
    )

    assert PostgresSteppedTime(ops).due_state() == DueState(
        under_way=1, in_doubt=1, next_due=NOON + 10 * MINUTE, retry_waits=0
    )


def test_messages_that_can_not_go_any_more_hold_no_time_up(world: SmallWorld, ops: Engine) -> None:
    world.message(1, due_at=NOON - 5 * HOUR)
    revoked = world.message(2)
    world.sql("update app.plan set status = 'revoked' where plan_id = %(p)s", p=world.plan)

    state = PostgresSteppedTime(ops).due_state()

    assert world.state(revoked)["state"] == "planned"
    assert state == DueState(under_way=0, in_doubt=0, next_due=None, retry_waits=0)


@pytest.mark.parametrize(("seconds", "waits"), [(-1, 1), (2, 1), (300, 0)])
def test_a_retry_that_is_near_is_waited_for_and_a_far_one_is_not(
    world: SmallWorld, ops: Engine, seconds: int, waits: int
) -> None:
    message = world.message(1, due_at=NOON - MINUTE)
    world.sql(
        "update app.message set state = 'retry_wait', retry_at = clock_timestamp() + make_interval(secs => %(s)s) where message_id = %(m)s",
        s=seconds, m=message,
    )  # fmt: skip

    assert PostgresSteppedTime(ops).due_state() == DueState(under_way=0, in_doubt=0, next_due=None, retry_waits=waits)
