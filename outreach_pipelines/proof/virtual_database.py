"""A real database whose clocks are the world's: machine time and policy time stand where a schedule puts them.

Belongs here: that replacement, in a scratch database. Does not: any rule. `clock_timestamp()` of the production functions and
statements is found by name, and the schema `proof` is put before `pg_catalog` where names are looked for.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.tenant_session import connect

_REPLACE_CLOCK = """
    create schema proof;
    create table proof.moment (machine timestamptz not null);
    insert into proof.moment values (clock_timestamp());
    create function proof.clock_timestamp() returns timestamptz language sql volatile as 'select machine from proof.moment';
    grant usage on schema proof to public;
    grant select on proof.moment to public;

    -- Functions that name their own schemas, and defaults, which were bound when they were written.
    do $$
    declare each record;
    begin
        for each in select p.oid::regprocedure as name from pg_proc p
                     where p.pronamespace = 'app'::regnamespace and 'search_path=pg_catalog, pg_temp' = any (p.proconfig)
        loop
            execute format('alter function %s set search_path = proof, pg_catalog, pg_temp', each.name);
        end loop;
        for each in select d.adrelid::regclass as name, a.attname as attribute
                      from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
                      join pg_class c on c.oid = d.adrelid
                     where c.relnamespace = 'app'::regnamespace and pg_get_expr(d.adbin, d.adrelid) = 'clock_timestamp()'
        loop
            execute format('alter table only %s alter column %I set default proof.clock_timestamp()', each.name, each.attribute);
        end loop;
    end
    $$;
"""


@dataclass(frozen=True, slots=True)
class VirtualDatabase:
    """A migrated scratch database with its engines; `admin` is a superuser's URL of it."""

    admin: str
    app: Engine
    ingest: Engine

    def put(self, admin: psycopg.Connection[dict[str, object]], *, machine: datetime, policy: datetime) -> None:
        """Set both clocks."""
        admin.execute(
            "with moved as (update proof.moment set machine = %s) "
            "insert into app.clock (policy_now) values (%s) on conflict (one) do update set policy_now = excluded.policy_now",
            [machine, policy],
        )


def virtual_database(admin_url: str, urls: DatabaseUrls) -> VirtualDatabase:
    """Replace the clocks of a freshly migrated database; nothing but proofs may use it from then on."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(_REPLACE_CLOCK)
        database = psycopg.sql.Identifier(admin.info.dbname)
        # A database's own setting: a session that names no schemas finds proof's clock first.
        admin.execute(psycopg.sql.SQL("alter database {} set search_path = proof, pg_catalog, public").format(database))
    return VirtualDatabase(admin_url, connect(urls[Role.APP], pool_size=2), connect(urls[Role.INGEST], pool_size=2))
