"""Lost answers from end to end: SES in the lab, its events by SNS and SQS, rows in PostgreSQL, and the lab's ledger as the witness."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from batch_runs import TAGGER
from lab_process import KEY, REGION, SECRET, RunningLab
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from transport_conformance import a_message, soon
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.doubt_store import PostgresDoubtStore
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.ses import SesPath, SesTransport
from outreach_pipelines.adapters.ses_client import SesAccess, ses_clients
from outreach_pipelines.adapters.sqs import SqsEventFeed
from outreach_pipelines.application.ports import Begun, EvidenceLookup, MailTransport
from outreach_pipelines.application.resolve_doubt import DoubtDesk, Probing, ResolvedDoubt, resolve_doubt
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import ClaimToken, Letter
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, ReplyLost, SendAnswer
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import WireMessage

pytest_plugins = ("lab_fixtures",)

ROUNDS = 20


@dataclass(frozen=True)
class LabTransports:
    """`Transports` of the lab's one SES account."""

    lab: RunningLab

    def of(self, tenant: TenantId, account: AccountId) -> MailTransport:
        access = SesAccess(REGION, f"http://127.0.0.1:{self.lab.ports['ses']}", Secret(KEY), Secret(SECRET))
        return SesTransport(ses_clients(access), region=REGION, path=SesPath("outreach"), connections=2)

    def kind(self, tenant: TenantId, account: AccountId) -> str:
        return "ses"

    async def close(self) -> None:
        """Each use has its own."""


class NoLookups:
    """`EvidenceLookups` of accounts that report by events."""

    def of(self, tenant: TenantId, account: AccountId) -> EvidenceLookup | None:
        return None

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Sender:
    """One tenant whose account is the lab's."""

    lab: RunningLab
    world: SmallWorld
    desk: DoubtDesk
    messages: PostgresMessageStore

    def begin(self) -> Letter:
        """An intent of the message that is due."""
        self.world.sql("update app.mailbox set next_at = default where tenant_id = %(t)s", t=self.world.tenant)
        token = ClaimToken(uuid4())
        (letter,) = self.messages.claim(self.world.tenant, hour=NOON, token=token, most=1, ahead_seconds=0)
        begun = self.messages.begin(letter.claim, hour=NOON, epoch=self.messages.epoch(), tag=_wire(letter).tag)
        assert isinstance(begun, Begun), begun
        return letter

    def call(self, letter: Letter) -> SendAnswer:
        async def send() -> SendAnswer:
            transport = LabTransports(self.lab).of(self.world.tenant, AccountId(self.world.account))
            try:
                return await transport.send(_wire(letter), deadline=soon())
            finally:
                await transport.close()

        return asyncio.run(send())

    def doubt(self, letter: Letter) -> None:
        """Nearly two hours ago the answer was lost."""
        self.messages.record_doubt(letter.claim, "reply lost")
        self.world.sql(
            "update app.send_attempt set begun_at = begun_at - interval '110 minutes' where message_id = %(m)s",
            m=letter.claim.message_id,
        )

    def round(self) -> ResolvedDoubt:
        (done,) = asyncio.run(resolve_doubt(self.desk, [self.world.tenant]))
        return done

    def rounds_until(self, what: Callable[[], bool]) -> None:
        for _ in range(ROUNDS):
            self.round()
            if what():
                return
        pytest.fail(f"not within {ROUNDS} rounds")

    def probes(self) -> list[dict[str, object]]:
        return self.world.sql("select home_at, believed_at from app.account_canary where account_id = %(a)s", a=self.world.account)  # fmt: skip

    def probe_is_home(self) -> bool:
        return any(each["home_at"] for each in self.probes())


def _wire(letter: Letter) -> WireMessage:
    claim = letter.claim
    tag = TAGGER.tag(MessageTag(claim.tenant, claim.plan_day, claim.message_id, claim.attempt))
    wire = a_message(recipient=letter.recipient.address, tag=tag)
    return WireMessage(
        tag, f"bounce+{tag}@sender.test", letter.sender.address, wire.recipient, wire.subject, wire.message_id,
        wire.body.replace(b"bo@mail.client.example", letter.sender.address.encode()),
    )  # fmt: skip


