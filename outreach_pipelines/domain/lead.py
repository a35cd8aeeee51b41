"""A person to write to, read from one row of a file, and why a row was refused.

A row becomes a lead or a refusal, never nothing. Whole files are `lead_file`'s.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NewType, assert_never

from outreach_pipelines.domain.address import Address, BadAddress, parse_address
from outreach_pipelines.domain.delimited import RowFault, UnreadableRow
from outreach_pipelines.domain.place import CountryCode, ZoneName, parse_country, parse_zone

FieldName = NewType("FieldName", str)
"""A name templates may use: a lower-case identifier."""

LONGEST_NAME: Final = 200
LONGEST_EVIDENCE: Final = 1_000
LONGEST_EXTRA: Final = 4_000
LONGEST_RAW_CELL: Final = 200
MOST_RAW_CELLS: Final = 20

# The signs with which a spreadsheet begins a formula, full-width forms included (OWASP, "CSV Injection"). A number or a
# telephone number that begins with a sign is not one: it can only evaluate to a number.
_FORMULA: Final = re.compile(r"[=@\t\r＝＠＋－]|[+-](?![\d\s().\-/]*$)")


class LawfulBasis(StrEnum):
    """Regulation (EU) 2016/679 (GDPR), article 6 (1) a to f."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTEREST = "legitimate_interest"


class LeadColumn(StrEnum):
    """The columns that mean something to us; every other one is a template field."""

    EMAIL = "email"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    COMPANY = "company"
    COUNTRY = "country"
    TIME_ZONE = "time_zone"
    LAWFUL_BASIS = "lawful_basis"
    EVIDENCE = "evidence"
    SOURCE = "source"


class Rejection(StrEnum):
    """Why a row is no lead. Stored and counted under these names."""

    EMPTY_ROW = "empty_row"
    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    DUPLICATE = "duplicate"
    NO_LAWFUL_BASIS = "no_lawful_basis"
    UNKNOWN_LAWFUL_BASIS = "unknown_lawful_basis"
    NO_EVIDENCE = "no_evidence"
    NO_SOURCE = "no_source"
    UNKNOWN_COUNTRY = "unknown_country"
    UNKNOWN_ZONE = "unknown_zone"
    FORMULA = "formula"
    CONTROL_CHARACTER = "control_character"
    CELL_TOO_LONG = "cell_too_long"
    NOT_UTF8 = "not_utf8"
    NUL = "nul"
    TOO_MANY_CELLS = "too_many_cells"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class LeadDefaults:
    """What holds for each row of a file that leaves the cell empty: stated once by who uploads, never guessed."""

    basis: LawfulBasis | None = None
    evidence: str = ""
    source: str = ""
    country: CountryCode | None = None
    zone: ZoneName | None = None


@dataclass(frozen=True, slots=True)
class LeadRow:
    """The cells of a row under their columns, as written."""

    known: Mapping[LeadColumn, str]
    extra: tuple[tuple[FieldName, str], ...] = ()

    def cell(self, column: LeadColumn) -> str:
        return self.known.get(column, "")

    @property
    def cells(self) -> tuple[str, ...]:
        return (*self.known.values(), *(value for _, value in self.extra))


