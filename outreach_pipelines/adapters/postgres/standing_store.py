"""What providers tell of our standing with them, on PostgreSQL.

Belongs here: binding values to named statements. Does not: what follows from a status (`domain.provider_standing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.read_standings import StandingDue
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_standing import (
    AccountStanding,
    StopReason,
    TenantStatus,
    stop_of_account,
    stop_of_tenant,
)
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("standings")


@dataclass(frozen=True, slots=True)
class PostgresStandingStore:
    """`StandingStore` as role outreach_app."""

    engine: Engine

    def due(self, tenant: TenantId, *, older_than_seconds: float) -> Sequence[StandingDue]:
        """See `StandingStore.due`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["standings_due"], {"older_than": older_than_seconds}).all()
        return [
            StandingDue(AccountId(row.account_id), row.account_due, row.ses_tenant if row.tenant_due else None)
            for row in rows
        ]

    def record_account(self, tenant: TenantId, account: AccountId, standing: AccountStanding) -> None:
        """See `StandingStore.record_account`."""
        quota, stop = standing.quota, stop_of_account(standing)
        values = {
            "account_id": account,
            "quota": quota.per_24_hours,
            "rate": quota.per_second,
            "sent": quota.sent_24_hours,
            "enabled": standing.sending_enabled,
            "enforcement": standing.enforcement,
        }
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["record_account_standing"], values)
            connection.execute(_SQL["share_quota"], {"account_id": account})
            if stop is None:
                connection.execute(_SQL["release_account"], {"account_id": account})
            else:
                words = {"reason": stop.reason, "sentence": stop.sentence}
                connection.execute(_SQL["hold_account"], {"account_id": account} | words)

    def record_tenant(self, tenant: TenantId, account: AccountId, name: str, status: TenantStatus) -> None:
        """See `StandingStore.record_tenant`."""
        stop = stop_of_tenant(name, status)
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["record_tenant_standing"], {"account_id": account, "status": status})
            if stop is None:
                released = {"account_id": account, "reason": StopReason.TENANT_DISABLED}
                connection.execute(_SQL["release_tenant"], released)
            else:
                words = {"reason": stop.reason, "sentence": stop.sentence}
                connection.execute(_SQL["hold_tenant"], {"account_id": account} | words)
