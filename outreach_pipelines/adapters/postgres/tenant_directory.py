"""The list of tenants on PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug
from outreach_pipelines.errors import NotFound

_ALL = text(
    "select d.id, d.slug, t.zone, t.state from app.tenant_directory d join app.tenant t on t.tenant_id = d.id order by d.slug"
)
_ONE = text("select id from app.tenant_directory where slug = :slug")
_WAITING = statements("events")["waiting_tenants"]


@dataclass(frozen=True, slots=True)
class PostgresTenantDirectory:
    """`TenantDirectory` as role outreach_ops, which sees rows of all tenants and changes none."""

    ops: Engine

    def all(self) -> Sequence[TenantRow]:
        """See `TenantDirectory.all`."""
        with self.ops.connect() as connection:
            rows = connection.execute(_ALL).all()
        return [
            TenantRow(TenantRef(TenantId(row.id), TenantSlug(row.slug)), row.zone, row.state == "paused")
            for row in rows
        ]

    def with_events(self) -> Sequence[TenantRow]:
        """See `TenantDirectory.with_events`."""
        with self.ops.connect() as connection:
            waiting = {row.tenant_id for row in connection.execute(_WAITING)}
        return [row for row in self.all() if row.ref.id in waiting] if waiting else []

    def of(self, slug: TenantSlug) -> TenantId:
        """See `TenantDirectory.of`."""
        with self.ops.connect() as connection:
            found = connection.execute(_ONE, {"slug": slug}).scalar_one_or_none()
        if found is None:
            message = f"no tenant is called {slug!r}"
            raise NotFound(message)
        return TenantId(found)
