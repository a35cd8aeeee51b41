"""The real batch loop on real PostgreSQL: SMTP to a server on loopback, and a transport that answers as a test tells it."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from batch_runs import MINUTE, TAGGER, desk, run, state_of, told
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.smtp import SmtpAccess, SmtpTransport
from outreach_pipelines.application.prove_accounts import SIMULATOR
from outreach_pipelines.application.send_batch import BatchLimits, send_hours
from outreach_pipelines.domain.provider_account import Tls


@dataclass
class Handler:
    """A server that takes everything and notes to whom. Names and signatures are aiosmtpd's."""

    recipients: Counter[str] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        self.recipients.update(envelope.rcpt_tos)
        assert isinstance(envelope.original_content, bytes)
        self.bodies.append(envelope.original_content)
        return "250 2.0.0 Ok: queued as 4XyZ"


@asynccontextmanager
async def smtp_server(handler: Handler) -> AsyncIterator[SmtpAccess]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop, hostname="mail.test"), "127.0.0.1", 0)
    yield SmtpAccess("127.0.0.1", server.sockets[0].getsockname()[1], Tls.NONE)
    server.close()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture
def world(new_world: NewWorld) -> SmallWorld:
    return new_world(mailboxes=12)


async def test_what_is_due_reaches_the_server_and_its_sequence_goes_on(engine: Engine, world: SmallWorld) -> None:
    message = world.message(1)
    handler = Handler()

    async with smtp_server(handler) as access:
        (summary,) = await send_hours(desk(engine, SmtpTransport(access)), [(world.tenant, NOON)], asyncio.Event())

    assert (summary.in_hour, summary.outcomes) == (True, {"accepted": 1})
    assert handler.recipients == {"person1@example.test": 1}
    row = world.state(message)
    assert (row["state"], row["accepted_at"], row["provider_message_id"]) == ("accepted", NOON, "4XyZ")
    root = world.one("select subject, wire_message_id from app.thread_root where message_id = %(m)s", m=message)
    assert root["subject"] == "Hello Ada"
    assert str(root["wire_message_id"]).encode() in handler.bodies[0]
    step = world.one("select step, due_day from app.enrollment where enrollment_id = %(e)s", e=row["enrollment_id"])
    # Three business days after Wednesday the 18th.
    assert step == {"step": 2, "due_day": date(2026, 11, 23)}


async def test_what_leaves_carries_a_one_click_link_and_the_tag_of_its_attempt(
    engine: Engine, world: SmallWorld
) -> None:
    message = world.message(1)
    handler = Handler()

    async with smtp_server(handler) as access:
        await send_hours(desk(engine, SmtpTransport(access)), [(world.tenant, NOON)], asyncio.Event())

    head = handler.bodies[0].partition(b"\r\n\r\n")[0]
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    found = re.search(rb"Message-ID: <([a-z2-7]{39})@", head)
    assert found is not None
    tag = TAGGER.read(found[1].decode())
    assert tag is not None
    assert (tag.tenant, tag.message, tag.attempt) == (world.tenant, message, 1)


async def test_four_loops_of_one_hour_at_once_send_each_message_once(engine: Engine, world: SmallWorld) -> None:
    messages = [world.message(number, mailbox=world.mailboxes[number]) for number in range(12)]
    handler = Handler()

    async with smtp_server(handler) as access:
        desks = [
            desk(engine, SmtpTransport(access), limits=BatchLimits(under_way=3, look_again_seconds=0.05))
            for _ in range(4)
        ]
        summaries = await asyncio.gather(*(run(each, world) for each in desks))
        for each in desks:
            await each.transports.close()

    assert handler.recipients == {f"person{number}@example.test": 1 for number in range(12)}
    assert sum(summary.outcomes["accepted"] for summary in summaries) == 12
    assert {world.state(message)["state"] for message in messages} == {"accepted"}


async def test_a_second_run_of_the_same_hour_sends_nothing(engine: Engine, world: SmallWorld) -> None:
    world.message(1)
    transport = told()
    await run(desk(engine, transport), world)

    again = await run(desk(engine, transport), world)

    assert again.outcomes == {}
    assert len(transport.sent) == 1


@pytest.mark.parametrize("hours", [-1, 1])
async def test_another_hour_than_the_running_one_sends_nothing(engine: Engine, world: SmallWorld, hours: int) -> None:
    message = world.message(1, due_at=NOON + hours * HOUR)
    transport = told()

    summary = await run(desk(engine, transport), world, hours=hours)

    assert (summary.in_hour, summary.outcomes, transport.sent) == (False, {}, [])
    assert state_of(world, message) == ("planned", None)


