"""Leads and refused rows on PostgreSQL.

Belongs here: a file as one transaction, and what a record is as a row. Does not: who is enrolled (`enrollment_store`),
where a lead's mail goes (`recipient_store`).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from outreach_pipelines.adapters.postgres.copying import copy_rows
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.import_leads import LeadRecord, LeadsWritten
from outreach_pipelines.domain.address import address_hmac, domain_hmac
from outreach_pipelines.domain.address_keys import global_address_key, tenant_address_key
from outreach_pipelines.domain.lead import Lead, RejectedRow
from outreach_pipelines.domain.lead_file import FileDigest, FileRefused, LeadFile, LeadFileName
from outreach_pipelines.domain.tenant import TenantId, TenantSlug

_SQL = statements("leads")
_REFUSAL = ("line", "reason", "detail", "raw")
_PERSON = (
    *("address", "address_hmac", "domain_hmac", "global_hmac", "first_name", "last_name", "company", "country", "zone"),
    *("basis", "basis_evidence", "basis_source", "fields"),
)


@dataclass(frozen=True, slots=True)
class PostgresLeadStore:
    """`LeadStore` and `RefusalStore` as role outreach_app. `address_key` is the installation's (`domain.address_keys`)."""

    engine: Engine
    address_key: bytes

    def knows_file(self, tenant: TenantId, digest: FileDigest) -> bool:
        """See `LeadStore.knows_file`."""
        with tenant_session(self.engine, tenant) as connection:
            return _knows(connection, digest)

    def apply_file(self, tenant: TenantId, file: LeadFile, records: Iterable[LeadRecord]) -> LeadsWritten | None:
        """See `LeadStore.apply_file`. Memory does not grow with the file: each record goes to the stage as it comes."""
        with tenant_session(self.engine, tenant) as connection:
            slug = _slug(connection)
            connection.execute(_SQL["stage_records"])
            copy_rows(connection, "record_stage", _REFUSAL + _PERSON, _Rows.of(slug, self.address_key).of_all(records))
            connection.execute(_SQL["expect_many_rows"])
            connection.execute(_SQL["lock_import"])
            return None if _knows(connection, file.digest) else _written(connection, file, slug)

    def refuse_file(self, tenant: TenantId, refusal: FileRefused) -> None:
        """See `LeadStore.refuse_file`."""
        with tenant_session(self.engine, tenant) as connection:
            values = {**_file_values(refusal.file, _slug(connection)), "line": refusal.line}
            connection.execute(_SQL["refuse_file"], values | {"sentence": refusal.sentence})

    def refusals(self, tenant: TenantId) -> Sequence[FileRefused]:
        """See `RefusalStore.refusals`."""
        with tenant_session(self.engine, tenant) as connection:
            folder = f"uploads/{_slug(connection)}/"
            rows = connection.execute(_SQL["refusals"]).all()
        return [
            FileRefused(
                LeadFile(LeadFileName(row.object_key.removeprefix(folder)), FileDigest(row.sha256)),
                row.line,
                row.sentence,
            )
            for row in rows
        ]


def _knows(connection: Connection, digest: FileDigest) -> bool:
    return bool(connection.execute(_SQL["knows_file"], {"sha256": digest}).scalar_one())


def _slug(connection: Connection) -> TenantSlug:
    return TenantSlug(connection.execute(_SQL["slug"]).scalar_one())


def _written(connection: Connection, file: LeadFile, slug: TenantSlug) -> LeadsWritten:
    newest = connection.execute(_SQL["newest_lead"]).scalar_one()
    accepted = connection.execute(_SQL["insert_leads"]).rowcount
    connection.execute(_SQL["fill_leads"], {"newest": newest})
    stored = connection.execute(_SQL["insert_file"], {**_file_values(file, slug), "accepted": accepted}).one()
    connection.execute(_SQL["insert_sources"], {"lead_file_id": stored.lead_file_id})
    connection.execute(_SQL["insert_rejections"], {"lead_file_id": stored.lead_file_id})
    return LeadsWritten(accepted, stored.already_known)


def _file_values(file: LeadFile, slug: TenantSlug) -> dict[str, object]:
    return {"sha256": file.digest, "object_key": f"uploads/{slug}/{file.name}"}


@dataclass(frozen=True, slots=True)
class _Rows:
    """Records as rows of the stage."""

    tenant_key: bytes
    global_key: bytes

    @classmethod
    def of(cls, slug: TenantSlug, installation_key: bytes) -> "_Rows":
        return cls(tenant_address_key(installation_key, slug), global_address_key(installation_key))

    def of_all(self, records: Iterable[LeadRecord]) -> Iterator[tuple[object, ...]]:
        for record in records:
            yield _refusal_row(record) if isinstance(record, RejectedRow) else self._lead_row(record)

    def _lead_row(self, lead: Lead) -> tuple[object, ...]:
        own, shared = address_hmac(lead.address, self.tenant_key), address_hmac(lead.address, self.global_key)
        company = domain_hmac(lead.address.domain, self.tenant_key)
        return (
            *(lead.line, None, None, None, lead.address.deliver_to),
            *(bytes.fromhex(own), bytes.fromhex(company), bytes.fromhex(shared)),
            *(lead.first_name or None, lead.last_name or None, lead.company or None, lead.country, lead.zone),
            *(lead.basis.value, lead.evidence, lead.source, json.dumps(dict(lead.extra), ensure_ascii=False)),
        )


def _refusal_row(refused: RejectedRow) -> tuple[object, ...]:
    raw = json.dumps(refused.raw, ensure_ascii=False)
    return (refused.line, refused.reason.value, refused.sentence, raw, *(None for _ in _PERSON))
