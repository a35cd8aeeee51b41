"""Accounts that are proven by their provider's records, on PostgreSQL.

Belongs here: rows as values. Does not: the proof by events or mail (`message_store`, `event_store`, `reply_store`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.prove_accounts import AccountToAsk
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("proofs")


@dataclass(frozen=True, slots=True)
class PostgresRecordProofs:
    """`RecordProofs` as role outreach_app."""

    engine: Engine

    def to_ask(self, tenant: TenantId, *, proven_for_minutes: int) -> Sequence[AccountToAsk]:
        """See `RecordProofs.to_ask`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["accounts_to_ask"], {"minutes": proven_for_minutes}).all()
        return [AccountToAsk(AccountId(row.account_id), row.sender) for row in rows]

    def prove(self, account: AccountId) -> None:
        """See `RecordProofs.prove`."""
        with self.engine.begin() as connection:
            connection.execute(_SQL["prove_account"], {"account_id": account})
