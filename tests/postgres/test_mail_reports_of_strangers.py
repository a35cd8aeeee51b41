"""Reports that are made to stop the others, and reports on a name above several domains of ours."""

from datetime import date

import pytest
from mail_report_cases import dmarc, mail, record, signature, spf, tls_json, zipped
from tenant_installation import Installation, example, fresh

from outreach_pipelines.adapters.mail_report_files import ReportFilesAndMail, StoredReportFiles
from outreach_pipelines.adapters.postgres.mail_report_store import PostgresMailReportStore
from outreach_pipelines.adapters.postgres.parked_report_mail import PostgresParkedMail
from outreach_pipelines.application.ingest_mail_reports import (
    IngestedReports,
    ReadFile,
    ReportFile,
    ReportFiles,
    ingest_mail_reports,
    judged,
)
from outreach_pipelines.application.stored_objects import object_key
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.mail_reports.alignment import TlsSessions
from outreach_pipelines.domain.mail_reports.reading import read_reports
from outreach_pipelines.domain.mail_reports.streams import OwnDomain
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)

DESK = "acme-desk.example"
DAY = date(2026, 11, 22)


@pytest.fixture
def tenant(installation: Installation) -> TenantRef:
    return installation.apply(fresh(example("acme")))[0]


@pytest.fixture
def store(installation: Installation) -> PostgresMailReportStore:
    return PostgresMailReportStore(installation.app)


@pytest.fixture
def files(installation: Installation) -> ReportFiles:
    parked = PostgresParkedMail(installation.app, installation.objects)
    return ReportFilesAndMail(StoredReportFiles(installation.objects), parked)


def lay_down(installation: Installation, tenant: TenantRef, name: str, content: bytes | str) -> None:
    octets = content.encode() if isinstance(content, str) else content
    installation.objects.put(object_key(f"mail-reports/{tenant.slug}/{name}"), octets)


def park(installation: Installation, tenant: TenantRef, name: str, raw: bytes | None) -> None:
    """Mail of an inbox that was parked; without `raw` its original was erased since."""
    key = f"inbound/{tenant.id}/{name}.eml"
    if raw is not None:
        installation.objects.put(object_key(key), raw)
    installation.sql(
        """insert into app.inbound_message (tenant_id, inbox_id, folder, uid_validity, uid, dedupe_key, class, routed, park_reason, confidence,
                                            evidence, object_key, received_at)
           select tenant_id, min(inbox_id), 'INBOX', 1, 1, %(k)s, 'human_reply', false, 'untied', 'certain', '', %(k)s, clock_timestamp()
             from app.inbox where tenant_id = %(t)s group by tenant_id""",
        t=tenant.id,
        k=key,
    )


def sound() -> str:
    return dmarc([record("192.0.2.1", 10, header_from=DESK)], domain=DESK)


def test_a_mail_whose_original_was_erased_hinders_no_report_and_is_not_asked_for_again(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore, files: ReportFiles
) -> None:
    park(installation, tenant, "a", None)
    lay_down(installation, tenant, "b.xml", sound())

    first, second = (ingest_mail_reports(files, store, tenant) for _ in range(2))

    assert (first.files, first.reports, len(first.faults)) == (2, 1, 1)
    assert "taken away" in first.faults[0]
    assert second == IngestedReports()


def test_a_file_that_is_too_large_hinders_no_other(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore
) -> None:
    files = StoredReportFiles(installation.objects, most=5_000)
    lay_down(installation, tenant, "a.xml", b" " * 6_000 + sound().encode())
    lay_down(installation, tenant, "b.xml", sound())

    done = ingest_mail_reports(files, store, tenant)

    assert (done.files, done.reports, len(done.faults)) == (2, 1, 1)
    assert "more than may be unpacked" in done.faults[0]


def test_counts_of_nobodys_size_are_refused_and_hinder_no_other_report(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore, files: ReportFiles
) -> None:
    """Sums of them would fit no column."""
    many = [record("192.0.2.1", 999_999_999_999_999, header_from=DESK)] * 10_000
    lay_down(installation, tenant, "a.xml", dmarc(many, domain=DESK, ref="forged"))
    lay_down(installation, tenant, "b.xml", sound())

    done = ingest_mail_reports(files, store, tenant)

    assert (done.reports, done.messages) == (1, 10)
    assert "more messages than anybody sends" in done.faults[0]


