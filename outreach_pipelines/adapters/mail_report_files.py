"""Where reports of receivers lie: under `mail-reports/TENANT/` of an object store, and in mail that inboxes gave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from outreach_pipelines.application.ingest_mail_reports import INBOX_MAIL, MOST_BYTES, ReportFile, ReportFiles
from outreach_pipelines.application.stored_objects import ObjectStore, object_key
from outreach_pipelines.domain.mail_reports.report import NotReadable, ReportFault
from outreach_pipelines.domain.tenant import TenantRef

FOLDER: Final = "mail-reports"


@dataclass(frozen=True, slots=True)
class StoredReportFiles:
    """`ReportFiles` of an object store. `most` bounds a file as it lies there, packed."""

    store: ObjectStore
    most: int = MOST_BYTES

    def files(self, tenant: TenantRef) -> Sequence[ReportFile]:
        """See `ReportFiles.files`."""
        prefix = f"{FOLDER}/{tenant.slug}/"
        return [ReportFile(info.key.removeprefix(prefix), info.etag) for info in self.store.list(prefix)]

    def content(self, tenant: TenantRef, file: ReportFile) -> bytes:
        """See `ReportFiles.content`."""
        with self.store.open(object_key(f"{FOLDER}/{tenant.slug}/{file.name}")) as stream:
            content = stream.read(self.most + 1)
        if len(content) > self.most:
            raise NotReadable(ReportFault.TOO_LARGE, f"a file of more than {self.most} bytes")
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