async def test_a_run_launched_minutes_ahead_waits_for_its_hour(engine: Engine, world: SmallWorld) -> None:
    world.message(1)
    world.at(NOON - 5 * MINUTE)
    transport = told()
    running = asyncio.create_task(run(desk(engine, transport), world))
    done, _ = await asyncio.wait({running}, timeout=0.2)
    sent_early = list(transport.sent)

    await asyncio.to_thread(world.at, NOON)
    summary = await running

    assert (done, sent_early) == (set(), [])
    assert (summary.in_hour, summary.outcomes) == (True, {"accepted": 1})


async def test_an_hour_that_ends_while_the_run_waits_ends_the_run(engine: Engine, world: SmallWorld) -> None:
    message = world.message(1, due_at=NOON + 30 * MINUTE)
    transport = told()
    running = asyncio.create_task(run(desk(engine, transport), world))
    await asyncio.sleep(0)

    await asyncio.to_thread(world.at, NOON + HOUR)
    await running

    assert transport.sent == []
    assert world.state(message)["state"] == "planned"


async def test_a_message_waits_for_its_minute(engine: Engine, world: SmallWorld) -> None:
    world.message(1, due_at=NOON + 30 * MINUTE)
    transport = told()
    running = asyncio.create_task(run(desk(engine, transport), world))
    await asyncio.to_thread(world.at, NOON + 29 * MINUTE)
    done, _ = await asyncio.wait({running}, timeout=0.3)
    sent_early = list(transport.sent)

    await asyncio.to_thread(world.at, NOON + 30 * MINUTE)
    summary = await running

    assert (done, sent_early) == (set(), [])
    assert summary.outcomes == {"accepted": 1}


async def test_a_person_erased_after_planning_is_not_written_to(engine: Engine, world: SmallWorld) -> None:
    message = world.message(1)
    world.sql("update app.lead set address = null, erased_at = now() where tenant_id = %(t)s", t=world.tenant)
    transport = told()

    summary = await run(desk(engine, transport), world)

    assert (summary.outcomes, transport.sent) == ({"closed": 1}, [])
    assert state_of(world, message) == ("suppressed", "global_or_erased")


async def test_messages_of_one_mailbox_keep_its_pace(engine: Engine, world: SmallWorld) -> None:
    for number in range(3):
        world.message(number)
    transport = told(at_once=True)
    running = asyncio.create_task(run(desk(engine, transport), world))
    await asyncio.wait_for(transport.called.wait(), 30)

    sent = []
    for minutes in (2, 4):
        await asyncio.to_thread(_until_sent, world, minutes // 2)
        sent.append(len(transport.sent))
        await asyncio.to_thread(world.at, NOON + minutes * MINUTE)
    await running

    assert (sent, len(transport.sent)) == ([1, 2], 3)


def _until_sent(world: SmallWorld, number: int) -> None:
    """Until so many are accepted and no other is claimed."""
    asked = "select count(*) filter (where state = 'accepted') as sent, count(*) filter (where state in ('claimed', 'sending')) as held from app.message where tenant_id = %(t)s"
    until = time.monotonic() + 20
    while world.one(asked, t=world.tenant) != {"sent": number, "held": 0} and time.monotonic() < until:
        pass


async def test_an_account_without_a_fresh_proof_gets_a_probe_and_no_new_lead(
    engine: Engine, new_world: NewWorld
) -> None:
    world = new_world(kind="ses")
    world.sql("update app.provider_account set proven_at = null where account_id = %(a)s", a=world.account)
    message = world.message(1)
    transport, stop = told(), asyncio.Event()
    running = asyncio.create_task(run(desk(engine, transport), world, stop=stop))
    await asyncio.wait_for(transport.called.wait(), 30)

    async with asyncio.timeout(30):
        while world.state(message)["reason"] is None:  # noqa: ASYNC110 - a row tells
            await asyncio.sleep(0)
    stop.set()
    summary = await running

    assert [sent.recipient for sent in transport.sent] == [SIMULATOR]
    tag = TAGGER.read(transport.sent[0].tag)
    assert tag is not None
    probe = world.one("select account_id from app.account_canary where canary_id = %(c)s", c=tag.message)
    assert (probe["account_id"], tag.attempt) == (world.account, 0)
    assert summary.reasons == {f"no_usable_account: account {world.account}: not proven": 1}
