"""Bringing lead files into the store: whole or not at all, once, every row with its fate."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

import pytest

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.application.import_leads import LeadRecord, LeadsWritten, import_leads
from outreach_pipelines.domain.delimited import Table
from outreach_pipelines.domain.lead import LawfulBasis, Lead, LeadDefaults, RejectedRow, Rejection
from outreach_pipelines.domain.lead_file import (
    FileApplied,
    FileDigest,
    FileKnown,
    FileRefused,
    LeadFile,
    LeadFileName,
)
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug

ACME = TenantRef(TenantId(1), TenantSlug("acme"))
STATED = LeadDefaults(LawfulBasis.CONSENT, "form of 2026-10-01", "our web site")


@dataclass
class FilesInMemory:
    """The files of one tenant."""

    octets: dict[str, bytes]
    owner: TenantSlug = ACME.slug
    readings: int = 0

    def files(self, tenant: TenantSlug) -> Sequence[LeadFileName]:
        return [LeadFileName(name) for name in sorted(self.octets) if tenant == self.owner]

    def ignored(self, tenant: TenantSlug) -> Sequence[str]:
        return []

    def digest(self, tenant: TenantSlug, name: LeadFileName) -> FileDigest:
        assert tenant == self.owner
        return FileDigest(hashlib.sha256(self.octets[name]).hexdigest())

    @contextmanager
    def rows(self, tenant: TenantSlug, file: LeadFile) -> Iterator[Table]:
        assert tenant == self.owner
        self.readings += 1
        yield read_table(BytesIO(self.octets[file.name]))


@dataclass
class LeadsInMemory:
    """One transaction a call: what is drained is kept only when draining came to its end."""

    leads: dict[str, Lead] = field(default_factory=dict)
    sources: list[tuple[str, FileDigest, int]] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    applied: set[tuple[TenantId, FileDigest]] = field(default_factory=set)
    refused: list[tuple[TenantId, FileRefused]] = field(default_factory=list)
    hides_files: bool = False

    def knows_file(self, tenant: TenantId, digest: FileDigest) -> bool:
        return (tenant, digest) in self.applied and not self.hides_files

    def apply_file(self, tenant: TenantId, file: LeadFile, records: Iterable[LeadRecord]) -> LeadsWritten | None:
        if (tenant, file.digest) in self.applied:
            return None
        drained = list(records)
        leads = [record for record in drained if isinstance(record, Lead)]
        known = sum(lead.address.canonical in self.leads for lead in leads)
        for lead in leads:
            self.leads.setdefault(lead.address.canonical, lead)
            self.sources.append((lead.address.canonical, file.digest, lead.line))
        self.rejected += [record for record in drained if isinstance(record, RejectedRow)]
        self.applied.add((tenant, file.digest))
        return LeadsWritten(len(leads) - known, known)

    def refuse_file(self, tenant: TenantId, refusal: FileRefused) -> None:
        self.refused.append((tenant, refusal))


def csv_of(*addresses: str) -> bytes:
    return "\n".join(["email", *addresses, ""]).encode()


def test_every_row_has_one_fate() -> None:
    files = FilesInMemory(
        {"a.csv": csv_of("anna@firma.example", "nobody", "ANNA@firma.example", "ben@firma.example", "=x")}
    )
    store = LeadsInMemory()

    summary = import_leads(files, store, ACME, defaults=STATED)

    assert (summary.read, summary.accepted, summary.already_known) == (5, 2, 0)
    assert summary.rejected == {Rejection.BAD_ADDRESS: 1, Rejection.DUPLICATE: 1, Rejection.FORMULA: 1}
    assert all(file.balanced for file in summary.applied)
    assert [(row.line, row.reason) for row in store.rejected] == [
        (3, Rejection.BAD_ADDRESS),
        (4, Rejection.DUPLICATE),
        (6, Rejection.FORMULA),
    ]


def test_a_second_import_of_the_same_octets_changes_nothing() -> None:
    files, store = FilesInMemory({"a.csv": csv_of("anna@firma.example")}), LeadsInMemory()
    import_leads(files, store, ACME, defaults=STATED)
    files.octets["renamed.csv"] = files.octets["a.csv"]

    again = import_leads(files, store, ACME, defaults=STATED)

    assert [type(outcome) for outcome in again.files] == [FileKnown, FileKnown]
    assert (again.read, len(store.leads), len(store.sources), files.readings) == (0, 1, 1, 1)


def test_an_import_that_lost_the_race_for_a_file_reports_it_as_known() -> None:
    files, store = FilesInMemory({"a.csv": csv_of("anna@firma.example")}), LeadsInMemory()
    import_leads(files, store, ACME, defaults=STATED)
    store.hides_files = True

    again = import_leads(files, store, ACME, defaults=STATED)

    assert isinstance(again.files[0], FileKnown)


def test_the_same_person_in_two_files_is_one_lead_with_two_sources() -> None:
    files = FilesInMemory({"a.csv": csv_of("anna@firma.example"), "b.csv": csv_of("x", "Anna@Firma.example")})
    store = LeadsInMemory()

    summary = import_leads(files, store, ACME, defaults=STATED)

    assert (summary.accepted, summary.already_known) == (1, 1)
    assert [(address, line) for address, _, line in store.sources] == [
        ("anna@firma.example", 2),
        ("anna@firma.example", 3),
    ]
    assert len({digest for _, digest, _ in store.sources}) == 2


@pytest.mark.parametrize(
    ("octets", "line"),
    [
        (b"", 1),
        (b"company\nFirma\n", 1),
        (csv_of("anna@firma.example") + b'"open\n', 3),
        (b"email,unsubscribe_url\n", 1),
    ],
)
def test_nothing_of_an_unreadable_file_is_applied_and_the_next_file_is(octets: bytes, line: int) -> None:
    files = FilesInMemory({"a.csv": octets, "b.csv": csv_of("ben@firma.example")})
    store = LeadsInMemory()

    summary = import_leads(files, store, ACME, defaults=STATED)

    assert [type(outcome) for outcome in summary.files] == [FileRefused, FileApplied]
    assert [(tenant, refusal.file.name, refusal.line) for tenant, refusal in store.refused] == [(1, "a.csv", line)]
    assert list(store.leads) == ["ben@firma.example"]


def test_a_file_with_more_rows_than_fit_is_refused_whole() -> None:
    files = FilesInMemory({"a.csv": csv_of("anna@firma.example", "ben@firma.example", "eve@firma.example")})
    store = LeadsInMemory()

    summary = import_leads(files, store, ACME, defaults=STATED, most_rows=2)

    assert isinstance(summary.files[0], FileRefused)
    assert (summary.files[0].line, store.leads) == (4, {})


def test_a_file_of_a_header_alone_is_applied_with_no_rows() -> None:
    store = LeadsInMemory()

    summary = import_leads(FilesInMemory({"a.csv": b"email\n"}), store, ACME, defaults=STATED)

    assert [type(outcome) for outcome in summary.files] == [FileApplied]
    assert summary.read == 0


def test_only_the_named_files_are_imported() -> None:
    files = FilesInMemory({"a.csv": csv_of("anna@firma.example"), "b.csv": csv_of("ben@firma.example")})
    store = LeadsInMemory()

    import_leads(files, store, ACME, defaults=STATED, only=[LeadFileName("b.csv")])

    assert list(store.leads) == ["ben@firma.example"]
