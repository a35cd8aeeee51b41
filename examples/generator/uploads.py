"""The lead files: mostly good rows, and on purpose at least one for each reason a row can be refused."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass

from generator.world import WOMEN, Person, companies, people


@dataclass(frozen=True, slots=True)
class Upload:
    """One lead file. `columns` are the tenant's own headers in the order of `row`."""

    path: str
    rows: int
    delimiter: str
    mark: bytes
    columns: tuple[str, ...]
    faults: range
    fill: Callable[[Person], tuple[str, ...]]


def _webinar(p: Person) -> tuple[str, ...]:
    proof = f"Form at https://acme.example/webinars ticked 2026-10-{p.number % 27 + 1:02} record W-{10_000 + p.number}"
    where = (p.company.country, p.company.zone, "consent", proof, "you signed up at acme.example/webinars")
    return (p.address, p.first, p.last, p.company.name, *where, "Planning without spreadsheets", "29 October 2026")


def _trial(p: Person) -> tuple[str, ...]:
    proof = f"Trial account {20_000 + p.number} opened 2026-11-0{p.number % 3 + 1}, box for tips ticked"
    where = (p.company.country, p.company.zone, "Consent", proof, "you opened a trial at acme.example")
    return (p.address, p.first, p.last, p.company.name, *where, f"{p.number % 9 + 20} November 2026")


def _fair(p: Person) -> tuple[str, ...]:
    german = p.company.country in {"DE", "AT", "CH"}
    told = (
        "Ihr Besuch an unserem Messestand am 3. November 2026"
        if german
        else "your visit to our stand on 3 November 2026"
    )
    proof = f"Card signed at the stand, scan N-{30_000 + p.number}"
    topic = ("Durchflussmessung", "Kalibrierung") if german else ("flow measurement", "calibration")
    where = (p.company.country, p.company.zone, "consent", proof, told)
    title = "Frau" if p.first in WOMEN else "Herr"
    return (title, p.last, p.first, p.address, p.company.name, *where, topic[p.number % 2], "de" if german else "en")


def _service(p: Person) -> tuple[str, ...]:
    product = ("frost fan", "irrigation pump", "sorting line")[p.number % 3]
    proof = f"Service contract K-{40_000 + p.number}, signed 2025-0{p.number % 9 + 1}-15, yearly check included"
    where = (p.company.country, p.company.zone, "contract", proof, "your service contract with Kiwi Orchard Supplies")
    return (p.address, p.first, p.last, p.company.name, *where, product, "December 2026", f"+64 9 555 {p.number:04}")


_USUAL = ("Email", "First name", "Last name", "Company", "Country", "Time zone", "Lawful basis", "Evidence", "Source")
_GERMAN = (
    "Anrede",
    "Nachname",
    "Vorname",
    "E-Mail-Adresse",
    "Firma",
    "Land",
    "Zeitzone",
    "Rechtsgrundlage",
    "Nachweis",
)
_FAIR = ("Quelle", "Thema", "Sprache")
_SERVICE = ("product", "service_due", "phone")
UPLOADS = {
    "acme": (
        Upload("2026-11-02-webinar.csv", 420, ",", b"", (*_USUAL, "webinar", "webinar_date"), range(11), _webinar),
        Upload("2026-11-05-trial.csv", 80, ",", b"", (*_USUAL, "trial_ends"), range(5, 7), _trial),
    ),
    "nordwind": (Upload("2026-11-09-messe.csv", 420, ";", b"\xef\xbb\xbf", (*_GERMAN, *_FAIR), range(11, 22), _fair),),
    "kiwi": (Upload("2026-11-10-service.csv", 280, "\t", b"", (*_USUAL, *_SERVICE), range(13, 23), _service),),
}
# So many people of the trial file also came to the webinar: one lead with two sources.
OVERLAP = 20
HOMES = {"acme": slice(0, 60), "nordwind": slice(14, 44), "kiwi": slice(40, 60)}

Fault = Callable[[dict[str, str]], dict[str, str]]


def _with(column: str, value: str) -> Fault:
    return lambda cells: {**cells, column: value}


