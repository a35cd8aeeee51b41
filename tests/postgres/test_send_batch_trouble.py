"""A batch in trouble, on real PostgreSQL: refusals, lost replies, stops and broken calls, each message by its own rule."""

import asyncio
import threading
from dataclasses import dataclass, replace

import pytest
from batch_runs import MINUTE, OneTransport, PlainRenderer, Told, desk, run, state_of, told
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ports import NextDue
from outreach_pipelines.application.send_batch import BatchLimits, HourSummary, SendDesk, send_hours
from outreach_pipelines.application.stored_objects import ObjectStoreUnreachable
from outreach_pipelines.domain.inbound.verdict import Stage
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost
from outreach_pipelines.domain.wire_message import Rendered


@dataclass
class StoreAway(PlainRenderer):
    """Its templates lie in a store that does not answer for one recipient."""

    recipient: str = ""

    def render_letter(self, letter: Letter, unsubscribe_url: str) -> Rendered:
        if letter.recipient.address == self.recipient:
            message = "the object store does not answer"
            raise ObjectStoreUnreachable(message)
        return super().render_letter(letter, unsubscribe_url)


@pytest.fixture
def world(new_world: NewWorld) -> SmallWorld:
    return new_world(mailboxes=12)


async def run_until_called(desk: SendDesk, transport: Told, world: SmallWorld) -> HourSummary:
    """A run that is told to stop once its first call is made."""
    stop = asyncio.Event()
    running = asyncio.create_task(run(desk, world, stop=stop))
    await asyncio.wait_for(transport.called.wait(), 30)
    stop.set()
    return await running


async def test_a_refusal_for_good_ends_message_and_sequence(engine: Engine, world: SmallWorld) -> None:
    message = world.message(1)

    summary = await run(desk(engine, told(Refused("550", "5.1.1", "User unknown", Stage.RCPT_TO))), world)

    assert summary.outcomes == {"refused": 1}
    assert state_of(world, message) == ("failed", "smtp_for_good: 550 5.1.1 User unknown")
    enrolled = world.one("select state, reason from app.enrollment where tenant_id = %(t)s", t=world.tenant)
    assert enrolled == {"state": "finished", "reason": "message_failed"}


async def test_a_refusal_for_now_waits_for_its_retry_by_the_machines_clock(engine: Engine, world: SmallWorld) -> None:
    message = world.message(1)
    transport = told(Refused("451", "4.7.1", "Greylisted", Stage.RCPT_TO))

    await run_until_called(desk(engine, transport), transport, world)

    assert world.state(message)["state"] == "retry_wait"
    due = PostgresMessageStore(engine).next_due(world.tenant, hour=NOON)
    # No moment of policy time: a run that took its slot, long past, for one would ask the database without end.
    assert due == NextDue(None, due.retry_seconds)
    assert due.retry_seconds is not None


async def test_a_retry_that_is_due_is_made_in_the_same_run(engine: Engine, world: SmallWorld) -> None:
    message = world.message(1)
    world.sql("update app.mailbox set min_gap_seconds = 1, max_gap_seconds = 1 where tenant_id = %(t)s", t=world.tenant)
    transport = told(NotSent("connection"), Accepted("id", "<id@box.example>"), at_once=False)
    running = asyncio.create_task(
        run(desk(engine, transport, limits=BatchLimits(look_again_seconds=0.05, retry_not_sent_seconds=0)), world)
    )
    await asyncio.wait_for(transport.called.wait(), 30)
    await asyncio.to_thread(world.at, NOON)

    transport.may_answer.set()
    await asyncio.to_thread(world.at, NOON + MINUTE)
    summary = await running

    assert summary.outcomes["not_sent"] == 1
    assert summary.outcomes["accepted"] == 1
    attempts = world.sql("select outcome from app.send_attempt where message_id = %(m)s order by attempt", m=message)
    assert [row["outcome"] for row in attempts] == ["not_sent", "accepted"]


async def test_a_lost_reply_is_doubt_and_the_run_does_not_send_it_again(engine: Engine, world: SmallWorld) -> None:
    message = world.message(1)
    transport = told(ReplyLost("timeout"))

    summary = await run(desk(engine, transport), world)

    assert summary.outcomes == {"in_doubt": 1}
    assert state_of(world, message) == ("in_doubt", "reply_lost: timeout")
    assert len(transport.sent) == 1


async def test_a_message_that_never_left_is_tried_again_later(engine: Engine, world: SmallWorld) -> None:
    message = world.message(1)
    transport = told(NotSent("deadline"))

    await run_until_called(desk(engine, transport), transport, world)

    assert state_of(world, message) == ("retry_wait", "not_sent: deadline")


