from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest
from small_world import SmallWorld, build_world
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.tenant_session import connect, tenant_session, tenant_statement

OWN_MAILBOXES = text(
    "select (select count(*) from app.mailbox where tenant_id = app.tenant() and entered.tenant <> '') from set_config('app.tenant', :tenant, true) as entered (tenant)"
)
TENANT_LEFT_BEHIND = text("select coalesce(nullif(current_setting('app.tenant', true), ''), 'none')")
ISOLATION = text("select current_setting('transaction_isolation') from set_config('app.tenant', :tenant, true)")
BACKEND = text("select pg_backend_pid() from set_config('app.tenant', :tenant, true)")


@pytest.fixture(scope="module")
def world(outreach_admin_url: str) -> Iterator[SmallWorld]:
    made = build_world(outreach_admin_url, mailboxes=3)
    yield made
    made.admin.close()


@pytest.fixture
def engine(outreach_database: DatabaseUrls) -> Iterator[Engine]:
    made = connect(outreach_database[Role.APP], pool_size=1)
    yield made
    made.dispose()


def test_a_statement_sees_the_rows_of_its_tenant(engine: Engine, world: SmallWorld) -> None:
    assert tenant_statement(engine, world.tenant, OWN_MAILBOXES, {}) == (3,)


def test_a_statement_leaves_no_tenant_to_the_next_user_of_its_connection(engine: Engine, world: SmallWorld) -> None:
    tenant_statement(engine, world.tenant, OWN_MAILBOXES, {})

    with engine.begin() as connection:
        assert connection.execute(TENANT_LEFT_BEHIND).scalar_one() == "none"


def test_a_transaction_after_a_statement_is_rolled_back_as_ever(engine: Engine, world: SmallWorld) -> None:
    tenant_statement(engine, world.tenant, OWN_MAILBOXES, {})

    with suppress(ZeroDivisionError), tenant_session(engine, world.tenant) as connection:
        connection.execute(text("update app.mailbox set display_name = 'gone' where tenant_id = app.tenant()"))
        raise ZeroDivisionError

    assert not world.sql("select from app.mailbox where tenant_id = %(t)s and display_name = 'gone'", t=world.tenant)


def test_a_statement_reads_what_is_committed_whatever_the_servers_default(
    outreach_database: DatabaseUrls, world: SmallWorld
) -> None:
    role = f"alter role {Role.APP} in database {world.admin.info.dbname}"
    world.admin.execute(f"{role} set default_transaction_isolation = 'serializable'")
    engine = connect(outreach_database[Role.APP])

    try:
        assert tenant_statement(engine, world.tenant, ISOLATION, {}) == ("read committed",)
    finally:
        world.admin.execute(f"{role} reset default_transaction_isolation")
        engine.dispose()


def test_a_statement_that_fails_is_told_as_sqlalchemys_error_and_its_connection_goes_on(
    engine: Engine, world: SmallWorld
) -> None:
    with pytest.raises(DBAPIError):
        tenant_statement(
            engine,
            world.tenant,
            text("select 1 / (select count(*) from set_config('app.tenant', :tenant, true) where false)"),
            {},
        )

    assert tenant_statement(engine, world.tenant, OWN_MAILBOXES, {}) == (3,)


def test_a_connection_that_ended_while_it_rested_is_replaced_unnoticed(
    outreach_database: DatabaseUrls, world: SmallWorld
) -> None:
    engine = connect(outreach_database[Role.APP], pool_size=1, trusted_seconds=0)
    (backend,) = tenant_statement(engine, world.tenant, BACKEND, {})
    world.sql("select pg_terminate_backend(%(pid)s, 5000)", pid=backend)

    found = tenant_statement(engine, world.tenant, OWN_MAILBOXES, {})

    engine.dispose()
    assert found == (3,)


def test_a_connection_that_ends_under_a_statement_is_an_error_once_and_not_kept(
    engine: Engine, world: SmallWorld
) -> None:
    (backend,) = tenant_statement(engine, world.tenant, BACKEND, {})
    world.sql("select pg_terminate_backend(%(pid)s, 5000)", pid=backend)

    with pytest.raises(DBAPIError) as told:
        tenant_statement(engine, world.tenant, OWN_MAILBOXES, {})

    assert isinstance(told.value.orig, psycopg.OperationalError)
    assert tenant_statement(engine, world.tenant, OWN_MAILBOXES, {}) == (3,)
