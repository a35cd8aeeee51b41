"""Mail domains of leads, on PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.copying import copy_rows
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.recipient_mail import TakesMail, TakesNone
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("leads")
_STAGE = ("domain", "recipient_provider", "undeliverable")


@dataclass(frozen=True, slots=True)
class PostgresRecipientStore:
    """`RecipientStore` as role outreach_app."""

    engine: Engine

    def unresolved(self, tenant: TenantId) -> Sequence[DomainName]:
        """See `RecipientStore.unresolved`."""
        with tenant_session(self.engine, tenant) as connection:
            return [DomainName(name) for name in connection.execute(_SQL["unresolved_domains"]).scalars()]

    def save(self, tenant: TenantId, known: Mapping[DomainName, TakesMail | TakesNone]) -> None:
        """See `RecipientStore.save`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["stage_domains"])
            copy_rows(connection, "domain_stage", _STAGE, (_row(*each) for each in known.items()))
            connection.execute(_SQL["analyze_domains"])
            connection.execute(_SQL["save_domains"])


def _row(domain: DomainName, mail: TakesMail | TakesNone) -> tuple[object, ...]:
    match mail:
        case TakesMail(provider):
            return domain, provider.value, None
        case TakesNone(reason):
            return domain, RecipientProvider.OTHER.value, reason.value
    assert_never(mail)
