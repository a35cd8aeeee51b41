"""Runs of a batch over the real protocol, with transports that answer as they are told."""

import asyncio
import threading
from dataclasses import dataclass, field
from datetime import timedelta

from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.call_log import PostgresCallLog
from outreach_pipelines.adapters.postgres.clock import DatabaseClock
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.step_calendar import StepCalendar
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.application.send_batch import BatchLimits, HourSummary, SendDesk, send_hour
from outreach_pipelines.application.tagging import KeyedTagger
from outreach_pipelines.application.watch_accounts import AccountWatch
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.send_answer import Accepted, SendAnswer
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
        calls=AccountWatch(PostgresCallLog(engine)),
    )  # fmt: skip


async def run(desk: SendDesk, world: SmallWorld, *, hours: int = 0, stop: asyncio.Event | None = None) -> HourSummary:
    async with asyncio.timeout(60):
        return await send_hour(desk, world.tenant, NOON + hours * HOUR, stop or asyncio.Event())


def state_of(world: SmallWorld, message: int) -> tuple[object, object]:
    row = world.state(message)
    return row["state"], row["reason"]
