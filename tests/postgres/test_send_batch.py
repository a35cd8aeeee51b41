"""The real batch loop on real PostgreSQL: SMTP to a server on loopback, and a transport that answers as a test tells it."""

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from small_world import HOUR, NOON, SmallWorld, build_world
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.clock import DatabaseClock
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.step_calendar import StepCalendar
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.adapters.smtp import SmtpAccess, SmtpTransport
from outreach_pipelines.application.ports import MailTransport, NextDue
from outreach_pipelines.application.prove_accounts import SIMULATOR
from outreach_pipelines.application.send_batch import BatchLimits, HourSummary, SendDesk, send_hour, send_hours
from outreach_pipelines.application.tagging import KeyedTagger
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.send_plan.snapshot import AccountId
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.tracking_token import TokenKeyId, TokenKeys
from outreach_pipelines.domain.wire_message import Rendered, WireMessage
from outreach_pipelines.errors import NotFound, TemplateFault

TAGGER = KeyedTagger(b"k" * 32, TokenKeys(TokenKeyId(1), {TokenKeyId(1): b"t" * 64}))
MINUTE = timedelta(minutes=1)


@dataclass
class Told:
    """`MailTransport` that answers as it is told, once `may_answer` is set; the last answer is repeated."""

    answers: list[SendAnswer | Exception]
    sent: list[WireMessage] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        self.sent.append(message)
        self.called.set()
        await self.may_answer.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """Nothing is open."""


def told(*answers: SendAnswer | Exception, at_once: bool = True) -> Told:
    transport = Told(list(answers) or [Accepted("id", "<id@box.example>")])
    if at_once:
        transport.may_answer.set()
    return transport


@dataclass
class OneTransport:
    """`Transports` with one for every account; None stands for an account that has none."""

    transport: MailTransport | None
    closed: bool = False

    def of(self, tenant: TenantId, account: AccountId) -> MailTransport:
        if self.transport is None:
            message = f"no account {account}"
            raise NotFound(message)
        return self.transport

    def kind(self, tenant: TenantId, account: AccountId) -> str:
        return "smtp"

    async def close(self) -> None:
        self.closed = True
        if self.transport is not None:
            await self.transport.close()


@dataclass
class PlainRenderer:
    """`LetterRenderer` that greets by name; `waits` holds it up, `refuses` names whom it cannot write to."""

    waits: threading.Event | None = None
    reached: threading.Event = field(default_factory=threading.Event)
    refuses: str = "nobody"

    def render_letter(self, letter: Letter, unsubscribe_url: str) -> Rendered:
        if letter.recipient.address.startswith(self.refuses):
            message = "field_missing: company"
            raise TemplateFault(message)
        self.reached.set()
        if self.waits is not None:
            self.waits.wait(20)
        return Rendered(f"Hello {letter.recipient.fields['first_name']}", f"Stop: {unsubscribe_url}\n", None)


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


@pytest.fixture(scope="module")
def engine(outreach_database: DatabaseUrls) -> Iterator[Engine]:
    engine = connect(outreach_database[Role.APP], pool_size=12)
    yield engine
    engine.dispose()


@pytest.fixture
def world(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[SmallWorld]:
    world = build_world(outreach_admin_url, mailboxes=12)
    yield world
    world.admin.close()


def desk(
    engine: Engine,
    transport: MailTransport | None,
    renderer: PlainRenderer | None = None,
    limits: BatchLimits = BatchLimits(look_again_seconds=0.05),  # noqa: B008 - frozen
) -> SendDesk:
    store = PostgresMessageStore(engine)
    return SendDesk(
        messages=store, proofs=store, transports=OneTransport(transport), renderer=renderer or PlainRenderer(), tagger=TAGGER,
        next_step_day=StepCalendar(engine), clock=DatabaseClock.of(engine), epoch=store.epoch(), limits=limits,
    )  # fmt: skip


async def run(desk: SendDesk, world: SmallWorld, *, hours: int = 0, stop: asyncio.Event | None = None) -> HourSummary:
    async with asyncio.timeout(60):
        return await send_hour(desk, world.tenant, NOON + hours * HOUR, stop or asyncio.Event())


async def run_until_called(desk: SendDesk, transport: Told, world: SmallWorld) -> HourSummary:
    """A run that is told to stop once its first call is made."""
    stop = asyncio.Event()
    running = asyncio.create_task(run(desk, world, stop=stop))
    await asyncio.wait_for(transport.called.wait(), 30)
    stop.set()
    return await running


def state_of(world: SmallWorld, message: int) -> tuple[object, object]:
    row = world.state(message)
    return row["state"], row["reason"]


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


async def test_a_refusal_for_good_ends_message_and_sequence(engine: Engine, world: SmallWorld) -> None:
    message = world.message(1)

    summary = await run(desk(engine, told(Refused("550", "5.1.1", "User unknown"))), world)

    assert summary.outcomes == {"refused": 1}
    assert state_of(world, message) == ("failed", "smtp_for_good: 550 5.1.1 User unknown")
    enrolled = world.one("select state, reason from app.enrollment where tenant_id = %(t)s", t=world.tenant)
    assert enrolled == {"state": "finished", "reason": "message_failed"}


async def test_a_refusal_for_now_waits_for_its_retry_by_the_machines_clock(engine: Engine, world: SmallWorld) -> None:
    message = world.message(1)
    transport = told(Refused("451", "4.7.1", "Greylisted"))

    await run_until_called(desk(engine, transport), transport, world)

    assert world.state(message)["state"] == "retry_wait"
    due = PostgresMessageStore(engine).next_due(world.tenant, hour=NOON)
    # No moment of policy time: a run that took its slot, long past, for one would ask the database without end.
    assert due == NextDue(None, due.retry_at)
    assert due.retry_at is not None


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
    engine: Engine, outreach_admin_url: str, outreach_database: DatabaseUrls
) -> None:
    world = build_world(outreach_admin_url, kind="ses")
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
    assert (tag.message, tag.attempt) == (world.account, 0)
    assert summary.reasons == {"no_usable_account": 1}
    world.admin.close()


async def test_connections_are_ended_with_the_runs_of_the_process(engine: Engine, world: SmallWorld) -> None:
    made = desk(engine, told())

    await send_hours(made, [(world.tenant, NOON)], asyncio.Event())

    assert isinstance(made.transports, OneTransport)
    assert made.transports.closed
