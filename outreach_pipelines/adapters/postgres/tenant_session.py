"""The only door to tenant tables: a transaction in which row-level security knows the tenant.

Belongs here: opening transactions, and keeping connections that work. Does not: any statement but the one that sets the
tenant.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, TextClause, create_engine, event, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from outreach_pipelines.domain.tenant import TenantId

TRUSTED_SECONDS = 1.0
"""A connection that was used so lately is taken to work: to ask it first would be one more round trip for each statement."""
_SET_TENANT = text("select set_config('app.tenant', :tenant, true)")
_READ_COMMITTED = "set default_transaction_isolation to 'read committed'"
_USED_AT = "used_at"


def connect(url: str, *, pool_size: int = 8, trusted_seconds: float = TRUSTED_SECONDS) -> Engine:
    """An engine for one role. READ COMMITTED is what the send protocol is proved for, whatever the server's default.

    The connection that was used last is used next, and prepares each statement once: planning over day partitions
    costs more than most statements do. One that has rested for `trusted_seconds` is asked whether it works before it is used.
    """
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        isolation_level="READ COMMITTED",
        connect_args={"prepare_threshold": 0},
    )
    _keep_working(engine, trusted_seconds)
    return engine


@contextmanager
def tenant_session(engine: Engine, tenant: TenantId) -> Iterator[Connection]:
    """One transaction for one tenant: committed at the end, rolled back on any exception.

    The setting is the transaction's own (`set_config(..., true)`), so that no pool can hand it to another tenant.
    """
    with engine.begin() as connection:
        connection.execute(_SET_TENANT, {"tenant": str(tenant)})
        yield connection


def tenant_statement(
    engine: Engine, tenant: TenantId, statement: TextClause, values: Mapping[str, object]
) -> tuple[Any, ...]:
    """One statement that is a transaction of its own, committed when its one row is here; in one round trip.

    PostgreSQL makes a transaction of each statement that stands in none. `statement` takes `:tenant` and must set it
    itself, for that transaction, before all that it does; one that does not sees no row. Raises `DBAPIError`.
    """
    row = _one_row(engine, _in_the_drivers_words(statement), {**values, "tenant": str(tenant)})
    if row is None:
        message = "a statement of one row gave none"
        raise RuntimeError(message)
    return row


def _one_row(engine: Engine, sql: bytes, values: Mapping[str, object]) -> tuple[Any, ...] | None:
    pooled = engine.raw_connection()
    try:
        driver = _driver(pooled)
        driver.autocommit = True
        try:
            return driver.execute(sql, values).fetchone()
        finally:
            if not driver.closed:
                driver.autocommit = False
    except psycopg.Error as fault:
        if _driver(pooled).closed:
            pooled.invalidate()
        raise DBAPIError.instance(sql.decode(), None, fault, psycopg.Error, dialect=engine.dialect) from fault
    finally:
        pooled.close()


@cache
def _in_the_drivers_words(statement: TextClause) -> bytes:
    dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects carry no types
    return str(statement.compile(dialect=dialect)).encode()


def _driver(pooled: PoolProxiedConnection) -> "psycopg.Connection[tuple[Any, ...]]":
    driver = pooled.driver_connection
    if not isinstance(driver, psycopg.Connection):
        message = f"the engine speaks through {type(driver).__name__}, not through psycopg"
        raise TypeError(message)
    return driver


def _keep_working(engine: Engine, trusted_seconds: float) -> None:
    def opened(driver: "psycopg.Connection[tuple[Any, ...]]", entry: ConnectionPoolEntry) -> None:
        driver.autocommit = True
        driver.execute(_READ_COMMITTED, prepare=False)
        driver.autocommit = False
        entry.info[_USED_AT] = time.monotonic()

    def taken(driver: object, entry: ConnectionPoolEntry, _pooled: object) -> None:
        if time.monotonic() - entry.info[_USED_AT] < trusted_seconds:
            return
        try:
            engine.dialect.do_ping(driver)  # type: ignore[arg-type]  # SQLAlchemy's own protocol for the driver's connection
        except psycopg.Error as gone:
            message = "a kept connection had ended"
            raise InvalidatePoolError(message) from gone

    def returned(_driver: object, entry: ConnectionPoolEntry) -> None:
        entry.info[_USED_AT] = time.monotonic()

    event.listen(engine, "connect", opened)
    event.listen(engine, "checkout", taken)
    event.listen(engine, "checkin", returned)
