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
_SQL = statements("recipient_probe")


@dataclass(frozen=True, slots=True)
class PostgresProbeStore:
    """`ProbeStore` as role outreach_app."""

    engine: Engine

    def due(self, tenant: TenantId, *, most: int) -> Sequence[ProbeSubject]:
        """See `ProbeStore.due`."""
        values = {"most": most, "most_a_call": MOST_A_CALL, "kept_for": KEPT_FOR}
        with tenant_session(self.engine, tenant) as connection:
            rows = [(row.lead_id, row.address) for row in connection.execute(_SQL["due"], values)]
        return list(_subjects(rows))

    def begin(self, tenant: TenantId, domain: DomainName, leads: Sequence[LeadId]) -> bool:
        """See `ProbeStore.begin`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["lock_domain"], {"domain": domain})
            return connection.execute(_SQL["begin"], {"domain": domain, "leads": list(leads)}).rowcount > 0

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