async def test_an_account_without_transport_sends_nothing_and_leaves_no_doubt(
    engine: Engine, world: SmallWorld
) -> None:
    message = world.message(1)
    other = world.message(2, mailbox=world.mailboxes[1])
    stop = asyncio.Event()
    running = asyncio.create_task(run(desk(engine, None), world, stop=stop))

    async with asyncio.timeout(30):
        while {world.state(each)["state"] for each in (message, other)} != {"retry_wait"}:  # noqa: ASYNC110 - a row tells
            await asyncio.sleep(0)
    stop.set()
    summary = await running

    assert summary.outcomes == {"not_sent": 2}
    assert str(world.state(message)["reason"]).startswith("not_sent: no transport: no account")


async def test_stop_lets_calls_finish_and_hands_claims_back(engine: Engine, world: SmallWorld) -> None:
    in_call = world.message(1, mailbox=world.mailboxes[0])
    transport, stop = told(at_once=False), asyncio.Event()
    sending = asyncio.create_task(run(desk(engine, transport, limits=BatchLimits(under_way=1)), world, stop=stop))
    await asyncio.wait_for(transport.called.wait(), 30)
    only_claimed = world.message(2, mailbox=world.mailboxes[1])
    held_up = threading.Event()
    renderer = PlainRenderer(waits=held_up)
    claiming = asyncio.create_task(run(desk(engine, told(), renderer), world, stop=stop))
    await asyncio.to_thread(renderer.reached.wait, 20)

    stop.set()
    held_up.set()
    transport.may_answer.set()
    outcomes = [(await sending).outcomes, (await claiming).outcomes]

    assert outcomes == [{"accepted": 1}, {}]
    assert state_of(world, in_call) == ("accepted", None)
    assert state_of(world, only_claimed) == ("planned", "run_stopped")
    assert world.state(only_claimed)["attempt"] == 0


async def test_a_raised_epoch_ends_every_run_of_the_process_at_its_next_intent(
    engine: Engine, world: SmallWorld
) -> None:
    message = world.message(1)
    transport, stop = told(), asyncio.Event()
    old = replace(desk(engine, transport), epoch=0)

    summary = await run(old, world, stop=stop)

    assert (stop.is_set(), transport.sent, summary.reasons) == (True, [], {"epoch_raised": 1})
    assert state_of(world, message) == ("planned", "epoch_raised")


async def test_a_broken_call_keeps_no_other_from_being_recorded_and_leaves_its_own_to_the_sweeper(
    engine: Engine, world: SmallWorld
) -> None:
    messages = [world.message(number, mailbox=world.mailboxes[number]) for number in range(3)]
    transport = told(RuntimeError("a bug"), Accepted("id", "<id@box.example>"), at_once=False)
    running = asyncio.create_task(run(desk(engine, transport), world))
    async with asyncio.timeout(30):
        while len(transport.sent) < 3:  # noqa: ASYNC110 - the third call tells
            await asyncio.sleep(0)

    transport.may_answer.set()
    with pytest.raises(RuntimeError, match="a bug"):
        await running

    assert sorted(str(world.state(message)["state"]) for message in messages) == ["accepted", "accepted", "sending"]


async def test_a_letter_that_cannot_be_written_fails_alone(engine: Engine, world: SmallWorld) -> None:
    bad, good = world.message(1, mailbox=world.mailboxes[0]), world.message(2, mailbox=world.mailboxes[1])

    summary = await run(desk(engine, told(), PlainRenderer(refuses="person1@")), world)

    assert summary.outcomes == {"failed": 1, "accepted": 1}
    assert state_of(world, bad) == ("failed", "template: field_missing: company")
    assert world.state(good)["state"] == "accepted"
    assert world.sql("select * from app.send_attempt where message_id = %(m)s", m=bad) == []


async def test_connections_are_ended_with_the_runs_of_the_process(engine: Engine, world: SmallWorld) -> None:
    made = desk(engine, told())

    await send_hours(made, [(world.tenant, NOON)], asyncio.Event())

    assert isinstance(made.transports, OneTransport)
    assert made.transports.closed


async def test_a_template_store_that_does_not_answer_costs_no_message_and_stops_no_other(
    engine: Engine, world: SmallWorld
) -> None:
    waiting, sent = world.message(1), world.message(2)
    address = world.one(
        "select l.address from app.message m join app.lead l using (tenant_id, lead_id) where m.message_id = %(m)s",
        m=waiting,
    )["address"]
    made = desk(engine, told(Accepted("id", "<id@box.example>")))

    summary = await run(replace(made, renderer=StoreAway(recipient=str(address))), world)

    assert summary.outcomes == {"released": 1, "accepted": 1}
    assert summary.reasons["not rendered: ObjectStoreUnreachable"] == 1
    assert world.state(waiting)["state"] == "planned"
    assert world.state(sent)["state"] == "accepted"
