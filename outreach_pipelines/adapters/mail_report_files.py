"""Where reports of receivers lie: under `mail-reports/TENANT/` of an object store, and in mail that inboxes gave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from outreach_pipelines.application.ingest_mail_reports import INBOX_MAIL, ReportFile, ReportFiles
from outreach_pipelines.application.stored_objects import ObjectStore, object_key
from outreach_pipelines.domain.tenant import TenantRef
from outreach_pipelines.errors import Unreadable

FOLDER: Final = "mail-reports"
MOST_BYTES: Final = 256 << 20
"""Of one file as it lies there, packed."""


@dataclass(frozen=True, slots=True)
class StoredReportFiles:
    """`ReportFiles` of an object store."""

    store: ObjectStore

    def files(self, tenant: TenantRef) -> Sequence[ReportFile]:
        """See `ReportFiles.files`."""
        prefix = f"{FOLDER}/{tenant.slug}/"
        return [ReportFile(info.key.removeprefix(prefix), info.etag) for info in self.store.list(prefix)]

    def content(self, tenant: TenantRef, file: ReportFile) -> bytes:
        """See `ReportFiles.content`."""
        with self.store.open(object_key(f"{FOLDER}/{tenant.slug}/{file.name}")) as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            message = f"{file.name} is larger than {MOST_BYTES >> 20} MiB"
            raise Unreadable(message)
        return content


@dataclass(frozen=True, slots=True)
class ReportFilesAndMail:
    """`ReportFiles` of two places: files, and parked mail of inboxes."""

    laid_down: ReportFiles
    parked: ReportFiles

    def files(self, tenant: TenantRef) -> Sequence[ReportFile]:
        """See `ReportFiles.files`."""
        return [*self.laid_down.files(tenant), *self.parked.files(tenant)]

    def content(self, tenant: TenantRef, file: ReportFile) -> bytes:
        """See `ReportFiles.content`."""
        place = self.parked if file.name.startswith(INBOX_MAIL) else self.laid_down
        return place.content(tenant, file)
