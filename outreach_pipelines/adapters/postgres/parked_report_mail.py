"""Parked mail of a tenant's inboxes, in which reports of receivers may lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.ingest_mail_reports import INBOX_MAIL, ReportFile
from outreach_pipelines.application.stored_objects import ObjectStore, object_key
from outreach_pipelines.domain.tenant import TenantRef

MOST_MAILS: Final = 5_000
_SQL = statements("mail_reports")


@dataclass(frozen=True, slots=True)
class PostgresParkedMail:
    """`ReportFiles` of mail that no send was found for. `objects` holds it raw, under its hash."""

    engine: Engine
    objects: ObjectStore

    def files(self, tenant: TenantRef) -> Sequence[ReportFile]:
        """See `ReportFiles.files`. A mail never changes: its key tells it from every other one, and one that was read is left out."""
        with tenant_session(self.engine, tenant.id) as connection:
            keys = connection.execute(_SQL["parked_mail"], {"most": MOST_MAILS, "prefix": INBOX_MAIL}).scalars().all()
        return [ReportFile(f"{INBOX_MAIL}{key}", "") for key in keys]

    def content(self, tenant: TenantRef, file: ReportFile) -> bytes:  # noqa: ARG002 - the port's signature
        """See `ReportFiles.content`."""
        return self.objects.get(object_key(file.name.removeprefix(INBOX_MAIL)))
