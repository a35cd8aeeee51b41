"""Leads in campaigns, on PostgreSQL."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, RowMapping

from outreach_pipelines.adapters.postgres.copying import copy_rows
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.enroll_leads import AppliedFile, LeadFileId, StoredLead, TakingCampaign
from outreach_pipelines.domain.campaign import LeadSelection
from outreach_pipelines.domain.ids import CampaignId, LeadId
from outreach_pipelines.domain.lead import FieldName, LeadColumn
from outreach_pipelines.domain.lead_file import LeadFileName
from outreach_pipelines.domain.suppression import CampaignName
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("leads")
_ROWS_AT_ONCE = 2_000
_COLUMN_OF = {
    LeadColumn.EMAIL: "address",
    LeadColumn.FIRST_NAME: "first_name",
    LeadColumn.LAST_NAME: "last_name",
    LeadColumn.COMPANY: "company",
    LeadColumn.COUNTRY: "country",
    LeadColumn.TIME_ZONE: "zone",
    LeadColumn.LAWFUL_BASIS: "basis",
    LeadColumn.EVIDENCE: "basis_evidence",
    LeadColumn.SOURCE: "basis_source",
}


@dataclass(frozen=True, slots=True)
class PostgresEnrollmentStore:
    """`EnrollmentStore` as role outreach_app."""

    engine: Engine

    def taking(self, tenant: TenantId) -> Sequence[TakingCampaign]:
        """See `EnrollmentStore.taking`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["active_campaigns"]).mappings().all()
        return [_campaign(row) for row in rows]

    def files(self, tenant: TenantId) -> Sequence[AppliedFile]:
        """See `EnrollmentStore.files`."""
        with tenant_session(self.engine, tenant) as connection:
            prefix = f"uploads/{connection.execute(_SQL['slug']).scalar_one()}/"
            rows = connection.execute(_SQL["lead_files"]).all()
        return [
            AppliedFile(LeadFileId(row.lead_file_id), LeadFileName(row.object_key.removeprefix(prefix))) for row in rows
        ]

    @contextmanager
    def not_enrolled(
        self, tenant: TenantId, campaign: CampaignId, files: Sequence[LeadFileId]
    ) -> Iterator[Iterable[StoredLead]]:
        """See `EnrollmentStore.not_enrolled`. Read through a cursor of the server."""
        values = {"campaign_id": campaign, "lead_files": list(files)}
        streaming = {"yield_per": _ROWS_AT_ONCE}
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["expect_many_rows"])
            yield map(_lead, connection.execute(_SQL["not_enrolled"], values, execution_options=streaming).mappings())

    def enroll(self, tenant: TenantId, campaign: CampaignId, leads: Sequence[LeadId]) -> int:
        """See `EnrollmentStore.enroll`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["expect_many_rows"])
            connection.execute(_SQL["stage_enrollments"])
            copy_rows(connection, "enrollment_stage", ("lead_id",), ((lead,) for lead in leads))
            return connection.execute(_SQL["insert_enrollments"], {"campaign_id": campaign}).rowcount


def _campaign(row: RowMapping) -> TakingCampaign:
    where = tuple((FieldName(name), value) for name, value in row["lead_where"])
    selection = LeadSelection(tuple(row["lead_files"]), where)
    return TakingCampaign(CampaignId(row["campaign_id"]), CampaignName(row["name"]), selection)


def _lead(row: RowMapping) -> StoredLead:
    own = {FieldName(column): row[name] or "" for column, name in _COLUMN_OF.items()}
    return StoredLead(LeadId(row["lead_id"]), own | row["fields"])