@dataclass(frozen=True, slots=True)
class Lead:
    """A person with the right to write to them: `basis`, the `evidence` for it, and the `source` of the data."""

    line: int
    address: Address
    first_name: str
    last_name: str
    company: str
    country: CountryCode | None
    zone: ZoneName | None
    basis: LawfulBasis
    evidence: str
    source: str
    extra: tuple[tuple[FieldName, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """`raw` is what the row held, cut and made storable: at most 20 cells of 200 characters."""

    line: int
    reason: Rejection
    sentence: str
    raw: tuple[str, ...]


class _Refused(Exception):
    def __init__(self, reason: Rejection, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


def parse_lead(line: int, row: LeadRow, defaults: LeadDefaults) -> Lead | RejectedRow:
    """One row in, one value out: never raises, never drops. The first fault found is the one named.

    A cell that begins like a spreadsheet formula is refused, not repaired: a name or an address never begins so, and a
    prefix put in front of it would end up in somebody's salutation.
    """
    try:
        return _lead(line, row, defaults)
    except _Refused as refused:
        return RejectedRow(line, refused.reason, refused.sentence, raw_cells(row.cells))


def duplicate_of(lead: Lead, first_line: int) -> RejectedRow:
    """The refusal of a second row for the same person in one file; the first row holds."""
    sentence = f"The same address stands on line {first_line}."
    return RejectedRow(lead.line, Rejection.DUPLICATE, sentence, raw_cells((lead.address.deliver_to,)))


def rejected_unread(row: UnreadableRow) -> RejectedRow:
    """The refusal of a row whose cells could not even be read."""
    return RejectedRow(row.line, _unread_reason(row.fault), row.sentence, raw_cells(row.cells))


def raw_cells(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Cells as PostgreSQL's text can hold them: no NUL, no lone surrogate, limited in number and length."""
    return tuple(_storable(cell[:LONGEST_RAW_CELL]) for cell in cells[:MOST_RAW_CELLS])


def _storable(cell: str) -> str:
    return cell.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()


def _unread_reason(fault: RowFault) -> Rejection:
    match fault:
        case RowFault.NOT_UTF8:
            return Rejection.NOT_UTF8
        case RowFault.NUL:
            return Rejection.NUL
        case RowFault.TOO_MANY_CELLS:
            return Rejection.TOO_MANY_CELLS
        case RowFault.MALFORMED:
            return Rejection.MALFORMED
        case _:
            assert_never(fault)


def _lead(line: int, row: LeadRow, defaults: LeadDefaults) -> Lead:
    if not any(cell.strip() for cell in row.cells):
        raise _Refused(Rejection.EMPTY_ROW, "All cells are empty.")
    known = LeadRow({column: _one_line(column, text) for column, text in row.known.items()})
    lead = Lead(
        line=line,
        address=_address(known.cell(LeadColumn.EMAIL)),
        first_name=known.cell(LeadColumn.FIRST_NAME),
        last_name=known.cell(LeadColumn.LAST_NAME),
        company=known.cell(LeadColumn.COMPANY),
        country=_country(known.cell(LeadColumn.COUNTRY)) or defaults.country,
        zone=_zone(known.cell(LeadColumn.TIME_ZONE)) or defaults.zone,
        basis=_basis(known.cell(LeadColumn.LAWFUL_BASIS), defaults),
        evidence=known.cell(LeadColumn.EVIDENCE) or defaults.evidence,
        source=known.cell(LeadColumn.SOURCE) or defaults.source,
    )
    return replace(_proven(lead), extra=tuple((name, _paragraph(name, text)) for name, text in row.extra))


def _one_line(column: LeadColumn, text: str) -> str:
    # A line break in a name or an address could become a header of the message.
    longest = LONGEST_EVIDENCE if column in (LeadColumn.EVIDENCE, LeadColumn.SOURCE) else LONGEST_NAME
    return _clean(column, text, longest=longest, allowed="")


def _paragraph(name: FieldName, text: str) -> str:
    return _clean(name, text.replace("\r\n", "\n"), longest=LONGEST_EXTRA, allowed="\n\t")


def _clean(column: str, text: str, *, longest: int, allowed: str) -> str:
    if _FORMULA.match(text.lstrip(" ")) or _FORMULA.match(text.strip()):
        raise _Refused(Rejection.FORMULA, f"{column}: the cell begins like a spreadsheet formula; take that sign away.")
    # What is printable holds no control: the usual cell is not looked at letter by letter.
    unsafe = () if text.isprintable() else _controls(text, allowed)
    if unsafe:
        raise _Refused(Rejection.CONTROL_CHARACTER, f"{column}: the cell holds {', '.join(unsafe[:5])}.")
    cleaned = unicodedata.normalize("NFC", text).strip()
    if len(cleaned) > longest:
        raise _Refused(Rejection.CELL_TOO_LONG, f"{column}: {len(cleaned)} characters, at most {longest} fit.")
    return cleaned


def _controls(text: str, allowed: str) -> list[str]:
    return sorted({f"U+{ord(c):04X}" for c in text if c not in allowed and _is_control(c)})


def _is_control(character: str) -> bool:
    if character.isascii():
        return character < " " or character == "\x7f"
    # U+200C and U+200D join letters in names of several scripts, a soft hyphen is harmless; the rest could hide text.
    return character not in "\u00ad\u200c\u200d" and unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cs"}


def _address(text: str) -> Address:
    if not text:
        raise _Refused(Rejection.NO_ADDRESS, "The row has no address.")
    match parse_address(text):
        case Address() as address:
            return address
        case BadAddress(sentence=sentence):
            raise _Refused(Rejection.BAD_ADDRESS, sentence)


def _country(text: str) -> CountryCode | None:
    if text and parse_country(text) is None:
        sentence = f"{text[:40]!r} is no ISO 3166-1 country code of two letters."
        raise _Refused(Rejection.UNKNOWN_COUNTRY, sentence)
    return parse_country(text)


def _zone(text: str) -> ZoneName | None:
    if text and parse_zone(text) is None:
        sentence = f"{text[:40]!r} is no name of the time zone database, such as Europe/Berlin."
        raise _Refused(Rejection.UNKNOWN_ZONE, sentence)
    return parse_zone(text)


def _basis(text: str, defaults: LeadDefaults) -> LawfulBasis:
    if text:
        return _stated_basis(text)
    if defaults.basis is None:
        raise _Refused(Rejection.NO_LAWFUL_BASIS, "Neither the row nor the file states a lawful basis.")
    return defaults.basis


def _stated_basis(text: str) -> LawfulBasis:
    try:
        return LawfulBasis(re.sub(r"[\s_-]+", "_", text).lower())
    except ValueError:
        sentence = f"{text[:40]!r} is none of {', '.join(LawfulBasis)}."
        raise _Refused(Rejection.UNKNOWN_LAWFUL_BASIS, sentence) from None


def _proven(lead: Lead) -> Lead:
    if not lead.evidence:
        raise _Refused(Rejection.NO_EVIDENCE, f"The row claims {lead.basis} and shows no evidence for it.")
    if not lead.source:
        raise _Refused(Rejection.NO_SOURCE, "Nothing says where the data came from, which the first message must tell.")
    return lead
