"""`outreach leads probe`: from new leads in the database to what a plan knows of them, over a server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from dns_audit_cases import FakeDns
from small_world import SmallWorld
from sqlalchemy import Engine
from typer.testing import CliRunner

from outreach_pipelines.adapters.postgres.recipient_probe_store import PostgresProbeStore
from outreach_pipelines.adapters.rcpt_probe import RcptCaller
from outreach_pipelines.application.probe_recipients import probe_recipients
from outreach_pipelines.cli.leads import probed_in_words
from outreach_pipelines.cli.main import app

pytest_plugins = ("command_settings",)

# As Postfix 3.7 words it.
DENIED = b"550 5.1.1 <%s>: Recipient address rejected: User unknown in local recipient table\r\n"


@asynccontextmanager
async def server(*known: str) -> AsyncIterator[int]:
    """A mail server that knows these addresses, for one call."""
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.example.test ESMTP\r\n")
        while line := (await reader.readline()).strip():
            verb, _, rest = line.partition(b":<")
            address = rest.rstrip(b">")
            is_denied = verb == b"RCPT TO" and address.decode() not in known
            writer.write(DENIED % address if is_denied else b"250 2.1.5 Ok\r\n")
        writer.close()
        ended.set()

    door = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with door:
        yield door.sockets[0].getsockname()[1]
        await ended.wait()
        await asyncio.sleep(0)


@pytest.fixture
def willing(world: SmallWorld) -> SmallWorld:
    """A tenant that wants it, with two new leads at one domain."""
    world.sql("delete from app.recipient_call")
    world.sql("insert into app.audit_policy (tenant_id, probe_recipients) values (%(t)s, true)", t=world.tenant)
    for number in (1, 2):
        world.enroll(number)
    world.sql("update app.lead set provider_checked_at = clock_timestamp() where tenant_id = %(t)s", t=world.tenant)
    return world


async def test_people_are_asked_about_and_told_of_once(willing: SmallWorld, engine: Engine) -> None:
    store, dns = PostgresProbeStore(engine), FakeDns(("example.test MX 10 localhost",))
    async with server("person1@example.test") as port:
        caller = RcptCaller(helo="probe.acme.example", port=port, inside=True)

        first = await probe_recipients(dns, caller, store, tenant=willing.tenant)
        again = await probe_recipients(dns, caller, store, tenant=willing.tenant)

    said = willing.sql(
        "select l.address, p.result from app.recipient_probe p join app.lead l using (tenant_id, lead_id)"
        " where p.tenant_id = %(t)s order by 1",
        t=willing.tenant,
    )
    assert [tuple(row.values()) for row in said] == [
        ("person1@example.test", "valid"),
        ("person2@example.test", "rejected"),
    ]
    assert list(probed_in_words(first)) == ["1 call", "rejected 1", "valid 1"]
    assert "nobody is to be asked about" in " ".join(probed_in_words(again))


@pytest.mark.usefixtures("command_settings")
def test_a_host_that_is_not_named_for_it_is_refused_with_what_to_set(willing: SmallWorld) -> None:
    done = CliRunner().invoke(app, ["leads", "probe"])

    assert done.exit_code != 0
    assert "OUTREACH_RCPT_PROBE_HELO" in str(done.exception)
