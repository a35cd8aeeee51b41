"""Lead files of which nothing was imported, and that still lie there as they were.

Belongs here: which refusals still stand. Does not: refusing (`import_leads`).
"""

from collections.abc import Sequence
from typing import Protocol

from outreach_pipelines.domain.lead_file import FileDigest, FileRefused, LeadFileName
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug


class RefusalStore(Protocol):
    """Where refusals are remembered."""

    def refusals(self, tenant: TenantId) -> Sequence[FileRefused]:
        """All of the tenant, by file name; a file that was mended under the same name has another digest."""
        ...


class LeadFileDigests(Protocol):
    """What lies there now: a part of `import_leads.LeadFileSource`."""

    def files(self, tenant: TenantSlug) -> Sequence[LeadFileName]:
        """The names of the tenant's files, sorted."""
        ...

    def digest(self, tenant: TenantSlug, name: LeadFileName) -> FileDigest:
        """Read the file once, in bounded memory."""
        ...


def standing_refusals(files: LeadFileDigests, store: RefusalStore, tenant: TenantRef) -> tuple[FileRefused, ...]:
    """Refused files that were neither mended nor taken away. Only files of names once refused are read."""
    known = store.refusals(tenant.id)
    there = set(files.files(tenant.slug)) if known else set()
    return tuple(
        each
        for each in known
        if each.file.name in there and files.digest(tenant.slug, each.file.name) == each.file.digest
    )