def test_hostile_names_of_parts_are_kept_as_one_line_that_prints(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore, files: ReportFiles
) -> None:
    raw = mail(("application/gzip", "MARK.gz", b"\x1f\x8bbroken")).replace(b"MARK", b"a\x00b\x1b[2J\xe2\x80\xae")
    park(installation, tenant, "a", raw)

    done = ingest_mail_reports(files, store, tenant)

    (fault,) = done.faults
    assert "broken" in fault
    assert fault.isprintable()


def test_anybodys_attachment_in_an_inbox_is_no_fault(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore, files: ReportFiles
) -> None:
    attached = [("application/zip", "invoice.zip", zipped({"invoice.pdf": b"%PDF"})), ("text/xml", "x.xml", b"<html/>")]
    park(installation, tenant, "a", mail(*attached))

    done = ingest_mail_reports(files, store, tenant)

    assert (done.files, done.faults) == (1, ())


def test_mail_that_was_looked_into_is_not_remembered_for_ever(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore, files: ReportFiles
) -> None:
    park(installation, tenant, "a", b"From: bea@lead.example\r\nSubject: hello\r\n\r\nhello\r\n")
    lay_down(installation, tenant, "b.xml", sound())
    ingest_mail_reports(files, store, tenant)
    for table, column in (("mail_report_file", "read_at"), ("inbound_message", "recorded_at")):
        installation.sql(f"update app.{table} set {column} = clock_timestamp() - interval '31 days'")

    again = ingest_mail_reports(files, store, tenant)

    kept = installation.values("select name from app.mail_report_file where tenant_id = %(t)s", t=tenant.id)
    assert again == IngestedReports()
    assert [str(name) for name in kept] == ["b.xml"]


def test_sessions_of_tls_reports_are_shown_with_what_failed(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore, files: ReportFiles
) -> None:
    lay_down(installation, tenant, "tls.json", tls_json().replace(b"desk.example", DESK.encode()))
    ingest_mail_reports(files, store, tenant)

    shown = store.alignment(tenant.id, since=DAY, until=DAY).tls

    assert shown == (TlsSessions(DomainName(DESK), "sts", 5326, 303, ("certificate-expired",)),)


def test_a_report_on_a_name_above_ours_counts_for_the_domain_that_each_row_names() -> None:
    """The policy may stand above: then one report speaks of all that sends below it."""
    owns = [OwnDomain(DomainName(f"{name}.desk.example"), Expectations()) for name in ("news", "go")]
    rows = [record("192.0.2.1", 7, header_from=f"{name}.desk.example") for name in ("news", "go", "other")]

    read = _judged(dmarc(rows, domain="desk.example"), owns)

    (report,) = read.reports
    told = {row.outcome.header_from: seen.domain for row, seen in report.rows}  # type: ignore[union-attr]  # a DMARC report
    assert told["news.desk.example"] == "news.desk.example"
    assert told["go.desk.example"] == "go.desk.example"
    assert told["other.desk.example"] == report.owner.name


def test_rows_are_stored_for_the_domain_that_they_name(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore, files: ReportFiles
) -> None:
    (other,) = [each.name for each in store.domains(tenant.id) if each.name != DESK][:1]
    rows = [
        record("192.0.2.1", 7, header_from=name, results=signature(name) + spf(f"bounce.{name}"))
        for name in (DESK, other)
    ]
    lay_down(installation, tenant, "a.xml", dmarc(rows, domain="example"))

    ingest_mail_reports(files, store, tenant)

    streams = store.alignment(tenant.id, since=DAY, until=DAY).streams
    assert sorted((each.domain, each.messages) for each in streams) == sorted([(DESK, 7), (other, 7)])


def _judged(text: str, owns: list[OwnDomain]) -> ReadFile:
    return judged(ReportFile("a.xml", "1"), read_reports("a.xml", text.encode()), owns)