def _prefixed(column: str, prefix: str) -> Fault:
    return lambda cells: {**cells, column: prefix + cells[column]}


# One of each kind of refusal, by the meaning of the column; the last five are made on the written row.
FAULTS: tuple[Fault, ...] = (
    _with("email", ""),
    _with("email", "not an address"),
    _with("email", "Anna Adler <anna.adler@alder-works.example>"),
    _with("email", f"{'x' * 65}@alder-works.example"),
    _with("email", "nobody@nowhere.invalid"),
    _with("email", "anna@alder..example"),
    _with("basis", ""),
    _with("basis", "bought list"),
    _with("evidence", ""),
    _with("source", ""),
    _with("country", "Atlantis"),
    _with("zone", "Mars/Olympus_Mons"),
    _prefixed("last", "=1+1 "),
    _prefixed("company", "@"),
    _prefixed("first", "Eve\nBcc: "),
    _prefixed("first", "\u202e"),
    _with("company", "very " * 60 + "long"),
    lambda cells: dict.fromkeys(cells, ""),
)


def _too_many_cells(row: bytes, delimiter: bytes) -> bytes:
    return row.rstrip(b"\n") + delimiter + b"one cell too many\n"


def _with_nul(row: bytes, delimiter: bytes) -> bytes:
    return row.replace(delimiter, delimiter + b"\0", 1)


def _in_latin_1(row: bytes, _delimiter: bytes) -> bytes:
    return row.rstrip(b"\n") + "é\n".encode("latin-1")


def _misquoted(row: bytes, delimiter: bytes) -> bytes:
    return row.rpartition(delimiter)[0] + delimiter + b'"quoted" and then not\n'


def _doubled(row: bytes, _delimiter: bytes) -> bytes:
    return row + row


ROW_FAULTS: tuple[Callable[[bytes, bytes], bytes], ...] = (
    *(_too_many_cells, _with_nul, _in_latin_1, _misquoted),
    _doubled,
)
_MEANINGS = ("email", "first", "last", "company", "country", "zone", "basis", "evidence", "source")
_GERMAN_MEANINGS = ("title", "last", "first", "email", "company", "country", "zone", "basis", "evidence", "source")
DOUBLED = len(FAULTS) + len(ROW_FAULTS) - 1
MEANINGS = dict(zip(_USUAL, _MEANINGS, strict=True)) | dict(zip((*_GERMAN, "Quelle"), _GERMAN_MEANINGS, strict=True))


def members(tenant: str) -> dict[str, tuple[Person, ...]]:
    """Who stands in which of the tenant's files."""
    uploads = UPLOADS[tenant]
    everybody = people(tenant, companies()[HOMES[tenant]], sum(upload.rows for upload in uploads))
    found, start = {}, 0
    for upload in uploads:
        found[upload.path] = everybody[start : start + upload.rows]
        start += upload.rows - (OVERLAP if len(uploads) > 1 else 0)
    return found


def upload_bytes(upload: Upload, persons: tuple[Person, ...]) -> bytes:
    """The file with its faulty rows spread over it; a doubled row counts as two."""
    every = upload.rows // (len(upload.faults) + 1)
    rows = [_row(upload.delimiter, upload.fill(person)) for person in persons]
    for position, kind in enumerate(upload.faults, 1):
        rows[position * every] = _faulty_row(upload, upload.fill(persons[position * every]), kind)
    doubled = sum(kind == DOUBLED for kind in upload.faults)
    return b"".join([upload.mark, _row(upload.delimiter, upload.columns), *rows[: upload.rows - doubled]])


def _faulty_row(upload: Upload, cells: tuple[str, ...], kind: int) -> bytes:
    if kind >= len(FAULTS):
        return ROW_FAULTS[kind - len(FAULTS)](_row(upload.delimiter, cells), upload.delimiter.encode())
    named = dict(zip((MEANINGS.get(column, column) for column in upload.columns), cells, strict=True))
    return _row(upload.delimiter, tuple(FAULTS[kind](named).values()))


def _row(delimiter: str, cells: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
