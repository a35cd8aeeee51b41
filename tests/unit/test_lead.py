"""One row becomes one lead or one refusal."""

import pytest

from outreach_pipelines.domain.delimited import RowFault, UnreadableRow
from outreach_pipelines.domain.lead import (
    FieldName,
    LawfulBasis,
    Lead,
    LeadColumn,
    LeadDefaults,
    LeadRow,
    RejectedRow,
    Rejection,
    duplicate_of,
    parse_lead,
    rejected_unread,
)
from outreach_pipelines.domain.place import CountryCode, ZoneName

GOOD = {
    LeadColumn.EMAIL: "Anna.Adler@firma.example",
    LeadColumn.FIRST_NAME: " Anna ",
    LeadColumn.LAST_NAME: "Adler",
    LeadColumn.COMPANY: "Firma & Söhne",
    LeadColumn.COUNTRY: "de",
    LeadColumn.TIME_ZONE: "Europe/Berlin",
    LeadColumn.LAWFUL_BASIS: "Consent",
    LeadColumn.EVIDENCE: "form of 2026-10-01",
    LeadColumn.SOURCE: "our web site",
}
NOTHING_STATED = LeadDefaults()


def row(extra: dict[str, str] | None = None, **changed: str) -> LeadRow:
    cells = GOOD | {LeadColumn(name): text for name, text in changed.items()}
    return LeadRow(cells, tuple((FieldName(name), text) for name, text in (extra or {}).items()))


def lead_of(cells: LeadRow, defaults: LeadDefaults = NOTHING_STATED) -> Lead:
    lead = parse_lead(17, cells, defaults)
    assert isinstance(lead, Lead), lead
    return lead


def refusal_of(cells: LeadRow, defaults: LeadDefaults = NOTHING_STATED) -> RejectedRow:
    refused = parse_lead(17, cells, defaults)
    assert isinstance(refused, RejectedRow), refused
    return refused


def test_a_good_row_is_a_lead_with_its_line() -> None:
    lead = lead_of(row({"phone": "+49 30 555"}))

    assert (lead.line, lead.address.canonical, lead.first_name) == (17, "anna.adler@firma.example", "Anna")
    assert (lead.country, lead.zone, lead.basis) == ("DE", "Europe/Berlin", LawfulBasis.CONSENT)
    assert lead.extra == (("phone", "+49 30 555"),)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"email": ""}, Rejection.NO_ADDRESS),
        ({"email": "anna"}, Rejection.BAD_ADDRESS),
        ({"lawful_basis": ""}, Rejection.NO_LAWFUL_BASIS),
        ({"lawful_basis": "bought"}, Rejection.UNKNOWN_LAWFUL_BASIS),
        ({"evidence": " "}, Rejection.NO_EVIDENCE),
        ({"source": ""}, Rejection.NO_SOURCE),
        ({"country": "Germany"}, Rejection.UNKNOWN_COUNTRY),
        ({"time_zone": "Berlin"}, Rejection.UNKNOWN_ZONE),
        ({"time_zone": "localtime"}, Rejection.UNKNOWN_ZONE),
        ({"time_zone": "../../etc/passwd"}, Rejection.UNKNOWN_ZONE),
        ({"first_name": "Anna\nBcc: eve@evil.example"}, Rejection.CONTROL_CHARACTER),
        ({"company": "Firma\u2028"}, Rejection.CONTROL_CHARACTER),
        ({"company": "\u202eamriF"}, Rejection.CONTROL_CHARACTER),
        ({"company": "x" * 201}, Rejection.CELL_TOO_LONG),
    ],
)
def test_a_row_that_cannot_be_a_lead_names_its_reason(changed: dict[str, str], reason: Rejection) -> None:
    refused = refusal_of(row(None, **changed))

    assert (refused.line, refused.reason) == (17, reason)
    assert refused.sentence


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(A1)", "\t=1", "\rx", "＝1+1", " =1", "\n=1"]
)
@pytest.mark.parametrize("place", ["known", "extra"])
def test_a_cell_that_begins_like_a_formula_is_refused(cell: str, place: str) -> None:
    cells = row(company=cell) if place == "known" else row({"note": cell})

    refused = refusal_of(cells)

    assert refused.reason in {Rejection.FORMULA, Rejection.CONTROL_CHARACTER}


@pytest.mark.parametrize("cell", ["+49 (30) 555-01", "-5", "+3.5", "a=b", "Anna-Lena", "a@b"])
def test_a_signed_number_or_a_sign_further_in_is_no_formula(cell: str) -> None:
    assert lead_of(row({"note": cell})).extra == (("note", cell),)


def test_a_paragraph_may_stand_in_an_extra_cell() -> None:
    assert lead_of(row({"note": "first\r\n\r\nsecond"})).extra == (("note", "first\n\nsecond"),)


def test_what_the_file_states_for_all_fills_empty_cells_only() -> None:
    defaults = LeadDefaults(LawfulBasis.CONTRACT, "framework contract", "customers", CountryCode("AT"), ZoneName("UTC"))
    empty = row(lawful_basis="", evidence="", source="", country="", time_zone="")

    filled, stated = lead_of(empty, defaults), lead_of(row(), defaults)

    assert (filled.basis, filled.evidence, filled.source) == (LawfulBasis.CONTRACT, "framework contract", "customers")
    assert (filled.country, filled.zone) == ("AT", "UTC")
    assert (stated.basis, stated.country) == (LawfulBasis.CONSENT, "DE")


def test_a_row_of_empty_cells_is_refused_and_not_skipped() -> None:
    assert refusal_of(LeadRow(dict.fromkeys(GOOD, " "))).reason is Rejection.EMPTY_ROW


def test_the_raw_row_is_kept_limited_and_storable() -> None:
    cells = tuple(["nul\0 and \udcff", "x" * 1_000] + ["more"] * 50)

    refused = rejected_unread(UnreadableRow(3, RowFault.NUL, "The row holds a NUL character.", cells))

    assert refused.raw[0] == "nul␀ and ?"
    assert (len(refused.raw), len(refused.raw[1])) == (20, 200)


@pytest.mark.parametrize("fault", RowFault)
def test_every_unreadable_row_has_a_reason_of_the_same_name(fault: RowFault) -> None:
    assert rejected_unread(UnreadableRow(3, fault, "why", ())).reason.value == fault.value


def test_a_second_row_for_the_same_person_names_the_first() -> None:
    refused = duplicate_of(lead_of(row()), 4)

    assert (refused.line, refused.reason) == (17, Rejection.DUPLICATE)
    assert "line 4" in refused.sentence