@pytest.fixture
def sender(lab: RunningLab, engine: Engine, ingest: Engine, new_world: NewWorld) -> Iterator[Sender]:
    world = new_world(kind="ses", mailboxes=1)
    world.sql("update app.provider_account set region = %(r)s where account_id = %(a)s", r=REGION, a=world.account)
    world.sql("update app.provider_account_share set configuration_set = 'outreach' where tenant_id = %(t)s", t=world.tenant)  # fmt: skip
    world.sql("update app.provider_account_share set configuration_set_since = '-infinity' where tenant_id = %(t)s", t=world.tenant)  # fmt: skip
    world.sql("update app.mailbox set address = 'bo@sender.test' where tenant_id = %(t)s", t=world.tenant)
    message = world.message(1)
    world.sql("update app.lead set address = %(a)s where lead_id = %(l)s", a=f"deliver.{world.tenant}@people.example", l=world.state(message)["lead_id"])  # fmt: skip
    desk = DoubtDesk(
        store=PostgresDoubtStore(engine),
        feed=SqsEventFeed(lab.aws.client("sqs"), lab.queue_url),
        inbox=PostgresEventInbox(ingest, engine),
        events=PostgresEventStore(engine),
        tags=TAGGER,
        lookups=NoLookups(),
        probing=Probing(LabTransports(lab), TAGGER),
    )
    yield Sender(lab, world, desk, PostgresMessageStore(engine))
    lab.clear_faults()
    lab.aws.client("sqs").purge_queue(QueueUrl=lab.queue_url)


def _state(sender: Sender, letter: Letter) -> str:
    return str(sender.world.state(letter.claim.message_id)["state"])


def test_what_was_taken_although_its_answer_was_lost_is_accepted_by_its_event(sender: Sender) -> None:
    letter = sender.begin()
    recipient = letter.recipient.address
    sender.lab.fault(recipient=recipient, fault="accept_then_close", count=1)

    answer = sender.call(letter)
    sender.doubt(letter)
    sender.rounds_until(lambda: _state(sender, letter) == "accepted")

    assert isinstance(answer, ReplyLost)
    assert len(sender.lab.accepted(recipient)) == 1
    assert sender.world.state(letter.claim.message_id)["released_on_absence"] == 0


def test_what_was_never_taken_is_released_behind_a_probe_and_sent_once(sender: Sender) -> None:
    letter = sender.begin()
    recipient = letter.recipient.address
    sender.doubt(letter)

    sender.rounds_until(lambda: _state(sender, letter) == "planned")
    again = sender.begin()
    answer = sender.call(again)

    assert isinstance(answer, Accepted)
    assert (again.claim.message_id, again.claim.attempt) == (letter.claim.message_id, 2)
    assert len(sender.lab.accepted(recipient)) == 1
    assert sender.probe_is_home()


def test_while_the_queue_delays_a_message_nothing_is_released_though_the_probe_is_home(sender: Sender) -> None:
    letter = sender.begin()
    sender.doubt(letter)
    sender.lab.aws.client("sqs").send_message(QueueUrl=sender.lab.queue_url, MessageBody="{}", DelaySeconds=900)

    sender.rounds_until(sender.probe_is_home)
    last = sender.round()

    assert _state(sender, letter) == "in_doubt"
    assert last.outcomes["waiting"] == 1
    assert [each["believed_at"] for each in sender.probes()] == [None]
    assert last.alarms == []


def test_while_a_dead_letter_lies_there_nothing_is_released_though_the_probe_is_home(sender: Sender) -> None:
    sqs = sender.lab.aws.client("sqs")
    dead = sqs.create_queue(QueueName=f"dead-{sender.world.tenant}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    sqs.set_queue_attributes(QueueUrl=sender.lab.queue_url, Attributes={"RedrivePolicy": redrive})
    sqs.send_message(QueueUrl=dead, MessageBody="{}")
    letter = sender.begin()
    sender.doubt(letter)

    sender.rounds_until(sender.probe_is_home)
    sender.round()
    held = _state(sender, letter)
    sqs.purge_queue(QueueUrl=dead)
    sender.rounds_until(lambda: _state(sender, letter) == "planned")

    assert held == "in_doubt"


def test_while_sending_is_off_no_probe_leaves_and_nothing_is_released(sender: Sender) -> None:
    letter = sender.begin()
    sender.doubt(letter)
    off = DoubtDesk(**{name: getattr(sender.desk, name) for name in DoubtDesk.__slots__} | {"probing": None})

    (done,) = asyncio.run(resolve_doubt(off, [sender.world.tenant]))

    assert (done.outcomes["probes"], _state(sender, letter)) == (0, "in_doubt")
    assert sender.probes() == []


def test_doubt_that_lasts_for_more_than_two_hours_is_an_alarm(sender: Sender) -> None:
    letter = sender.begin()
    sender.doubt(letter)
    sender.world.sql("update app.send_attempt set begun_at = begun_at - interval '11 minutes' where message_id = %(m)s", m=letter.claim.message_id)  # fmt: skip

    done = sender.round()

    (alarm,) = done.alarms
    assert alarm.startswith("1 attempts in doubt for more than 2 h")
