"""Octets of a delimited file as a header and numbered rows, in memory that does not grow with the file (RFC 4180).

What the cells mean is the domain's. Nothing is guessed: what cannot be read is a refusal with its line.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from outreach_pipelines.application.stored_objects import ObjectKey, ObjectStore, object_key
from outreach_pipelines.domain.delimited import Header, Row, RowFault, Table, TableRow, UnreadableFile, UnreadableRow
from outreach_pipelines.domain.lead_file import FileDigest, LeadFile, LeadFileName, is_lead_file
from outreach_pipelines.domain.tenant import TenantSlug

DELIMITERS: Final = (",", ";", "\t")
MOST_COLUMNS: Final = 100
LONGEST_LINE: Final = 1 << 20
MOST_LINES_OF_A_ROW: Final = 200
_BOM: Final = b"\xef\xbb\xbf"
_UTF_16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class CsvLeadFiles:
    """The lead files of a tenant, under `uploads/TENANT/` of an object store."""

    store: ObjectStore

    def files(self, tenant: TenantSlug) -> Sequence[LeadFileName]:
        return [LeadFileName(name) for name in self._names(tenant) if is_lead_file(name)]

    def ignored(self, tenant: TenantSlug) -> Sequence[str]:
        return [name for name in self._names(tenant) if not is_lead_file(name)]

    def _names(self, tenant: TenantSlug) -> Iterator[str]:
        prefix = f"uploads/{tenant}/"
        return (info.key.removeprefix(prefix) for info in self.store.list(prefix))

    def digest(self, tenant: TenantSlug, name: LeadFileName) -> FileDigest:
        with self.store.open(_upload(tenant, name)) as stream:
            return _digest(stream)

    @contextmanager
    def rows(self, tenant: TenantSlug, file: LeadFile) -> Iterator[Table]:
        with self.store.open(_upload(tenant, file.name)) as stream:
            hashing = _HashedLines(stream)
            table = _table(hashing)
            yield Table(table.header, _checked(table.rows, hashing, file.digest))


def read_table(stream: BinaryIO) -> Table:
    """Header and rows of a file in UTF-8, with or without a byte order mark, delimited by comma, semicolon or tab.

    Raises `UnreadableFile` here for the header, and from `rows` for what makes all that follows doubtful: a quotation
    mark that is never closed, a line beyond 1 MiB.
    """
    return _table(_HashedLines(stream))


def _upload(tenant: TenantSlug, name: LeadFileName) -> ObjectKey:
    return object_key(f"uploads/{tenant}/{name}")


def _digest(stream: BinaryIO) -> FileDigest:
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return FileDigest(digest.hexdigest())


class _HashedLines:
    """Physical lines as text, counted and hashed as they are read. Octets that are no UTF-8 become lone surrogates."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._lines_of_row = 0
        self.line = 0
        self.at_end = False

    def __iter__(self) -> Iterator[str]:
        while octets := self._stream.readline(LONGEST_LINE + 1):
            self._digest.update(octets)
            self.line += 1
            self._lines_of_row += 1
            yield self._text(octets)
        self.at_end = True

    def begin_row(self) -> None:
        self._lines_of_row = 0

    def digest(self) -> FileDigest:
        return FileDigest(self._digest.hexdigest())

    def _text(self, octets: bytes) -> str:
        if len(octets) > LONGEST_LINE:
            raise UnreadableFile(self.line, f"The line has more than {LONGEST_LINE} octets.")
        if self._lines_of_row > MOST_LINES_OF_A_ROW:
            first = self.line - MOST_LINES_OF_A_ROW
            raise UnreadableFile(first, "A quotation mark is opened here and not closed within 200 lines.")
        if self.line == 1:
            octets = _without_mark(octets)
        return octets.decode("utf-8", "surrogateescape")


def _without_mark(octets: bytes) -> bytes:
    if octets.startswith(_UTF_16_BOMS):
        raise UnreadableFile(1, "The file is in UTF-16; save it as CSV UTF-8.")
    return octets.removeprefix(_BOM)


def _table(lines: _HashedLines) -> Table:
    text = iter(lines)
    first = next(text, "")
    if not first.strip():
        raise UnreadableFile(1, "The file is empty." if lines.at_end or not first else "The first line is empty.")
    reader = csv.reader(_chain(first, text), delimiter=_delimiter(first), strict=True)
    header = Header(1, _header(reader))
    return Table(header, _rows(reader, lines, len(header.names)))


def _chain(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter(first_line: str) -> str:
    """The one that stands most often in the header outside of quotation marks; a comma when none does."""
    unquoted = "".join(first_line.split('"')[::2])
    return max(DELIMITERS, key=unquoted.count)


def _header(reader: Iterator[list[str]]) -> tuple[str, ...]:
    try:
        names = tuple(name.strip() for name in next(reader))
    except csv.Error:
        raise UnreadableFile(
            1, "The header cannot be read: this is no delimited text, or a quotation mark is not closed."
        ) from None
    if len(names) > MOST_COLUMNS:
        raise UnreadableFile(1, f"The header has {len(names)} columns, at most {MOST_COLUMNS} are read.")
    if any(_cell_fault(name) for name in names):
        raise UnreadableFile(1, "The header is not UTF-8, or holds NUL; save the file as CSV UTF-8.")
    return names


def _rows(reader: Iterator[list[str]], lines: _HashedLines, columns: int) -> Iterator[TableRow]:
    while True:
        first_line = lines.line + 1
        lines.begin_row()
        try:
            cells = tuple(next(reader))
        except StopIteration:
            return
        except csv.Error:
            yield _broken_row(first_line, lines)
        else:
            yield _row(first_line, cells, columns)


def _broken_row(first_line: int, lines: _HashedLines) -> UnreadableRow:
    # csv says only in its message, in words of its own, which of its errors it met; what counts is whether lines were swallowed.
    if lines.at_end or lines.line > first_line:
        raise UnreadableFile(first_line, "A quotation mark is opened here and not closed properly.") from None
    return UnreadableRow(
        first_line, RowFault.MALFORMED, "A quotation mark stands where none may, or the row is no delimited text.", ()
    )


def _row(line: int, cells: tuple[str, ...], columns: int) -> TableRow:
    if len(cells) > columns:
        sentence = f"The row has {len(cells)} cells, the header {columns}."
        return UnreadableRow(line, RowFault.TOO_MANY_CELLS, sentence, cells)
    fault = next(filter(None, map(_cell_fault, cells)), None)
    if fault is RowFault.NUL:
        return UnreadableRow(line, fault, "The row holds a NUL character.", cells)
    if fault is not None:
        return UnreadableRow(line, fault, "The row is not UTF-8; save the file as CSV UTF-8.", cells)
    return Row(line, cells)


def _cell_fault(cell: str) -> RowFault | None:
    if "\0" in cell:
        return RowFault.NUL
    if cell.isascii():
        return None
    return RowFault.NOT_UTF8 if any("\ud800" <= c <= "\udfff" for c in cell) else None


def _checked(rows: Iterator[TableRow], lines: _HashedLines, digest: FileDigest) -> Iterator[TableRow]:
    yield from rows
    if lines.digest() != digest:
        raise UnreadableFile(lines.line, "The file changed while it was read; import it again.")
