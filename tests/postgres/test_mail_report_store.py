"""Reports in the database: each once, for its own tenant, and what follows from their counts."""

from datetime import date

import pytest
from mail_report_cases import dmarc, gzipped, mail, record, signature, spf, tls_json, zipped
from tenant_installation import Installation, example, fresh

from outreach_pipelines.adapters.mail_report_files import ReportFilesAndMail, StoredReportFiles
from outreach_pipelines.adapters.postgres.mail_report_store import PostgresMailReportStore
from outreach_pipelines.adapters.postgres.parked_report_mail import PostgresParkedMail
from outreach_pipelines.application.ingest_mail_reports import IngestedReports, ingest_mail_reports
from outreach_pipelines.application.stored_objects import object_key
from outreach_pipelines.domain.mail_reports.alignment import Alignment
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)

DESK = "acme-desk.example"
DAY = date(2026, 11, 22)
OURS = signature(DESK, "s2026") + spf(f"bounce.{DESK}")
BY_SES_ALONE = signature("amazonses.com", "ses") + spf("eu-central-1.amazonses.com")
BROKEN = signature(DESK, "s2026", "fail") + spf(f"bounce.{DESK}", "fail")
STRANGE = signature("bulk.example", "k1") + spf("bulk.example")


@pytest.fixture
def tenant(installation: Installation) -> TenantRef:
    return installation.apply(fresh(example("acme")))[0]


@pytest.fixture
def store(installation: Installation) -> PostgresMailReportStore:
    return PostgresMailReportStore(installation.app)


def lay_down(installation: Installation, tenant: TenantRef, name: str, content: bytes | str) -> None:
    octets = content.encode() if isinstance(content, str) else content
    installation.objects.put(object_key(f"mail-reports/{tenant.slug}/{name}"), octets)


def ingest(installation: Installation, tenant: TenantRef) -> IngestedReports:
    store = PostgresMailReportStore(installation.app)
    return ingest_mail_reports(StoredReportFiles(installation.objects), store, tenant)


def desk_report(*records: str, ref: str = "1", reporter: str = "Receiver Example") -> str:
    return dmarc(records, domain=DESK, ref=ref, reporter=reporter)


def seen(source: str, count: int, results: str, *, passed: bool, disposition: str = "none", reason: str = "") -> str:
    word = "pass" if passed else "fail"
    return record(
        source,
        count,
        dkim=word,
        spf_word=word,
        disposition=disposition,
        header_from=DESK,
        results=results,
        reason=reason,
    )


def judged(store: PostgresMailReportStore, tenant: TenantRef) -> Alignment:
    return store.alignment(tenant.id, since=DAY, until=DAY)


def test_a_report_counts_once_whatever_files_it_lies_in(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore
) -> None:
    text = desk_report(seen("192.0.2.1", 10, OURS, passed=True))
    lay_down(installation, tenant, "a.xml", text)
    first = ingest(installation, tenant)

    lay_down(installation, tenant, "again/b.xml.gz", gzipped(text))
    lay_down(installation, tenant, "mail.eml", mail(("application/zip", "x.zip", zipped({"c.xml": text.encode()}))))
    second = ingest(installation, tenant)
    third = ingest(installation, tenant)

    assert (first.files, first.reports, first.messages) == (1, 1, 10)
    assert (second.files, second.reports, second.repeated, second.messages) == (2, 0, 2, 0)
    assert third == IngestedReports()
    assert [each.messages for each in judged(store, tenant).streams] == [10]


def test_the_same_id_of_another_reporter_is_another_report(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore
) -> None:
    lay_down(installation, tenant, "a.xml", desk_report(seen("192.0.2.1", 10, OURS, passed=True)))
    lay_down(
        installation, tenant, "b.xml", desk_report(seen("192.0.2.1", 5, OURS, passed=True), reporter="Other Example")
    )

    ingest(installation, tenant)

    assert [each.messages for each in judged(store, tenant).streams] == [15]


def test_the_stream_that_fails_alignment_is_named_with_its_account(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore
) -> None:
    records = [seen("192.0.2.1", 90, OURS, passed=True), seen("192.0.2.2", 10, BY_SES_ALONE, passed=False)]
    lay_down(installation, tenant, "a.xml", desk_report(*records))

    ingest(installation, tenant)

    (stream,) = judged(store, tenant).streams
    assert (stream.domain, stream.account, stream.messages, stream.dkim_aligned, stream.unaligned) == (
        DESK,
        "ses-main",
        100,
        90,
        10,
    )
    assert judged(store, tenant).faults == (
        f"{DESK} through ses-main: 10 of 100 messages passed neither DKIM nor SPF in the domain's name",
    )


def test_others_who_send_in_our_name_are_listed_with_what_they_authenticate_as(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore
) -> None:
    lay_down(
        installation,
        tenant,
        "a.xml",
        desk_report(
            seen("203.0.113.9", 7, STRANGE, passed=False, disposition="reject"),
            seen("203.0.113.9", 3, STRANGE, passed=False),
            seen("192.0.2.1", 5, OURS, passed=True),
        ),
    )

    ingest(installation, tenant)

    (stranger,) = judged(store, tenant).strangers
    assert (stranger.source, stranger.messages, stranger.refused) == ("203.0.113.9", 10, 7)
    assert stranger.authenticated_as == ("bulk.example",)
    assert stranger.reporters == ("Receiver Example",)
    assert judged(store, tenant).faults == ()


