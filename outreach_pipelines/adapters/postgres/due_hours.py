"""Which tenants have work in an hour, on PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, TextClause, text

from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug

_DUE = text("""
    select d.id, d.slug from app.tenant_directory d
     where exists (select from app.message m join app.plan p on p.tenant_id = m.tenant_id and p.plan_id = m.plan_id and p.status = 'released'
                    where m.tenant_id = d.id and m.state in ('planned', 'retry_wait')
                      and greatest(m.due_at, m.not_before) < cast(:hour as timestamptz) + interval '1 hour'
                      and m.window_end > greatest(m.due_at, m.not_before, cast(:hour as timestamptz)))
     order by d.slug""")
_HELD = text("""
    select d.id, d.slug from app.tenant_directory d
     where exists (select from app.message m
                    where m.tenant_id = d.id and m.due_at >= :hour and m.due_at < cast(:hour as timestamptz) + interval '1 hour')
     order by d.slug""")


@dataclass(frozen=True, slots=True)
class PostgresDueHours:
    """`DueHours` as role outreach_ops."""

    ops: Engine

    def tenants_due(self, hour: datetime) -> Sequence[TenantRef]:
        """See `DueHours.tenants_due`."""
        return self._refs(_DUE, hour)

    def tenants_with_messages(self, hour: datetime) -> Sequence[TenantRef]:
        """See `DueHours.tenants_with_messages`."""
        return self._refs(_HELD, hour)

    def _refs(self, statement: TextClause, hour: datetime) -> Sequence[TenantRef]:
        with self.ops.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            return [
                TenantRef(TenantId(row.id), TenantSlug(row.slug))
                for row in connection.execute(statement, {"hour": hour})
            ]
