"""Reports that do not reach the mailbox they shall, each before and after its fix."""

import pytest
from dns_audit_cases import audited, dns, expectations, faults_of, finding_of, full, full_expectations, mended

from outreach_pipelines.domain.dns_audit.findings import Check, Fault, Severity

OURS = "mailto:dmarc@acme.example"
CONSENT = "acme.example._report._dmarc.reports.test TXT v=DMARC1"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("p=reject; rua=mailto:d@reports.test", f"p=reject; rua=mailto:d@reports.test,{OURS}"),
        ("p=reject; rua=mailto:d@reports.test ; np=reject", f"p=reject; rua=mailto:d@reports.test,{OURS} ; np=reject"),
        ("p=reject; rua=mailto:d@reports.test!10m;", f"p=reject; rua=mailto:d@reports.test!10m,{OURS};"),
    ],
)
def test_dmarc_reports_that_go_to_others_alone_are_sent_here_too(before: str, after: str) -> None:
    zone = dns(f"_dmarc.acme.example TXT v=DMARC1; {before}", CONSENT, without=["_dmarc"])

    findings = audited(zone)

    finding = finding_of(findings, Check.DMARC_REPORTS)
    assert (finding.fault, finding.severity) == (Fault.WEAK, Severity.LOW)
    assert finding.fix is not None
    assert [record.value for record in finding.fix.publish] == [f"v=DMARC1; {after}"]
    assert faults_of(audited(mended(zone, findings))) == set()


def test_a_record_never_gets_a_second_rua() -> None:
    zone = dns("_dmarc.acme.example TXT v=DMARC1; p=reject; rua=https://reports.test/in", without=["_dmarc"])

    fix = finding_of(audited(zone), Check.DMARC_REPORTS).fix

    assert fix is not None
    assert fix.publish[0].value == f"v=DMARC1; p=reject; rua=https://reports.test/in,{OURS}"


def test_a_proposed_record_holds_no_tag_that_was_taken_out() -> None:
    zone = dns("_dmarc.acme.example TXT v=DMARC1; p=reject; pct=50; ri=3600", without=["_dmarc"])

    fix = finding_of(audited(zone), Check.DMARC_REPORTS).fix

    assert fix is not None
    assert fix.publish[0].value == f"v=DMARC1; p=reject; rua={OURS}"


@pytest.mark.parametrize("uri", [OURS, OURS.upper().replace("MAILTO", "mailto"), f"{OURS}!10m"])
def test_our_mailbox_is_known_in_any_case_and_with_a_bound(uri: str) -> None:
    zone = dns(
        f"_dmarc.acme.example TXT v=DMARC1; p=reject; rua=mailto:d@reports.test,{uri}", CONSENT, without=["_dmarc"]
    )

    assert faults_of(audited(zone)) == set()


def test_without_a_mailbox_of_ours_any_rua_will_do() -> None:
    zone = dns("_dmarc.acme.example TXT v=DMARC1; p=reject; rua=mailto:d@reports.test", CONSENT, without=["_dmarc"])
    expected = expectations()

    found = audited(zone, type(expected)(accounts=expected.accounts, mail_hosts=expected.mail_hosts))

    assert faults_of(found) == set()


def test_tls_reports_that_go_to_others_alone_are_sent_here_too() -> None:
    zone = full("_smtp._tls.acme.example TXT v=TLSRPTv1; rua=https://reports.test/tls", without=["_smtp._tls"])

    findings = audited(zone, full_expectations())

    finding = finding_of(findings, Check.TLS_REPORTS)
    assert (finding.fault, finding.severity) == (Fault.WEAK, Severity.LOW)
    assert finding.fix is not None
    assert finding.fix.publish[0].value == f"v=TLSRPTv1; rua=https://reports.test/tls,{OURS}"
    assert audited(mended(zone, findings), full_expectations()).findings == ()
