"""What servers of recipients said of addresses, on PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.probe_recipients import MOST_A_CALL, ProbeSubject
from outreach_pipelines.domain.address import Address, DomainName, parse_address
from outreach_pipelines.domain.ids import LeadId
from outreach_pipelines.domain.recipient_probe import ProbeResult
from outreach_pipelines.domain.tenant import TenantId

KEPT_FOR: Final = timedelta(days=30)
"""How long what was said counts, unknown too; then the address may be asked about again."""
MOST_CALLS_AN_HOUR: Final = 4
"""Of all tenants together, at the servers of one operator."""
_SQL = statements("recipient_probe")


@dataclass(frozen=True, slots=True)
class PostgresProbeStore:
    """`ProbeStore` as role outreach_app."""

    engine: Engine

    def due(self, tenant: TenantId, *, most_an_hour: int) -> Sequence[ProbeSubject]:
        """See `ProbeStore.due`."""
        values = {"most_an_hour": most_an_hour, "most_a_call": MOST_A_CALL, "kept_for": KEPT_FOR}
        with tenant_session(self.engine, tenant) as connection:
            rows = [(row.lead_id, row.address) for row in connection.execute(_SQL["due"], values)]
        return list(_subjects(rows))

    def begin(self, tenant: TenantId, domain: DomainName, operator: str, leads: Sequence[LeadId]) -> bool:
        """See `ProbeStore.begin`."""
        place = {"domain": domain, "operator": operator, "most_an_hour": MOST_CALLS_AN_HOUR}
        with tenant_session(self.engine, tenant) as connection:
            may_call = bool(connection.execute(_SQL["begin_call"], place).scalar_one())
            if may_call:
                connection.execute(_SQL["begin"], {"leads": list(leads)})
        return may_call

    def pass_over(self, tenant: TenantId, leads: Sequence[LeadId]) -> None:
        """See `ProbeStore.pass_over`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["begin"], {"leads": list(leads)})

    def save(self, tenant: TenantId, results: Mapping[LeadId, ProbeResult]) -> None:
        """See `ProbeStore.save`."""
        rows = [{"lead": lead, "result": result.value} for lead, result in results.items()]
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["save"], rows)


def _subjects(rows: Sequence[tuple[int, str]]) -> Iterator[ProbeSubject]:
    for lead, text in rows:
        address = parse_address(text)
        if isinstance(address, Address):
            yield ProbeSubject(LeadId(lead), address)
