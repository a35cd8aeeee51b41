"""Bring a tenant's uploaded lead files into the store: each file whole or not at all, each row as a lead or a refusal.

What a row means is `domain.lead`'s; how octets become rows and how rows are written are adapters'.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from outreach_pipelines.domain.delimited import Table, TableRow, UnreadableFile, UnreadableRow
from outreach_pipelines.domain.lead import (
    Lead,
    LeadDefaults,
    RejectedRow,
    Rejection,
    duplicate_of,
    parse_lead,
    rejected_unread,
)
from outreach_pipelines.domain.lead_file import (
    FileApplied,
    FileDigest,
    FileKnown,
    FileOutcome,
    FileRefused,
    ImportSummary,
    LeadFile,
    LeadFileName,
)
from outreach_pipelines.domain.lead_header import LeadColumns, columns_of
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug

# The addresses of one file are kept in memory to find doubles: about 200 octets each.
MOST_ROWS: Final = 1_000_000

LeadRecord = Lead | RejectedRow


@dataclass(frozen=True, slots=True)
class LeadsWritten:
    """Of the leads handed over: new persons, and persons known before, who gained this file as a source."""

    new: int
    known: int


class LeadFileSource(Protocol):
    """Where uploaded files lie."""

    def files(self, tenant: TenantSlug) -> Sequence[LeadFileName]:
        """The names of the tenant's files, sorted."""
        ...

    def ignored(self, tenant: TenantSlug) -> Sequence[str]:
        """The names of what lies there and is no lead file, sorted."""
        ...

    def digest(self, tenant: TenantSlug, name: LeadFileName) -> FileDigest:
        """Read the file once, in bounded memory."""
        ...

    def rows(self, tenant: TenantSlug, file: LeadFile) -> AbstractContextManager[Table]:
        """Read it once more, row by row. Raises `UnreadableFile`, also when its digest is another by now."""
        ...


class LeadStore(Protocol):
    """Where leads are kept. Each method is one transaction."""

    def knows_file(self, tenant: TenantId, digest: FileDigest) -> bool:
        """Whether a file of these octets was applied, under any name."""
        ...

    def apply_file(self, tenant: TenantId, file: LeadFile, records: Iterable[LeadRecord]) -> LeadsWritten | None:
        """Write the file, its leads with file and line as their source, and its refusals.

        `records` is drained once, as it comes (COPY); what it raises rolls everything back and passes on. An address
        the tenant has keeps what its lead says, gains what that left empty, and this file as one more source. `None`
        when another import applied these octets first.
        """
        ...

    def refuse_file(self, tenant: TenantId, refusal: FileRefused) -> None:
        """Remember why nothing of the file was applied; the same refusal twice is one."""
        ...


def import_leads(
    files: LeadFileSource,
    store: LeadStore,
    tenant: TenantRef,
    *,
    defaults: LeadDefaults | None = None,
    only: Sequence[LeadFileName] | None = None,
    most_rows: int = MOST_ROWS,
) -> ImportSummary:
    """Import `only` these files, or all of the tenant's. A second import of the same octets changes nothing.

    A file that cannot be read is refused with its line, and the other files are imported all the same.
    """
    names = files.files(tenant.slug) if only is None else only
    reading = _Reading(files, store, tenant, defaults or LeadDefaults(), most_rows)
    return ImportSummary(tuple(reading.import_file(name) for name in names))


@dataclass(frozen=True, slots=True)
class _Reading:
    files: LeadFileSource
    store: LeadStore
    tenant: TenantRef
    defaults: LeadDefaults
    most_rows: int

    def import_file(self, name: LeadFileName) -> FileOutcome:
        file = LeadFile(name, self.files.digest(self.tenant.slug, name))
        if self.store.knows_file(self.tenant.id, file.digest):
            return FileKnown(file)
        try:
            return self._apply(file)
        except UnreadableFile as fault:
            refusal = FileRefused(file, fault.line, fault.sentence)
            self.store.refuse_file(self.tenant.id, refusal)
            return refusal

    def _apply(self, file: LeadFile) -> FileApplied | FileKnown:
        with self.files.rows(self.tenant.slug, file) as table:
            tally = _Tally(columns_of(table.header), self.defaults, self.most_rows)
            written = self.store.apply_file(self.tenant.id, file, tally.records(table.rows))
        if written is None:
            return FileKnown(file)
        return FileApplied(file, tally.read, written.new, written.known, dict(tally.rejected))


@dataclass(slots=True)
class _Tally:
    """Rows as records, counted while the store drains them."""

    columns: LeadColumns
    defaults: LeadDefaults
    most_rows: int
    read: int = 0
    rejected: Counter[Rejection] = field(default_factory=Counter)
    first_lines: dict[str, int] = field(default_factory=dict)

    def records(self, rows: Iterable[TableRow]) -> Iterator[LeadRecord]:
        for row in rows:
            self.read += 1
            if self.read > self.most_rows:
                raise UnreadableFile(row.line, f"The file has more than {self.most_rows} rows; split it.")
            record = self._record(row)
            if isinstance(record, RejectedRow):
                self.rejected[record.reason] += 1
            yield record

    def _record(self, row: TableRow) -> LeadRecord:
        if isinstance(row, UnreadableRow):
            return rejected_unread(row)
        record = parse_lead(row.line, self.columns.named(row.cells), self.defaults)
        if isinstance(record, RejectedRow):
            return record
        first_line = self.first_lines.setdefault(record.address.canonical, record.line)
        return record if first_line == record.line else duplicate_of(record, first_line)
