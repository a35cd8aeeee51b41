"""What the columns of a lead file mean."""

import pytest

from outreach_pipelines.domain.delimited import Header, UnreadableFile
from outreach_pipelines.domain.lead import LeadColumn
from outreach_pipelines.domain.lead_header import SYNONYMS, SYSTEM_FIELDS, columns_of


def meanings(*names: str) -> tuple[str, ...]:
    return columns_of(Header(1, names)).meanings


@pytest.mark.parametrize(
    "name", ["email", "E-Mail", "E-MAIL ADDRESS", " Email_Address ", "e-Mail-Adresse", "Correo electrónico"]
)
def test_the_address_is_found_under_the_names_people_give_it(name: str) -> None:
    assert meanings("phone", name) == ("phone", LeadColumn.EMAIL)


@pytest.mark.parametrize(
    ("synonym", "column"), [(synonym, column) for column, names in SYNONYMS.items() for synonym in sorted(names)]
)
def test_every_synonym_is_found(synonym: str, column: LeadColumn) -> None:
    names = (synonym,) if column is LeadColumn.EMAIL else ("email", synonym)

    assert meanings(*names)[-1] is column


def test_other_columns_are_fields_of_templates() -> None:
    assert meanings("email", "Straße", "Trial ends")[1:] == ("strasse", "trial_ends")


def test_cells_missing_at_the_end_are_empty() -> None:
    row = columns_of(Header(1, ("email", "company", "note"))).named(("anna@firma.example",))

    assert row.cell(LeadColumn.COMPANY) == ""
    assert row.extra == (("note", ""),)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("company",), "No column holds the address"),
        (("email", "E-Mail"), "2 columns mean email"),
        (("email", "note", "Note"), "2 columns mean note"),
        (("email", ""), "Column 2 has no name"),
        (("email", "1st visit"), "'1st visit' cannot be a field"),
        (("email", "x" * 65), "cannot be a field"),
        *((("email", name), "the system fills in itself") for name in sorted(SYSTEM_FIELDS)),
    ],
)
def test_a_header_that_cannot_be_understood_refuses_the_file(names: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        columns_of(Header(1, names))

    assert refused.value.line == 1
    assert sentence in refused.value.sentence


def test_all_faults_of_a_header_are_told_at_once() -> None:
    with pytest.raises(UnreadableFile) as refused:
        columns_of(Header(1, ("", "note", "Note", "unsubscribe_url")))

    for part in ("Column 1", "2 columns mean note", "unsubscribe_url", "No column holds the address"):
        assert part in refused.value.sentence
