"""Take in what receivers report of mail in a tenant's names: files and messages to counted rows, each report once.

Belongs here: the order, and whose report it is. Does not: how a report is read (`domain.mail_reports.reading`), where files lie
and where rows go (adapters).
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

from outreach_pipelines.application.stored_objects import ObjectMissing
from outreach_pipelines.domain.mail_reports.alignment import Alignment
from outreach_pipelines.domain.mail_reports.report import (
    LONGEST_FAULT,
    DmarcReport,
    FaultyReport,
    MailReport,
    NotReadable,
    ReportFault,
    SourceCount,
    TlsPolicyResult,
    TlsReport,
    one_line,
)
from outreach_pipelines.domain.mail_reports.streams import OwnDomain, Recognised, owner_of, recognise_rows
from outreach_pipelines.domain.tenant import TenantId, TenantRef


class ReportFile(NamedTuple):
    """A file as it lies there now: another content has another `etag`."""

    name: str
    etag: str


MOST_BYTES = 256 << 20
"""Of one file as it lies there, packed."""
MOST_FAULTS = 50
"""That are kept of one file: each names itself, and a stranger may send an archive of a thousand."""
INBOX_MAIL = "inbox-mail/"
"""Before the name of what an inbox gave: any mail, of which few carry a report."""


class ReportFiles(Protocol):
    """Where reports lie until they are read; nothing there is changed."""

    def files(self, tenant: TenantRef) -> Sequence[ReportFile]:
        """All of the tenant, sorted. Raises `Unreadable`."""
        ...

    def content(self, tenant: TenantRef, file: ReportFile) -> bytes:
        """The whole file. Raises `Unreadable`, `ObjectMissing` when it was taken away meanwhile, `NotReadable` for one too large."""
        ...


@dataclass(frozen=True, slots=True)
class OwnedDmarc:
    """A DMARC report on a domain of ours; `recognised` in the order of its rows."""

    owner: OwnDomain
    report: DmarcReport
    recognised: tuple[Recognised, ...]

    @property
    def rows(self) -> Iterator[tuple[SourceCount, Recognised]]:
        """Each row with whose mail it is about."""
        return zip(self.report.rows, self.recognised, strict=True)


@dataclass(frozen=True, slots=True)
class OwnedTls:
    """The part of a TLS report that is about one domain of ours."""

    owner: OwnDomain
    report: TlsReport
    policies: tuple[TlsPolicyResult, ...]


OwnedReport = OwnedDmarc | OwnedTls


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file held: reports on domains of ours, and what could not be read or is about somebody else."""

    file: ReportFile
    reports: tuple[OwnedReport, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one file: reports that were new, and messages in them."""

    reports: int
    messages: int


class MailReportStore(Protocol):
    """What was reported, for one tenant at a time."""

    def domains(self, tenant: TenantId) -> Sequence[OwnDomain]:
        """Sending domains in use with what they send through."""
        ...

    def known_files(self, tenant: TenantId) -> AbstractSet[ReportFile]:
        """Files that were read, as they were then; without mail of inboxes, which is left out where it lies."""
        ...

    def keep(self, tenant: TenantId, read: ReadFile) -> Kept:
        """One transaction: the file and its reports. A report that is known, from whatever file, is not counted again."""
        ...

    def alignment(self, tenant: TenantId, *, since: date, until: date) -> Alignment:
        """How the tenant's streams fared on the days from `since` up to and with `until` (UTC)."""
        ...


@dataclass(frozen=True, slots=True)
class IngestedReports:
    """What a run did: files that were new, reports and messages counted, reports known before, what could not be counted."""

    files: int = 0
    reports: int = 0
    repeated: int = 0
    messages: int = 0
    faults: tuple[str, ...] = ()


def ingest_mail_reports(files: ReportFiles, store: MailReportStore, tenant: TenantRef) -> IngestedReports:
    """Read the tenant's files that are new. A second run changes nothing; a file that cannot be read hinders no other one."""
    known = store.known_files(tenant.id)
    new = [file for file in files.files(tenant) if file not in known]
    owns = store.domains(tenant.id) if new else ()
    done = IngestedReports()
    for file in new:
        read = judged(file, _found(files, tenant, file), owns)
        done = _with(done, read, store.keep(tenant.id, read))
    return done


def _found(files: ReportFiles, tenant: TenantRef, file: ReportFile) -> Sequence[MailReport | FaultyReport]:
    # Every run loads this module, and few read reports: archives, XML and MIME are loaded by those.
    from outreach_pipelines.domain.mail_reports.reading import read_reports, reports_in

    try:
        content = files.content(tenant, file)
    except ObjectMissing:
        return (FaultyReport(file.name, ReportFault.GONE),)
    except NotReadable as fault:
        return (FaultyReport(file.name, fault.fault, fault.detail),)
    if not file.name.startswith(INBOX_MAIL):
        return read_reports(file.name, content)
    return [each for each in reports_in(content, name=file.name) if not _is_other_mail(each)]


def _is_other_mail(found: MailReport | FaultyReport) -> bool:
    """Anybody's attachment is no fault of a report's."""
    return isinstance(found, FaultyReport) and found.fault in _NO_REPORT_AT_ALL


_NO_REPORT_AT_ALL = frozenset(
    {ReportFault.NOT_A_REPORT, ReportFault.EMPTY, ReportFault.UNREADABLE_MAIL, ReportFault.DEFEATED_READER}
)


def judged(file: ReportFile, found: Sequence[MailReport | FaultyReport], owns: Sequence[OwnDomain]) -> ReadFile:
    """Find out whose each report is. What is about a domain of nobody here is a fault, and is not counted."""
    reports: list[OwnedReport] = []
    faults: list[str] = []
    for each in found:
        match each:
            case FaultyReport():
                faults.append(str(each))
            case DmarcReport():
                owner = owner_of(each.policy.domain, owns)
                reports += [] if owner is None else [owned_dmarc(each, owner, owns)]
                faults += [_foreign(file, each.policy.domain)] if owner is None else []
            case TlsReport():
                parts, foreign = _tls_parts(each, owns)
                reports += parts
                faults += [_foreign(file, domain) for domain in foreign]
    return ReadFile(file, tuple(reports), _few(faults))


def owned_dmarc(report: DmarcReport, owner: OwnDomain, owns: Sequence[OwnDomain]) -> OwnedDmarc:
    """The report with each row recognised."""
    return OwnedDmarc(owner, report, tuple(recognise_rows(report.rows, owner, owns)))


def _few(faults: Sequence[str]) -> tuple[str, ...]:
    more = len(faults) - MOST_FAULTS
    return (*faults[:MOST_FAULTS], f"and {more} more") if more > 0 else tuple(faults)


def _tls_parts(report: TlsReport, owns: Sequence[OwnDomain]) -> tuple[list[OwnedTls], list[str]]:
    by_domain: dict[str, list[TlsPolicyResult]] = {}
    for policy in report.policies:
        by_domain.setdefault(policy.domain, []).append(policy)
    owned: list[OwnedTls] = []
    foreign: list[str] = []
    for domain, policies in by_domain.items():
        owner = owner_of(policies[0].domain, owns)
        if owner is None:
            foreign.append(domain)
        else:
            owned.append(OwnedTls(owner, report, tuple(policies)))
    return owned, foreign


def _foreign(file: ReportFile, domain: str) -> str:
    return one_line(f"{file.name}: a report on {domain}, which is no sending domain in use here", LONGEST_FAULT)


def _with(done: IngestedReports, read: ReadFile, kept: Kept) -> IngestedReports:
    return IngestedReports(
        files=done.files + 1,
        reports=done.reports + kept.reports,
        repeated=done.repeated + len(read.reports) - kept.reports,
        messages=done.messages + kept.messages,
        faults=(*done.faults, *read.faults),
    )
