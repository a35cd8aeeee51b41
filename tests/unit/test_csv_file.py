"""Octets of a delimited file as numbered rows."""

import hashlib
import tracemalloc
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path

import pytest

from outreach_pipelines.adapters.csv_file import LONGEST_LINE, CsvLeadFiles, read_table
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.domain.delimited import Row, RowFault, UnreadableFile, UnreadableRow
from outreach_pipelines.domain.lead_file import FileDigest, LeadFile, LeadFileName
from outreach_pipelines.domain.tenant import TenantSlug


def rows_of(octets: bytes) -> list[Row | UnreadableRow]:
    return list(read_table(BytesIO(octets)).rows)


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_delimiter_mark_and_line_end_are_found_out(delimiter: bytes, mark: bytes, end: bytes) -> None:
    octets = mark + end.join(
        [delimiter.join([b"email", b"name"]), delimiter.join([b"a@b.example", "Zoë".encode()]), b""]
    )

    table = read_table(BytesIO(octets))

    assert table.header.names == ("email", "name")
    assert list(table.rows) == [Row(2, ("a@b.example", "Zoë"))]


def test_a_delimiter_inside_quotation_marks_does_not_count() -> None:
    assert read_table(BytesIO(b'"a,b,c";d\n')).header.names == ("a,b,c", "d")


def test_a_row_is_numbered_by_the_line_on_which_it_begins() -> None:
    octets = b'"two\nlines",b\n"one\n\ntwo\n",x\nlast,y\n'

    lines = [row.line for row in rows_of(octets)]

    assert lines == [3, 7]


def test_a_last_line_without_its_end_is_read() -> None:
    assert rows_of(b"a,b\n1,2") == [Row(2, ("1", "2"))]


def test_blank_lines_are_rows_without_cells() -> None:
    assert rows_of(b"a,b\n\n1,2\n") == [Row(2, ()), Row(3, ("1", "2"))]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (b"1,2,3", RowFault.TOO_MANY_CELLS),
        (b",".join([b"x"] * 500), RowFault.TOO_MANY_CELLS),
        (b"1,\0", RowFault.NUL),
        (b"1,caf\xe9", RowFault.NOT_UTF8),
        (b'1,"two" three', RowFault.MALFORMED),
        (b"1,two\rthree", RowFault.MALFORMED),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_the_next_one_is_read(row: bytes, fault: RowFault) -> None:
    broken, good = rows_of(b"a,b\n" + row + b"\n3,4\n")

    assert isinstance(broken, UnreadableRow)
    assert (broken.line, broken.fault) == (2, fault)
    assert good == Row(3, ("3", "4"))


@pytest.mark.parametrize(
    ("octets", "line", "sentence"),
    [
        (b"", 1, "empty"),
        (b"\xef\xbb\xbf", 1, "empty"),
        (b"\n\na,b\n", 1, "first line is empty"),
        ("a,b\n1,2\n".encode("utf-16"), 1, "UTF-16"),
        (b"caf\xe9,b\n1,2\n", 1, "not UTF-8"),
        (b"a\0,b\n", 1, "NUL"),
        (b",".join([b"x"] * 500) + b"\n", 1, "500 columns"),
        (b'"a,b\n1,2\n', 1, "header cannot be read"),
        (b'a,b\n1,2\n3,"open\n5,6\n7,8\n', 3, "not closed"),
        (b'a,b\n1,"open\n' + b"x,y\n" * 500, 2, "not closed"),
        (b"a,b\n" + b"x" * (LONGEST_LINE + 1) + b"\n", 2, "octets"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(octets: bytes, line: int, sentence: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        rows_of(octets)

    assert refused.value.line == line
    assert sentence in refused.value.sentence


@pytest.mark.parametrize("octets", [b"PK\x03\x04\r\x14\0\x08\r\0", b"\x89PNG\rx\n", b"a,b\n1,two\rthree\n"])
def test_a_binary_file_is_refused_in_our_words(octets: bytes) -> None:
    try:
        (broken,) = rows_of(octets)
        assert isinstance(broken, UnreadableRow)
        sentence = broken.sentence
    except UnreadableFile as refused:
        sentence = refused.sentence

    assert "new-line character" not in sentence
    assert "no delimited text" in sentence


def test_a_file_with_only_a_header_has_no_rows() -> None:
    assert rows_of(b"email,name\n") == []


class EndlessRows(RawIOBase):
    """A file of so many octets that never lies in memory."""

    def __init__(self, octets: int) -> None:
        self._left = octets
        self._block = b"anna@firma.example,Anna,some more text to make the row as long as rows are\n" * 800

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the buffer BufferedReader hands over
        count = min(len(buffer), len(self._block), self._left)
        buffer[:count] = self._block[:count]
        self._block = self._block[count:] + self._block[:count]
        self._left -= count
        return count


def test_memory_does_not_grow_with_the_file() -> None:
    table = read_table(BufferedReader(EndlessRows(6 << 20)))
    tracemalloc.start()

    count = sum(1 for _ in table.rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count > 75_000
    assert peak < 1 << 20


@pytest.fixture
def uploads(tmp_path: Path) -> CsvLeadFiles:
    return CsvLeadFiles(LocalObjectStore(tmp_path))


def put(uploads: CsvLeadFiles, name: str, octets: bytes) -> LeadFile:
    folder = uploads.store.root / "uploads" / "acme"  # type: ignore[attr-defined]  # the fixture's is a local one
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(octets)
    return LeadFile(LeadFileName(name), FileDigest(hashlib.sha256(octets).hexdigest()))


def test_a_tenants_files_are_those_in_its_own_folder(uploads: CsvLeadFiles) -> None:
    file = put(uploads, "b.csv", b"email\n")
    put(uploads, "a.CSV", b"email\n")
    put(uploads, "notes.txt", b"")

    assert uploads.files(TenantSlug("acme")) == ["a.CSV", "b.csv"]
    assert uploads.files(TenantSlug("acm")) == []
    assert uploads.digest(TenantSlug("acme"), file.name) == file.digest


def test_a_file_that_changes_while_it_is_imported_is_refused(uploads: CsvLeadFiles) -> None:
    file = put(uploads, "a.csv", b"email\nanna@firma.example\n")
    put(uploads, "a.csv", b"email\nben@firma.example\n")

    with uploads.rows(TenantSlug("acme"), file) as table, pytest.raises(UnreadableFile, match="changed"):
        list(table.rows)
