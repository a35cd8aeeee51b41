"""The link down to real PostgreSQL, as role outreach_web, behind a real server."""

import base64
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from socket import create_connection, socket

import httpx
import psycopg
import pytest

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.adapters.postgres.unsubscribe_register import PostgresUnsubscribeRegister
from outreach_pipelines.application.unsubscribe import UnsubscribeScope
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.tracking_token import TokenKeyId, TokenKeys, UnsubscribeClaim, seal
from outreach_pipelines.errors import Unreadable

pytest_plugins = ("postgres_fixtures",)

KEY = bytes(range(64))
KEYS = TokenKeys(TokenKeyId(1), {TokenKeyId(1): KEY})
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
Row = tuple[str, int, str, str]


@pytest.fixture(scope="module")
def tenant(outreach_admin_url: str) -> TenantId:
    with psycopg.connect(outreach_admin_url) as admin:
        row = admin.execute("insert into app.tenant_directory (slug) values ('client-a') returning id").fetchone()
        assert row is not None
        columns: dict[str, str] = dict(
            admin.execute(
                "select column_name, data_type from information_schema.columns "
                "where table_schema = 'app' and table_name = 'tenant' and is_nullable = 'NO' "
                "and column_default is null and column_name <> 'tenant_id'"
            ).fetchall()
        )
        names = ", ".join(columns)
        values = ", ".join("'client-a.example'" for _ in columns)
        admin.execute(f"insert into app.tenant (tenant_id, {names}) values ({row[0]}, {values})")
    return TenantId(row[0])


@pytest.fixture(scope="module")
def server(outreach_database: DatabaseUrls) -> Iterator[str]:
    port = _free_port()
    environment = {
        **os.environ,
        "OUTREACH_WEB_URL": outreach_database[Role.WEB],
        "OUTREACH_TOKEN_KEYS": f"1:{base64.b64encode(KEY).decode()}",
    }
    command = [sys.executable, "-m", "uvicorn", "--factory", "outreach_pipelines.web.app:create_app"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--no-access-log", "--log-level", "warning"], env=environment
    )
    try:
        _wait_until_it_listens(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up and process.poll() is None:
        with socket() as attempt:
            attempt.settimeout(1)
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
    pytest.fail("the web edge did not start")


def claim_of(tenant: TenantId, person: int) -> UnsubscribeClaim:
    return UnsubscribeClaim(tenant, bytes([person]) * 32, 11, 13, f"tag{person}")


def suppressions(admin_url: str, claim: UnsubscribeClaim) -> list[Row]:
    with psycopg.connect(admin_url) as admin:
        return admin.execute(
            "select scope, scope_id::integer, kind, source from app.suppression "
            "where tenant_id = %s and subject_hmac = %s order by scope",
            [claim.tenant, claim.recipient_hmac],
        ).fetchall()


def test_one_click_is_committed_when_it_is_answered(server: str, outreach_admin_url: str, tenant: TenantId) -> None:
    claim = claim_of(tenant, 1)

    answer = httpx.post(f"{server}/u/{seal(claim, KEYS)}", data=ONE_CLICK, trust_env=False)

    assert answer.status_code == 200
    assert suppressions(outreach_admin_url, claim) == [("tenant", 0, "unsubscribe", "tag1")]


def test_asking_twice_is_once(server: str, outreach_admin_url: str, tenant: TenantId) -> None:
    claim = claim_of(tenant, 2)

    answers = [httpx.post(f"{server}/u/{seal(claim, KEYS)}", data=ONE_CLICK, trust_env=False) for _ in range(3)]

    assert {answer.text for answer in answers} == {answers[0].text}
    assert len(suppressions(outreach_admin_url, claim)) == 1


def test_looking_at_the_page_writes_nothing(server: str, outreach_admin_url: str, tenant: TenantId) -> None:
    claim = claim_of(tenant, 3)

    answer = httpx.get(f"{server}/u/{seal(claim, KEYS)}", trust_env=False)

    assert "<form" in answer.text
    assert suppressions(outreach_admin_url, claim) == []


def test_each_scope_names_what_it_stops(
    outreach_database: DatabaseUrls, outreach_admin_url: str, tenant: TenantId
) -> None:
    claim, engine = claim_of(tenant, 4), connect(outreach_database[Role.WEB], pool_size=1)

    for scope in UnsubscribeScope:
        PostgresUnsubscribeRegister(engine).unsubscribe(claim, scope)
    engine.dispose()

    assert [row[:2] for row in suppressions(outreach_admin_url, claim)] == [
        ("campaign", 11),
        ("mailbox", 13),
        ("tenant", 0),
    ]


def test_done_is_said_only_after_the_intent_under_way_has_ended_and_the_wish_is_committed(
    server: str, outreach_admin_url: str, tenant: TenantId
) -> None:
    claim = claim_of(tenant, 5)
    with psycopg.connect(outreach_admin_url) as intent, ThreadPoolExecutor(1) as other:
        intent.execute(
            "select pg_advisory_xact_lock_shared(app.lock_key('recipient', %s, %s))",
            [str(tenant), claim.recipient_hmac.hex()],
        )

        answer = other.submit(httpx.post, f"{server}/u/{seal(claim, KEYS)}", data=ONE_CLICK, trust_env=False)
        _wait_until_somebody_waits_for_a_lock(outreach_admin_url)
        said_early = answer.done()
        intent.commit()

        assert not said_early
        assert "Done" in answer.result(10).text
    assert len(suppressions(outreach_admin_url, claim)) == 1


def _wait_until_somebody_waits_for_a_lock(admin_url: str) -> None:
    give_up = time.monotonic() + 10
    with psycopg.connect(admin_url, autocommit=True) as admin:
        while time.monotonic() < give_up:
            if admin.execute("select 1 from pg_locks where locktype = 'advisory' and not granted").fetchone():
                return
    pytest.fail("the web edge never waited")


def test_the_web_role_can_neither_read_nor_write_a_table(outreach_database: DatabaseUrls) -> None:
    url = outreach_database[Role.WEB].replace("+psycopg", "")

    for statement in ("select 1 from app.suppression", "select 1 from app.lead", "delete from app.suppression"):
        with psycopg.connect(url) as web, pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(statement)


def test_a_database_that_is_away_is_no_done() -> None:
    engine = connect(f"postgresql+psycopg://outreach_web:x@127.0.0.1:{_free_port()}/outreach", pool_size=1)

    with pytest.raises(Unreadable, match="did not confirm"):
        PostgresUnsubscribeRegister(engine).unsubscribe(claim_of(TenantId(1), 6), UnsubscribeScope.TENANT)


def test_a_token_of_a_megabyte_does_not_hurt_the_server(server: str) -> None:
    port = int(server.rpartition(":")[2])
    with create_connection(("127.0.0.1", port), 10) as client, suppress(ConnectionError):
        client.sendall(b"GET /u/" + b"A" * 1_000_000 + b" HTTP/1.1\r\nHost: u.client.example\r\n\r\n")
        answer = client.recv(100)

    assert answer.split(b" ")[1] in {b"400", b"414", b"431"}
    assert httpx.get(f"{server}/healthz", trust_env=False).status_code == 200
