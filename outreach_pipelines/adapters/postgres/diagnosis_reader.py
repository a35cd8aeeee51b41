"""The signs of the system's and the tenants' health, read from PostgreSQL.

As role outreach_app, each tenant in a session of its own; who reads for all needs no more than the list of names.

Belongs here: rows as signs. Does not: what they mean (`application.diagnose`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.vital_signs import (
    AccountSigns,
    HoldSigns,
    InboxSigns,
    PathSigns,
    PlanSigns,
    SystemSigns,
    TenantSigns,
)
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug
from outreach_pipelines.errors import NotFound

_SQL = statements("diagnosis")
_PLANS = statements("plans")


@dataclass(frozen=True, slots=True)
class PostgresDiagnosisReader:
    """`SignsReader` as role outreach_app."""

    engine: Engine

    def system(self) -> SystemSigns:
        """See `SignsReader.system`."""
        with self.engine.connect() as connection:
            row = connection.execute(_SQL["system"]).mappings().one()
        unfounded = [ref.slug for ref in self._directory() if not self._is_founded(ref)]
        return SystemSigns(**row, unfounded_tenants=unfounded)

    def accounts(self) -> Sequence[AccountSigns]:
        """See `SignsReader.accounts`."""
        with self.engine.connect() as connection:
            return [AccountSigns(**row) for row in connection.execute(_SQL["accounts"]).mappings()]

    def tenants(self) -> Sequence[TenantRef]:
        """See `SignsReader.tenants`."""
        return [ref for ref in self._directory() if self._is_founded(ref)]

    def tenant(self, tenant: TenantRef) -> TenantSigns:
        """See `SignsReader.tenant`. Raises `NotFound` for a tenant whose inventory was never applied."""
        with tenant_session(self.engine.execution_options(isolation_level="REPEATABLE READ"), tenant.id) as connection:
            row = connection.execute(_SQL["tenant"]).mappings().first()
            if row is None:
                message = f"tenant {tenant.slug} has no inventory yet"
                raise NotFound(message)
            return _tenant(connection, tenant, row)

    def _directory(self) -> Sequence[TenantRef]:
        with self.engine.connect() as connection:
            return [TenantRef(TenantId(row.id), TenantSlug(row.slug)) for row in connection.execute(_SQL["directory"])]

    def _is_founded(self, tenant: TenantRef) -> bool:
        with tenant_session(self.engine, tenant.id) as connection:
            return bool(connection.execute(_SQL["is_founded"]).scalar_one())


def _tenant(connection: Connection, tenant: TenantRef, row: RowMapping) -> TenantSigns:
    def rows(name: str, **values: object) -> Sequence[RowMapping]:
        return connection.execute(_SQL[name], values).mappings().all()

    now: datetime = connection.execute(_SQL["policy_now"]).scalar_one()
    today = now.astimezone(ZoneInfo(row["zone"])).date()
    counts: dict[str, Any] = dict(row) | dict(rows("messages", today=today)[0])
    return TenantSigns(
        tenant=tenant,
        paths=[PathSigns(**each) for each in rows("paths")],
        inboxes=[InboxSigns(**each) for each in rows("inboxes")],
        plans=[_plan(each) for each in rows("plans", today=today)],
        something_may_go_today=connection.execute(_PLANS["something_may_go"], {"day": today}).scalar_one(),
        holds=[HoldSigns(**each) for each in rows("holds")],
        **counts,
    )


def _plan(row: RowMapping) -> PlanSigns:
    most_first = sorted(row["not_placed"].items(), key=lambda item: (-item[1], item[0]))
    known: dict[str, Any] = dict(row) | {"not_placed": dict(most_first)}
    return PlanSigns(**known)
