"""Accounts at Mailgun and Postmark prove themselves by their records: real batch, real PostgreSQL, the lab's providers."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from batch_runs import desk, run, told
from lab_process import Aws, RunningLab, end, start_lab
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.http_api import HttpApi
from outreach_pipelines.adapters.mailgun import mailgun_access
from outreach_pipelines.adapters.mailgun_events import MailgunLookup
from outreach_pipelines.adapters.postgres.record_proofs import PostgresRecordProofs
from outreach_pipelines.adapters.postmark import postmark_access
from outreach_pipelines.adapters.postmark_messages import PostmarkLookup
from outreach_pipelines.application.ports import EvidenceLookup
from outreach_pipelines.application.prove_accounts import RecordDesk
from outreach_pipelines.application.send_batch import HourSummary, send_hours
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import SettingsFault

pytest_plugins = ("lab_fixtures",)

KEYS = {"mailgun": "mailgun-key", "postmark": "postmark-token"}


@dataclass
class OneLookup:
    """`EvidenceLookups` with one for every account; None stands for a reference that leads nowhere."""

    lookup: EvidenceLookup | None
    closed: bool = False

    def of(self, tenant: TenantId, account: AccountId) -> EvidenceLookup | None:
        if self.lookup is None:
            message = "env:KEY is not set"
            raise SettingsFault(message)
        return self.lookup

    async def close(self) -> None:
        self.closed = True
        if self.lookup is not None:
            await self.lookup.close()


@pytest.fixture(params=["mailgun", "postmark"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(kind: str, new_world: NewWorld) -> SmallWorld:
    """Its account was never proven."""
    world = new_world(kind=kind)
    proven_before(world, None)
    return world


@pytest.fixture
def lab(world: SmallWorld, lab_aws: Aws, tmp_path: Path) -> Iterator[RunningLab]:
    domain = str(world.one("select name from app.sending_domain where tenant_id = %(t)s", t=world.tenant)["name"])
    running = start_lab(
        lab_aws,
        tmp_path,
        mailgun_accounts=[{"name": "m", "api_key": KEYS["mailgun"], "domains": [domain]}],
        postmark_accounts=[{"name": "p", "server_token": KEYS["postmark"], "identities": [domain]}],
    )
    try:
        yield running
    finally:
        end(running.process)


def proven_before(world: SmallWorld, minutes: int | None) -> None:
    world.sql(
        "update app.provider_account set proven_at = clock_timestamp() - make_interval(mins => %(m)s) where account_id = %(a)s",
        m=minutes, a=world.account,
    )  # fmt: skip


def is_proven(world: SmallWorld, *, within_minutes: int = 1) -> bool:
    statement = "select proven_at > clock_timestamp() - make_interval(mins => %(m)s) as proven from app.provider_account where account_id = %(a)s"
    return world.one(statement, m=within_minutes, a=world.account)["proven"] is True


def lookup_of(kind: str, lab: RunningLab, key: str) -> EvidenceLookup:
    base_url = f"http://127.0.0.1:{lab.ports[kind]}"
    if kind == "mailgun":
        return MailgunLookup(HttpApi(mailgun_access(base_url, Secret(key)), timeout=2.0))
    return PostmarkLookup(HttpApi(postmark_access(Secret(key), base_url), timeout=2.0), stream="broadcast")


def sent(engine: Engine, world: SmallWorld, lookup: EvidenceLookup | None) -> HourSummary:
    async def hour() -> HourSummary:
        records = RecordDesk(PostgresRecordProofs(engine), OneLookup(lookup))
        return await run(replace(desk(engine, told()), records=records), world, stop=stop)

    async def while_it_is_of_use() -> HourSummary:
        # What may not leave waits for two minutes; nobody needs to see that.
        running = asyncio.create_task(hour())
        while not running.done() and not world.sql(_ASKED, t=world.tenant):
            await asyncio.wait({running}, timeout=0.05)
        stop.set()
        try:
            return await running
        finally:
            if lookup is not None:
                await lookup.close()

    stop = asyncio.Event()
    return asyncio.run(while_it_is_of_use())


_ASKED = (
    "select 1 from app.message where tenant_id = %(t)s and (state = 'accepted' or reason like 'no_usable_account%%')"
)


def test_a_new_lead_goes_once_the_providers_records_could_be_read(
    engine: Engine, world: SmallWorld, kind: str, lab: RunningLab
) -> None:
    message = world.message(1)

    summary = sent(engine, world, lookup_of(kind, lab, KEYS[kind]))

    assert summary.outcomes == {"accepted": 1}
    assert world.state(message)["state"] == "accepted"
    assert is_proven(world)


def test_records_that_a_key_may_not_read_prove_nothing_and_the_message_says_so(
    engine: Engine, world: SmallWorld, kind: str, lab: RunningLab
) -> None:
    message = world.message(2)

    sent(engine, world, lookup_of(kind, lab, "a key of nobody"))

    row = world.state(message)
    assert (row["state"], row["reason"]) == ("planned", f"no_usable_account: account {world.account}: not proven")
    assert not is_proven(world, within_minutes=10_000)


def test_an_account_whose_key_is_nowhere_holds_up_nobody(engine: Engine, world: SmallWorld) -> None:
    message = world.message(3)

    sent(engine, world, None)

    assert str(world.state(message)["reason"]).endswith("not proven")


def asked(engine: Engine, world: SmallWorld) -> list[AccountId]:
    due = PostgresRecordProofs(engine).to_ask(world.tenant, proven_for_minutes=20)
    return [each.account for each in due if each.sender == f"box0@{domain_of(world)}"]


def domain_of(world: SmallWorld) -> object:
    return world.one("select name from app.sending_domain where domain_id = %(d)s", d=world.domain)["name"]


@pytest.mark.parametrize(("minutes", "asked_again"), [(None, True), (21, True), (19, False)])
def test_it_is_asked_when_its_proof_grows_old(
    engine: Engine, world: SmallWorld, minutes: int | None, asked_again: bool
) -> None:
    world.message(4)
    proven_before(world, minutes)

    found = asked(engine, world)

    assert found == ([AccountId(world.account)] if asked_again else [])


@pytest.mark.parametrize(
    "change",
    [
        "delete from app.message where tenant_id = %(t)s",
        "update app.message set due_at = due_at + interval '61 minutes' where tenant_id = %(t)s",
        "update app.domain_account set definite_state = 'not_ready' where tenant_id = %(t)s",
        "update app.mailbox set state = 'resting' where tenant_id = %(t)s",
        "update app.provider_account set kind = 'smtp' where name = (select 'account-' || slug from app.tenant_directory where id = %(t)s)",
        "update app.provider_account set kind = 'ses' where name = (select 'account-' || slug from app.tenant_directory where id = %(t)s)",
    ],
    ids=["nothing due", "due later", "domain not ready", "nobody to send", "smtp", "ses"],
)
def test_nobody_is_asked_without_need(engine: Engine, world: SmallWorld, change: str) -> None:
    world.message(5)
    world.sql("delete from app.send_key where tenant_id = %(t)s", t=world.tenant)

    world.sql(change, t=world.tenant)

    assert asked(engine, world) == []


async def test_the_look_ups_connections_end_with_the_run(engine: Engine, new_world: NewWorld) -> None:
    world, lookups = new_world(kind="mailgun"), OneLookup(None)
    records = RecordDesk(PostgresRecordProofs(engine), lookups)

    await send_hours(replace(desk(engine, told()), records=records), [(world.tenant, NOON)], asyncio.Event())

    assert lookups.closed
