"""The only door to tenant tables: a transaction in which row-level security knows the tenant.

Belongs here: opening transactions. Does not: any statement but the one that sets the tenant.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, text

from outreach_pipelines.domain.tenant import TenantId

_SET_TENANT = text("select set_config('app.tenant', :tenant, true)")


def connect(url: str, *, pool_size: int = 8) -> Engine:
    """An engine for one role. READ COMMITTED is what the send protocol is proved for, whatever the server's default."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={"prepare_threshold": 2},
    )


@contextmanager
def tenant_session(engine: Engine, tenant: TenantId) -> Iterator[Connection]:
    """One transaction for one tenant: committed at the end, rolled back on any exception.

    The setting is the transaction's own (`set_config(..., true)`), so that no pool can hand it to another tenant.
    """
    with engine.begin() as connection:
        connection.execute(_SET_TENANT, {"tenant": str(tenant)})
        yield connection
