"""What the columns of a lead file mean: the names people give them, and which are template fields.

What the cells must hold is `lead`'s.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from outreach_pipelines.domain.delimited import Header, UnreadableFile
from outreach_pipelines.domain.lead import FieldName, LeadColumn, LeadRow

# How the columns are called in exports of address books and customer systems, after `_folded`.
SYNONYMS: Final[dict[LeadColumn, frozenset[str]]] = {
    LeadColumn.EMAIL: frozenset(
        {"email", "e_mail", "mail", "email_address", "e_mail_address", "emailaddress", "e_mail_adresse", "mailadresse"}
        | {"courriel", "adresse_e_mail", "correo", "correo_electronico", "indirizzo_email"}
    ),
    LeadColumn.FIRST_NAME: frozenset({"first_name", "firstname", "given_name", "vorname", "prenom", "nombre"}),
    LeadColumn.LAST_NAME: frozenset({"last_name", "lastname", "surname", "family_name", "nachname", "apellido"}),
    LeadColumn.COMPANY: frozenset({"company", "company_name", "organisation", "organization", "firma", "unternehmen"}),
    LeadColumn.COUNTRY: frozenset({"country", "country_code", "land", "pays", "pais"}),
    LeadColumn.TIME_ZONE: frozenset({"time_zone", "timezone", "zone", "tz", "zeitzone"}),
    LeadColumn.LAWFUL_BASIS: frozenset({"lawful_basis", "legal_basis", "basis", "rechtsgrundlage"}),
    LeadColumn.EVIDENCE: frozenset({"evidence", "proof", "consent_evidence", "nachweis"}),
    LeadColumn.SOURCE: frozenset({"source", "data_source", "quelle", "herkunft"}),
}
_COLUMN_OF: Final = {synonym: column for column, synonyms in SYNONYMS.items() for synonym in synonyms}

# Filled in by the system for every message. A column of such a name could replace, say, the unsubscribe link.
SYSTEM_FIELDS: Final = frozenset(
    FieldName(name)
    for name in (
        *("unsubscribe_url", "postal_address", "tenant_name", "sender_name", "sender_company", "sender_website"),
        *("privacy_notice_url", "step", "campaign", "message_id", "tracking_url"),
    )
)
LONGEST_FIELD_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class LeadColumns:
    """One meaning for each column of the file, in the file's order."""

    meanings: tuple[LeadColumn | FieldName, ...]

    def named(self, cells: Sequence[str]) -> LeadRow:
        """Cells missing at the end of a row are empty ones: spreadsheets leave them out."""
        padded = [*cells, *([""] * (len(self.meanings) - len(cells)))]
        pairs = list(zip(self.meanings, padded, strict=True))
        known = {meaning: cell for meaning, cell in pairs if isinstance(meaning, LeadColumn)}
        extra = tuple((meaning, cell) for meaning, cell in pairs if not isinstance(meaning, LeadColumn))
        return LeadRow(known, extra)


def columns_of(header: Header) -> LeadColumns:
    """Order and case of the columns do not matter. Raises `UnreadableFile`, which names every fault of the header."""
    meanings = tuple(_meaning(name) for name in header.names)
    faults = [*_unnamed(header.names), *_unusable(header.names, meanings), *_twice(meanings), *_no_address(meanings)]
    if faults:
        raise UnreadableFile(header.line, " ".join(faults))
    return LeadColumns(meanings)


def _meaning(name: str) -> LeadColumn | FieldName:
    folded = _folded(name)
    return _COLUMN_OF.get(_without_accents(folded)) or FieldName(folded)


def _folded(name: str) -> str:
    return re.sub(r"[\s_./-]+", "_", unicodedata.normalize("NFKC", name).strip().casefold()).strip("_")


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _unnamed(names: Sequence[str]) -> Iterable[str]:
    return [f"Column {number} has no name." for number, name in enumerate(names, 1) if not _folded(name)]


def _unusable(names: Sequence[str], meanings: Sequence[LeadColumn | FieldName]) -> Iterable[str]:
    for name, meaning in zip(names, meanings, strict=True):
        if isinstance(meaning, LeadColumn) or not meaning:
            continue
        if meaning in SYSTEM_FIELDS:
            yield f"{name[:40]!r} is a name the system fills in itself."
        elif not meaning.isidentifier() or len(meaning) > LONGEST_FIELD_NAME:
            yield f"{name[:40]!r} cannot be a field of a template: use letters, digits and underscores."


def _twice(meanings: Sequence[LeadColumn | FieldName]) -> Iterable[str]:
    counted = Counter(meaning for meaning in meanings if meaning)
    return [f"{count} columns mean {meaning!s:.40}." for meaning, count in counted.items() if count > 1]


def _no_address(meanings: Sequence[LeadColumn | FieldName]) -> Iterable[str]:
    if LeadColumn.EMAIL in meanings:
        return []
    return ["No column holds the address; call it email, e-mail or email address."]
