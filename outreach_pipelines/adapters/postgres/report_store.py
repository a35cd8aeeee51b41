"""Counts of days and the reports written of them, on PostgreSQL.

Belongs here: rows as counts, a report as JSON. Does not: rates and prices (`application.write_reports`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine, RowMapping

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.write_reports import (
    AccountCounts,
    Number,
    PathCounts,
    ReportKind,
    ReportRow,
    VariantCounts,
)
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("reports")


@dataclass(frozen=True, slots=True)
class PostgresReportStore:
    """`ReportStore` as role outreach_app."""

    engine: Engine

    def paths(self, tenant: TenantId, day: date) -> Sequence[PathCounts]:
        """See `ReportStore.paths`."""
        return [PathCounts(**row) for row in self._read("paths", tenant, day)]

    def variants(self, tenant: TenantId, day: date) -> Sequence[VariantCounts]:
        """See `ReportStore.variants`."""
        return [VariantCounts(**row) for row in self._read("variants", tenant, day)]

    def accounts(self, tenant: TenantId, day: date) -> Sequence[AccountCounts]:
        """See `ReportStore.accounts`."""
        return [
            AccountCounts(AccountName(row["account"]), ProviderKind(row["kind"]), row["sent"], row["replies"])
            for row in self._read("accounts", tenant, day)
        ]

    def save(self, tenant: TenantId, day: date, kind: ReportKind, rows: Sequence[ReportRow]) -> None:
        """See `ReportStore.save`. Decimals are text in the JSON, so that no reader rounds them."""
        body = json.dumps([{"name": row.name, "numbers": _as_json(row)} for row in rows])
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["save"], {"kind": kind, "day": day, "body": body})

    def _read(self, statement: str, tenant: TenantId, day: date) -> Sequence[RowMapping]:
        with tenant_session(self.engine, tenant) as connection:
            return connection.execute(_SQL[statement], {"day": day}).mappings().all()


def _as_json(row: ReportRow) -> dict[str, int | str]:
    return {name: _number(number) for name, number in row.numbers.items()}


def _number(number: Number) -> int | str:
    return number if isinstance(number, int) else str(number)
