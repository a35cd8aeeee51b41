"""Provider accounts as one tenant may use them, read from rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, RowMapping, text

from outreach_pipelines.adapters.postgres.account_settings import connection_of
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import Connection
from outreach_pipelines.domain.tenant import TenantId

_ACCOUNTS = text("""
    select a.account_id, a.name, a.kind, a.settings, s.configuration_set, s.ses_tenant
      from app.provider_account a join app.provider_account_share s on s.account_id = a.account_id and s.tenant_id = (select app.tenant())
     order by a.account_id""")


@dataclass(frozen=True, slots=True)
class AccountRow:
    """How an account is spoken to, with references in place of secrets."""

    account: AccountId
    name: str
    kind: str
    connection: Connection
    configuration_set: str | None
    ses_tenant: str | None = None


def read_accounts(engine: Engine, tenant: TenantId) -> Sequence[AccountRow]:
    """The accounts that this tenant has a share of."""
    with tenant_session(engine, tenant) as connection:
        rows = connection.execute(_ACCOUNTS).mappings().all()
    return [
        AccountRow(
            AccountId(row["account_id"]),
            row["name"],
            row["kind"],
            _connection(row),
            row["configuration_set"],
            row["ses_tenant"],
        )
        for row in rows
    ]


def _connection(row: RowMapping) -> Connection:
    return connection_of(row["kind"], row["settings"])
