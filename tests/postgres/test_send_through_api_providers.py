"""An hour sent through Mailgun and Postmark: real batch, real PostgreSQL, the lab's providers with their faults and records."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from batch_runs import TAGGER, OneTransport, desk, run
from lab_process import Aws, RunningLab, end, start_lab
from small_world import SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.http_api import HttpApi
from outreach_pipelines.adapters.mailgun import MailgunPath, MailgunTransport, mailgun_access
from outreach_pipelines.adapters.mailgun_events import MailgunLookup
from outreach_pipelines.adapters.postmark import PostmarkTransport, postmark_access
from outreach_pipelines.adapters.postmark_messages import PostmarkLookup
from outreach_pipelines.application.ports import EvidenceLookup, MailTransport
from outreach_pipelines.application.send_batch import HourSummary
from outreach_pipelines.domain.doubt import LookUp, Seen, Sought
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.tenant import TenantId

pytest_plugins = ("lab_fixtures",)


_IN_STATE = "select 1 from app.message where tenant_id = %(t)s and state = %(s)s"


@dataclass(frozen=True)
class Party:
    """One of the two providers: its kind, its account in the lab, and how we speak to it."""

    kind: str
    account: str
    api: Callable[[RunningLab], HttpApi]
    transport: Callable[[HttpApi], MailTransport]
    lookup: Callable[[HttpApi], EvidenceLookup]


def mailgun(lab: RunningLab) -> HttpApi:
    return HttpApi(mailgun_access(f"http://127.0.0.1:{lab.ports['mailgun']}", Secret("mailgun-key")), timeout=2.0)


def postmark(lab: RunningLab) -> HttpApi:
    return HttpApi(postmark_access(Secret("postmark-token"), f"http://127.0.0.1:{lab.ports['postmark']}"), timeout=2.0)


MAILGUN = Party("mailgun", "m", mailgun, lambda api: MailgunTransport(api, path=MailgunPath()), MailgunLookup)
POSTMARK = Party(
    "postmark",
    "p",
    postmark,
    lambda api: PostmarkTransport(api, stream="broadcast"),
    lambda api: PostmarkLookup(api, stream="broadcast"),
)


@pytest.fixture(params=[MAILGUN, POSTMARK], ids=["mailgun", "postmark"])
def party(request: pytest.FixtureRequest) -> Party:
    found: Party = request.param
    return found


@pytest.fixture
def world(party: Party, new_world: NewWorld) -> SmallWorld:
    return new_world(kind=party.kind)


@pytest.fixture
def lab(world: SmallWorld, lab_aws: Aws, tmp_path: Path) -> Iterator[RunningLab]:
    """A lab whose accounts have this tenant's domain."""
    domain = str(world.one("select name from app.sending_domain where tenant_id = %(t)s", t=world.tenant)["name"])
    running = start_lab(
        lab_aws,
        tmp_path,
        mailgun_accounts=[{"name": "m", "api_key": "mailgun-key", "domains": [domain]}],
        postmark_accounts=[{"name": "p", "server_token": "postmark-token", "identities": [domain]}],
    )
    try:
        yield running
    finally:
        end(running.process)


@dataclass
class OfKind(OneTransport):
    """Judged by the rows of its provider."""

    judged_as: str = ""

    def kind(self, tenant: TenantId, account: AccountId) -> str:
        return self.judged_as


async def sent(
    engine: Engine, world: SmallWorld, party: Party, lab: RunningLab, *, until: str | None = None
) -> HourSummary:
    """One run of the hour; it is ended early once a message is in the state `until`."""
    through, stop = OfKind(party.transport(party.api(lab)), judged_as=party.kind), asyncio.Event()
    running = asyncio.create_task(run(replace(desk(engine, None), transports=through), world, stop=stop))
    try:
        while until and not running.done() and not world.sql(_IN_STATE, t=world.tenant, s=until):
            await asyncio.wait({running}, timeout=0.05)
        if until:
            stop.set()
        return await running
    finally:
        await through.close()


@asynccontextmanager
async def looking(party: Party, lab: RunningLab) -> AsyncIterator[EvidenceLookup]:
    lookup = party.lookup(party.api(lab))
    try:
        yield lookup
    finally:
        await lookup.close()


def tag_of(world: SmallWorld, message: int) -> MessageTag:
    day = world.state(message)["plan_day"]
    assert isinstance(day, date)
    return MessageTag(world.tenant, day, MessageId(message), 1)


async def looked_up(party: Party, lab: RunningLab, world: SmallWorld, message: int, recipient: str) -> LookUp:
    row = world.state(message)
    mailbox = str(world.one("select address from app.mailbox where mailbox_id = %(b)s", b=row["mailbox_id"])["address"])
    tag = TAGGER.tag(tag_of(world, message))
    attempt = Sought(tag, f"<{tag}@{mailbox.partition('@')[2]}>", mailbox, recipient, datetime.now(UTC))
    async with looking(party, lab) as lookup:
        return await lookup.look(attempt)


async def test_what_is_due_is_taken_once_and_threads_by_the_id_that_people_see(
    engine: Engine, world: SmallWorld, party: Party, lab: RunningLab
) -> None:
    message = world.message(1)

    summary = await sent(engine, world, party, lab)
    again = await sent(engine, world, party, lab)

    (line,) = lab.accepted("person1@example.test")
    root = world.one("select wire_message_id from app.thread_root where message_id = %(m)s", m=message)
    assert (summary.outcomes, again.outcomes) == ({"accepted": 1}, {})
    assert world.state(message)["state"] == "accepted"
    assert root["wire_message_id"] == line["message_id"]
    assert TAGGER.read(line["tag"]) == tag_of(world, message)


async def test_a_lost_answer_is_doubt_that_the_providers_records_end(
    engine: Engine, world: SmallWorld, party: Party, lab: RunningLab
) -> None:
    message = world.message(2)
    lab.fault(fault="accept_then_close", recipient="person2@example.test", count=1)

    await sent(engine, world, party, lab)

    (line,) = lab.accepted("person2@example.test")
    found = await looked_up(party, lab, world, message, "person2@example.test")
    assert world.state(message)["state"] == "in_doubt"
    assert isinstance(found, Seen)
    assert found.wire_message_id == line["message_id"]


@pytest.mark.parametrize("fault", ["throttle", "pause_sending", "revoke_credentials"])
async def test_a_refused_message_waits_and_nothing_was_taken(
    engine: Engine, world: SmallWorld, party: Party, lab: RunningLab, fault: str
) -> None:
    message = world.message(3)
    lab.fault(fault=fault, account=party.account)

    await sent(engine, world, party, lab, until="retry_wait")

    assert world.state(message)["state"] == "retry_wait"
    assert lab.accepted("person3@example.test") == []
