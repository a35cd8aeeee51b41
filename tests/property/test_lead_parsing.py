"""Whatever stands in a row, it becomes exactly one lead or one refusal."""

import unicodedata
from io import BytesIO

from hypothesis import example, given
from hypothesis import strategies as st

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.domain.address import Address, parse_address
from outreach_pipelines.domain.delimited import Row, TableRow, UnreadableFile, UnreadableRow
from outreach_pipelines.domain.lead import FieldName, Lead, LeadColumn, LeadDefaults, LeadRow, RejectedRow, parse_lead

CELLS = st.text(alphabet=st.characters(), max_size=40)  # lone surrogates included: files hold octets that are no UTF-8
ADDRESSES = st.builds("{}@{}".format, CELLS, st.sampled_from(["firma.example", "Bäckerei.test", "", "x"]))
ROWS = st.builds(
    LeadRow,
    st.dictionaries(
        st.sampled_from(LeadColumn), CELLS | ADDRESSES | st.sampled_from(["consent", "DE", "Asia/Kolkata"])
    ),
    st.lists(st.tuples(st.sampled_from([FieldName("note"), FieldName("phone")]), CELLS), max_size=2).map(tuple),
)
WRITTEN = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=8)


@given(ROWS, st.integers(min_value=1))
def test_every_row_is_a_lead_or_a_refusal_with_its_line(row: LeadRow, line: int) -> None:
    outcome = parse_lead(line, row, LeadDefaults())

    assert isinstance(outcome, Lead | RejectedRow)
    assert outcome.line == line


@given(ROWS)
def test_what_is_kept_can_be_stored(row: LeadRow) -> None:
    outcome = parse_lead(1, row, LeadDefaults())

    kept = outcome.raw if isinstance(outcome, RejectedRow) else (outcome.first_name, outcome.address.deliver_to)
    for text in kept:
        assert "\0" not in text
        text.encode()


@given(CELLS, CELLS)
def test_no_name_of_a_lead_can_begin_a_header_or_a_formula(first: str, company: str) -> None:
    known = {
        LeadColumn.EMAIL: "anna@firma.example",
        LeadColumn.LAWFUL_BASIS: "consent",
        LeadColumn.EVIDENCE: "form",
        LeadColumn.SOURCE: "web site",
        LeadColumn.FIRST_NAME: first,
        LeadColumn.COMPANY: company,
    }

    outcome = parse_lead(1, LeadRow(known), LeadDefaults())

    for text in (outcome.first_name, outcome.company) if isinstance(outcome, Lead) else ():
        assert len(text.splitlines()) <= 1
        assert not text.startswith(("=", "@", "\t"))


@given(ADDRESSES)
@example("İ@firma.example")
@example("ΑΣ@firma.example")
@example("e\u0301@firma.example")
def test_the_canonical_address_is_its_own_canonical_address(text: str) -> None:
    address = parse_address(text)

    if isinstance(address, Address):
        assert parse_address(address.canonical) == address
        assert unicodedata.is_normalized("NFC", address.canonical)


@given(st.emails(), st.booleans())
def test_case_and_spaces_around_do_not_make_another_person(text: str, upper: bool) -> None:
    plain = parse_address(text)

    if isinstance(plain, Address) and text.isascii():
        assert parse_address(f" {text.upper() if upper else text.lower()} ") == plain


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b'"', b"\n", b"\r", b",", b";", b"a", b"\0", b"\xff"])).map(b"".join)
)
def test_any_octets_are_rows_or_a_refusal_with_a_line_of_the_file(octets: bytes) -> None:
    outcome = outcome_of(octets)

    lines = [outcome.line] if isinstance(outcome, UnreadableFile) else [1, *(row.line for row in outcome)]
    assert lines == sorted(set(lines))
    assert all(1 <= line <= octets.count(b"\n") + 1 for line in lines)


def outcome_of(octets: bytes) -> list[TableRow] | UnreadableFile:
    try:
        return list(read_table(BytesIO(octets)).rows)
    except UnreadableFile as refused:
        return refused


@given(WRITTEN)
def test_every_quoted_row_is_read_back_on_its_line(written: list[list[str]]) -> None:
    octets, lines = b"a,b,c,d\n", []
    for cells in written:
        lines.append(octets.count(b"\n") + 1)
        octets += (
            ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in cells).encode("utf-8", "replace") + b"\n"
        )

    rows = list(read_table(BytesIO(octets)).rows)

    assert [row.line for row in rows] == lines
    for row, cells in zip(rows, written, strict=True):
        nul = any("\0" in cell for cell in cells)
        assert isinstance(row, UnreadableRow if nul else Row)
        assert row.cells == tuple(cell.encode("utf-8", "replace").decode() for cell in cells)
