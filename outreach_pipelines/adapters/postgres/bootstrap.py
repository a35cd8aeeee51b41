"""Roles, their passwords, the database and its schemas: what needs an administrator, once per cluster.

Belongs here: which logins there are (docs/operations.md says what each may). Does not: tables and grants (migrations).
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import quote

import psycopg
from psycopg import sql
from sqlalchemy import make_url


class Role(StrEnum):
    """A login of the system; each process gets the URLs of only those that it needs."""

    MIGRATE = "outreach_migrate"
    APP = "outreach_app"
    OPS = "outreach_ops"
    INGEST = "outreach_ingest"
    WEB = "outreach_web"
    READONLY = "outreach_readonly"
    DAGSTER = "outreach_dagster"


OWNER = "outreach_owner"


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """SQLAlchemy URLs, one a role, each with its password: keep them out of logs."""

    by_role: Mapping[Role, str]

    def __repr__(self) -> str:
        """Without passwords."""
        return f"DatabaseUrls({', '.join(self.by_role)})"

    def __getitem__(self, role: Role) -> str:
        return self.by_role[role]


def bootstrap(
    admin_url: str, *, database: str = "outreach", passwords: Mapping[Role, str] | None = None
) -> DatabaseUrls:
    """Create or repair roles, database and schemas, and set each role's password (random where none is given).

    `admin_url` is a libpq or SQLAlchemy URL of a superuser. Running it again gives new passwords and changes nothing else.
    """
    chosen = {role: (passwords or {}).get(role) or secrets.token_urlsafe(32) for role in Role}
    plain = make_url(admin_url).set(drivername="postgresql")
    with psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True) as admin:
        # Dagster opens a new connection for nearly everything: a random 32-byte password needs no stretching.
        admin.execute(
            "select set_config('scram_iterations', '1', false) where current_setting('server_version_num')::int >= 160000"
        )
        _create_role(admin, OWNER, None)
        for role in Role:
            _create_role(admin, role, chosen[role])
        admin.execute(sql.SQL("grant {} to {}").format(sql.Identifier(OWNER), sql.Identifier(Role.MIGRATE)))
        admin.execute(sql.SQL("alter role {} set synchronous_commit = off").format(sql.Identifier(Role.DAGSTER)))
        for role in (Role.APP, Role.OPS):
            # A plan over a table of day partitions costs more than what it then does: each session plans once.
            admin.execute(
                sql.SQL("alter role {} set plan_cache_mode = force_generic_plan").format(sql.Identifier(role))
            )
        if not admin.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
            admin.execute(
                sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(OWNER))
            )
    inside = plain.set(database=database)
    with psycopg.connect(inside.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
        logins = sql.SQL(", ").join(sql.Identifier(role) for role in Role)
        admin.execute(sql.SQL("grant connect, temporary on database {} to {}").format(sql.Identifier(database), logins))
        admin.execute(sql.SQL("create schema if not exists app authorization {}").format(sql.Identifier(OWNER)))
        admin.execute(
            sql.SQL("create schema if not exists dagster authorization {}").format(sql.Identifier(Role.DAGSTER))
        )
        admin.execute("revoke all on schema public from public")
    return DatabaseUrls(
        MappingProxyType(
            {role: _role_url(str(inside.render_as_string(hide_password=False)), role, chosen[role]) for role in Role}
        )
    )


def _create_role(admin: psycopg.Connection[tuple[object, ...]], name: str, password: str | None) -> None:
    if not admin.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone():
        admin.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
    safe = sql.SQL("alter role {} nosuperuser nobypassrls nocreatedb nocreaterole noinherit").format(
        sql.Identifier(name)
    )
    admin.execute(safe)
    if password is None:
        admin.execute(sql.SQL("alter role {} nologin").format(sql.Identifier(name)))
    else:
        admin.execute(sql.SQL("alter role {} login password {}").format(sql.Identifier(name), sql.Literal(password)))


def _role_url(inside: str, role: Role, password: str) -> str:
    url = make_url(inside).set(username=str(role), password=password)
    if role is Role.DAGSTER:
        # Dagster's storage uses psycopg2, and SQLAlchemy 2.1 would take psycopg 3 for a bare postgresql://.
        options = "options=" + quote("-csearch_path=dagster", safe="")
        bare = url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
        return f"{bare}{'&' if '?' in bare else '?'}{options}"
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