def test_broken_signatures_and_forwarded_mail_are_told_apart(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore
) -> None:
    forwarded = "<reason><type>mailing_list</type></reason>"
    records = [
        seen("192.0.2.1", 90, OURS, passed=True),
        seen("198.51.100.1", 10, BROKEN, passed=False),
        seen("198.51.100.2", 50, BROKEN, passed=False, reason=forwarded),
    ]
    lay_down(installation, tenant, "a.xml", desk_report(*records))

    ingest(installation, tenant)

    (stream,) = judged(store, tenant).streams
    assert (stream.messages, stream.broken, stream.unaligned) == (100, 10, 0)
    assert judged(store, tenant).strangers == ()
    assert "10 of 100 messages arrived with a DKIM signature that does not verify" in judged(store, tenant).faults[0]


def test_a_report_on_a_domain_of_nobody_here_is_named_and_not_counted(
    installation: Installation, tenant: TenantRef
) -> None:
    lay_down(installation, tenant, "a.xml", dmarc(domain="stranger.example"))

    done = ingest(installation, tenant)

    assert (done.files, done.reports) == (1, 0)
    assert done.faults == ("a.xml: a report on stranger.example, which is no sending domain in use here",)


def test_reports_of_one_tenant_are_not_seen_by_another(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore
) -> None:
    other = installation.apply(fresh(example("acme")))[0]
    text = desk_report(seen("192.0.2.1", 10, OURS, passed=True))
    lay_down(installation, tenant, "a.xml", text)
    lay_down(installation, other, "a.xml", text)
    ingest(installation, tenant)

    before = judged(store, other)
    theirs = ingest(installation, other)

    assert before == Alignment()
    assert theirs.reports == 1


def test_tls_reports_are_kept_by_domain(installation: Installation, tenant: TenantRef) -> None:
    content = tls_json().replace(b"desk.example", DESK.encode())
    lay_down(installation, tenant, "tls.json", content)

    done = ingest(installation, tenant)

    rows = installation.sql(
        "select policy_type, sessions, failed_sessions, failures from app.tls_report_row where tenant_id = %(t)s",
        t=tenant.id,
    )
    assert (done.reports, done.faults) == (1, ())
    assert [(row["policy_type"], row["sessions"], row["failed_sessions"]) for row in rows] == [("sts", 5326, 303)]
    assert "certificate-expired" in str(rows[0]["failures"])


def test_what_cannot_be_read_hinders_no_other_file_and_is_remembered(
    installation: Installation, tenant: TenantRef
) -> None:
    lay_down(installation, tenant, "a.xml", "<feedback>")
    lay_down(installation, tenant, "b.xml", desk_report(seen("192.0.2.1", 10, OURS, passed=True)))

    done = ingest(installation, tenant)

    kept = installation.values(
        "select faults from app.mail_report_file where tenant_id = %(t)s and name = 'a.xml'", t=tenant.id
    )
    assert (done.reports, len(done.faults)) == (1, 1)
    assert "not well-formed XML" in str(kept)


def test_reports_in_parked_mail_are_taken_in_and_other_mail_is_no_fault(
    installation: Installation, tenant: TenantRef, store: PostgresMailReportStore
) -> None:
    text = desk_report(seen("192.0.2.1", 10, OURS, passed=True))
    park(installation, tenant, "a", mail(("application/gzip", "r.xml.gz", gzipped(text))))
    park(installation, tenant, "b", b"From: bea@lead.example\r\nSubject: hello\r\n\r\nhello\r\n")
    files = ReportFilesAndMail(
        StoredReportFiles(installation.objects), PostgresParkedMail(installation.app, installation.objects)
    )

    first = ingest_mail_reports(files, store, tenant)
    second = ingest_mail_reports(files, store, tenant)

    assert (first.files, first.reports, first.messages, first.faults) == (2, 1, 10, ())
    assert second == IngestedReports()


def park(installation: Installation, tenant: TenantRef, name: str, raw: bytes) -> None:
    key = f"inbound/{tenant.id}/{name}.eml"
    installation.objects.put(object_key(key), raw)
    installation.sql(
        """insert into app.inbound_message (tenant_id, inbox_id, folder, uid_validity, uid, dedupe_key, class, routed, park_reason, confidence,
                                            evidence, object_key, received_at)
           select tenant_id, min(inbox_id), 'INBOX', 1, 1, %(k)s, 'human_reply', false, 'untied', 'certain', '', %(k)s, clock_timestamp()
             from app.inbox where tenant_id = %(t)s group by tenant_id""",
        t=tenant.id,
        k=key,
    )


def test_files_stay_where_they_are(installation: Installation, tenant: TenantRef) -> None:
    lay_down(installation, tenant, "a.xml", desk_report(seen("192.0.2.1", 1, OURS, passed=True)))

    ingest(installation, tenant)

    assert [info.key for info in installation.objects.list(f"mail-reports/{tenant.slug}/")] == [
        f"mail-reports/{tenant.slug}/a.xml"
    ]
