from collections.abc import Iterator

import psycopg
import pytest
from small_world import build_world
from sqlalchemy import text

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.tenant_session import connect, tenant_session
from outreach_pipelines.domain.tenant import TenantId


@pytest.fixture(scope="module")
def admin(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(outreach_admin_url, autocommit=True) as connection:
        yield connection


def tenant_tables(admin: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    rows = admin.execute(
        """select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
             join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
            where n.nspname = 'app' and c.relkind in ('r', 'p')"""
    )
    return [str(row[0]) for row in rows]


def test_every_table_with_a_tenant_is_under_forced_row_level_security(
    admin: psycopg.Connection[tuple[object, ...]],
) -> None:
    bare = admin.execute(
        "select oid::regclass::text from pg_class where oid = any (%s::regclass[]) and not (relrowsecurity and relforcerowsecurity)",
        [tenant_tables(admin)],
    )

    tables = tenant_tables(admin)
    assert {"app.lead", "app.message", "app.send_attempt"} <= set(tables)
    assert any(table.startswith("app.message_2") for table in tables), "no partition is among them"
    assert bare.fetchall() == []


def test_every_such_table_has_the_tenants_policy_for_reading_and_writing(
    admin: psycopg.Connection[tuple[object, ...]],
) -> None:
    condition = "(tenant_id = ( SELECT app.tenant() AS tenant))"
    rows = admin.execute(
        "select format('app.%%I', tablename) from pg_policies where policyname = 'tenant_only' and cmd = 'ALL' and qual = %s and with_check = %s",
        [condition, condition],
    )

    assert {str(row[0]) for row in rows} == set(tenant_tables(admin))


def test_no_other_policy_opens_a_table_but_those_that_are_named_here(
    admin: psycopg.Connection[tuple[object, ...]],
) -> None:
    rows = admin.execute(
        "select distinct policyname, case policyname when 'ops_reads' then '' when 'tenant_only' then '' else tablename end, roles::text[], cmd, permissive from pg_policies where schemaname = 'app'"
    )

    assert {(name, table, frozenset(roles), cmd) for name, table, roles, cmd, _ in rows} == {  # type: ignore[call-overload]  # text[]
        ("tenant_only", "", frozenset({"outreach_app", "outreach_readonly", "outreach_owner"}), "ALL"),
        # Ops reads the columns that name nobody, and gives out what is left of an account's shares.
        ("ops_reads", "", frozenset({"outreach_ops"}), "SELECT"),
        ("feeds_write", "event_inbox", frozenset({"outreach_ingest", "outreach_web"}), "INSERT"),
        ("ops_gives", "share_grant", frozenset({"outreach_ops"}), "INSERT"),
        ("owner_sums", "account_day", frozenset({"outreach_owner"}), "SELECT"),
    }


def test_every_unique_index_of_a_tenant_table_contains_the_tenant(
    admin: psycopg.Connection[tuple[object, ...]],
) -> None:
    rows = admin.execute(
        """select i.indexrelid::regclass::text from pg_index i
            where i.indrelid = any (%s::regclass[]) and i.indisunique
              and not exists (select from pg_attribute a where a.attrelid = i.indrelid and a.attnum = any (i.indkey) and a.attname = 'tenant_id')""",
        [tenant_tables(admin)],
    )

    assert rows.fetchall() == []


def test_no_login_role_owns_anything_or_escapes_policies(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    roles = [str(role) for role in Role if role is not Role.DAGSTER]
    powerful = admin.execute(
        "select rolname from pg_roles where rolname = any (%s) and (rolsuper or rolbypassrls or rolcreaterole)", [roles]
    )
    owners = admin.execute(
        "select distinct pg_get_userbyid(relowner) from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'app'"
    )

    assert powerful.fetchall() == []
    assert owners.fetchall() == [("outreach_owner",)]


def test_no_plain_view_stands_between_a_role_and_the_policies(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    views = admin.execute(
        """select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = 'app' and (c.relkind = 'm' or (c.relkind = 'v' and not coalesce(c.reloptions @> '{security_invoker=true}', false)))"""
    )

    assert views.fetchall() == []


def test_every_definer_function_pins_its_search_path(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    loose = admin.execute(
        """select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
            where n.nspname = 'app' and p.prosecdef and not coalesce(array_to_string(p.proconfig, ',') like 'search_path=pg_catalog%%', false)""",
        [],
    )

    assert loose.fetchall() == []


def test_no_definer_function_may_be_called_by_everybody(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    open_to_all = admin.execute(
        """select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
            where n.nspname = 'app' and p.prosecdef
              and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)"""
    )

    assert open_to_all.fetchall() == []


def test_dagsters_role_has_no_way_into_our_schema(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    entry = admin.execute("select has_schema_privilege('outreach_dagster', 'app', 'usage, create')")

    assert entry.fetchall() == [(False,)]


def test_without_a_tenant_no_row_is_seen_and_with_one_only_its_own(
    outreach_database: DatabaseUrls, outreach_admin_url: str
) -> None:
    worlds = [build_world(outreach_admin_url) for _ in range(2)]
    for world in worlds:
        world.message(1)
    engine = connect(outreach_database[Role.APP])
    count = text("select count(*), min(tenant_id), max(tenant_id) from app.message")

    with engine.begin() as connection:
        nobody = tuple(connection.execute(count).one())
    with tenant_session(engine, worlds[1].tenant) as connection:
        own = tuple(connection.execute(count).one())
    with engine.begin() as connection:
        after = tuple(connection.execute(count).one())

    engine.dispose()
    for world in worlds:
        world.admin.close()
    assert nobody == after == (0, None, None)
    assert own == (1, worlds[1].tenant, worlds[1].tenant)


def test_another_tenants_row_cannot_be_written(outreach_database: DatabaseUrls, outreach_admin_url: str) -> None:
    world = build_world(outreach_admin_url)
    engine = connect(outreach_database[Role.APP])

    with (
        pytest.raises(Exception, match="row-level security"),
        tenant_session(engine, TenantId(world.tenant + 1)) as connection,
    ):
        connection.execute(
            text("insert into app.rate_bucket (tenant_id, bucket, window_start) values (:t, 'day', now())"),
            {"t": world.tenant},
        )

    engine.dispose()
    world.admin.close()


def test_another_tenants_row_is_neither_changed_nor_deleted(
    outreach_database: DatabaseUrls, outreach_admin_url: str
) -> None:
    own, other = build_world(outreach_admin_url), build_world(outreach_admin_url)
    engine = connect(outreach_database[Role.APP])

    with tenant_session(engine, own.tenant) as connection:
        renamed = connection.execute(text("update app.tenant set name = 'Renamed'")).rowcount
        deleted = connection.execute(
            text("delete from app.campaign_step where tenant_id = :t"), {"t": other.tenant}
        ).rowcount

    engine.dispose()
    name = other.one("select name from app.tenant where tenant_id = %(t)s", t=other.tenant)["name"]
    for world in (own, other):
        world.admin.close()
    assert (renamed, deleted, name) == (1, 0, "Test")


@pytest.mark.parametrize("role", [Role.OPS, Role.READONLY, Role.WEB, Role.INGEST])
def test_roles_that_only_look_cannot_read_addresses_or_write_messages(
    outreach_database: DatabaseUrls, role: Role
) -> None:
    engine = connect(outreach_database[role])

    for statement in ("update app.message set state = 'planned'", "delete from app.suppression") + (
        () if role is Role.READONLY else ("select address from app.lead",)
    ):
        with pytest.raises(Exception, match="permission denied"), engine.begin() as connection:
            connection.execute(text(statement))

    engine.dispose()
