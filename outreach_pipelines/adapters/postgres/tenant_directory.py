"""The list of tenants on PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, TextClause, text

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug
from outreach_pipelines.errors import NotFound

_ALL = text(
    "select d.id, d.slug, t.zone, t.state, t.founded_at from app.tenant_directory d join app.tenant t on t.tenant_id = d.id order by d.slug"
)
_ONE = text("select id from app.tenant_directory where slug = :slug")
_WAITING = statements("events")["waiting_tenants"]
_UNRESOLVED = statements("leads")["tenants_to_look_up"]
_UNAUDITED = statements("dns_audit")["unaudited_tenants"]
_WITH_SEEDS = statements("seeds")["waiting_tenants"]


@dataclass(frozen=True, slots=True)
class PostgresTenantDirectory:
    """`TenantDirectory` as role outreach_ops, which sees rows of all tenants and changes none."""

    ops: Engine

    def all(self) -> Sequence[TenantRow]:
        """See `TenantDirectory.all`."""
        with self._one_look() as connection:
            rows = connection.execute(_ALL).all()
        return [
            TenantRow(
                TenantRef(TenantId(row.id), TenantSlug(row.slug)), row.zone, row.state == "paused", row.founded_at
            )
            for row in rows
        ]

    def with_events(self) -> Sequence[TenantRow]:
        """See `TenantDirectory.with_events`."""
        return self._among(_WAITING)

    def with_unaudited_domains(self) -> Sequence[TenantRow]:
        """See `TenantDirectory.with_unaudited_domains`."""
        return self._among(_UNAUDITED)

    def with_seeds_under_way(self) -> Sequence[TenantRow]:
        """See `TenantDirectory.with_seeds_under_way`."""
        return self._among(_WITH_SEEDS)

    def with_unresolved_recipients(self) -> Sequence[TenantRow]:
        """See `TenantDirectory.with_unresolved_recipients`."""
        return self._among(_UNRESOLVED)

    def of(self, slug: TenantSlug) -> TenantId:
        """See `TenantDirectory.of`."""
        with self._one_look() as connection:
            found = connection.execute(_ONE, {"slug": slug}).scalar_one_or_none()
        if found is None:
            message = f"no tenant is called {slug!r}"
            raise NotFound(message)
        return TenantId(found)

    def _among(self, statement: TextClause) -> Sequence[TenantRow]:
        with self._one_look() as connection:
            wanted = {row.tenant_id for row in connection.execute(statement)}
        return [row for row in self.all() if row.ref.id in wanted] if wanted else []

    def _one_look(self) -> Connection:
        # Autocommit: a rollback at the end would throw away what this connection has prepared.
        return self.ops.execution_options(isolation_level="AUTOCOMMIT").connect()
