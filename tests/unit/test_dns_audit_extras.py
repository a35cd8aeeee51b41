"""The checks beyond sending itself: transport security, name servers, addresses, reputation. Each before and after its fix."""

from ipaddress import IPv4Address

import pytest
from dns_audit_cases import (
    DOMAIN,
    FULL_POLICY,
    FakeDns,
    audited,
    faults_of,
    finding_of,
    full,
    full_expectations,
    full_zone,
    mended,
)

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Cause, PolicyText, Query, RecordType, ServerAddress
from outreach_pipelines.domain.dns_audit.expectations import Expectations, Extra
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, Severity
from outreach_pipelines.domain.dns_audit.mta_sts_policy import MtaStsPolicy, PolicyMode, first_policy
from outreach_pipelines.domain.dns_audit.presentation import written
from outreach_pipelines.domain.dns_audit.readiness import Ready

MX = DomainName("mx.acme.example")
POLICY_HOST = "mta-sts.acme.example"


def test_a_domain_that_publishes_everything_has_no_finding_in_any_check() -> None:
    findings = audited(full(), full_expectations())

    assert findings.findings == ()
    assert findings.unanswered == ()
    assert findings.score.total == 100
    assert set(findings.readiness.values()) == {Ready()}


MENDABLE = [
    (Check.MTA_STS, Fault.WEAK, "", ("_mta-sts",)),
    (Check.MTA_STS, Fault.EXTRA, "_mta-sts.acme.example TXT v=STSv1; id=2", ()),
    (Check.MTA_STS, Fault.WRONG, "_mta-sts.acme.example TXT v=STSv1; id=not-alphanumeric", ("_mta-sts",)),
    (Check.MTA_STS, Fault.WRONG, "_mta-sts.acme.example TXT v=STSv1", ("_mta-sts",)),
    (Check.MTA_STS, Fault.WRONG, "", (POLICY_HOST,)),
    (Check.MTA_STS, Fault.WRONG, f"{POLICY_HOST} {written(PolicyText('version: STSv2'))}", (POLICY_HOST,)),
    (
        Check.MTA_STS,
        Fault.WRONG,
        f"{POLICY_HOST} {written(PolicyText(first_policy([DomainName('old.acme.example')]).text))}",
        (POLICY_HOST,),
    ),
    (Check.TLS_REPORTS, Fault.WEAK, "", ("_smtp._tls",)),
    (Check.TLS_REPORTS, Fault.EXTRA, "_smtp._tls.acme.example TXT v=TLSRPTv1; rua=https://reports.test", ()),
    (Check.TLS_REPORTS, Fault.WRONG, "_smtp._tls.acme.example TXT v=TLSRPTv1; rua=reports.test", ("_smtp._tls",)),
    (Check.ADDRESSES, Fault.WRONG, "acme.example A 10.0.0.1", ()),
    (Check.ADDRESSES, Fault.WRONG, "mx.acme.example AAAA fe80::1", ()),
    (Check.DNSSEC, Fault.WRONG, "acme.example DS 4711 8", ("acme.example DS",)),
    (Check.DNSSEC, Fault.WRONG, "", ("acme.example DNSKEY",)),
    (Check.DANGLING_ALIAS, Fault.EXTRA, "autodiscover.acme.example CNAME gone.cloud.test", ()),
    (Check.REVERSE_NAME, Fault.MISSING, "", ("7.113.0.203.in-addr.arpa",)),
    (Check.REVERSE_NAME, Fault.WRONG, "", ("relay.acme.example A",)),
    (
        Check.REVERSE_NAME,
        Fault.WEAK,
        "7.113.0.203.in-addr.arpa PTR mx7.acme.example\nmx7.acme.example A 203.0.113.7",
        ("7.113",),
    ),
    (
        Check.BRAND,
        Fault.WRONG,
        "default._bimi.acme.example TXT v=BIMI1; l=http://acme.example/logo.png",
        ("default._bimi",),
    ),
]


@pytest.mark.parametrize(("check", "fault", "added", "removed"), MENDABLE)
def test_a_fault_is_found_and_its_fix_makes_the_finding_go_away(
    check: Check, fault: Fault, added: str, removed: tuple[str, ...]
) -> None:
    broken = full(*added.splitlines(), without=removed)

    findings = audited(broken, full_expectations())

    assert faults_of(findings) == {(check, fault)}
    assert finding_of(findings, check).evidence
    assert audited(mended(broken, findings), full_expectations()).findings == ()


@pytest.mark.parametrize(
    ("check", "fault", "severity", "added", "removed", "words"),
    [
        (Check.SECONDARIES, Fault.WEAK, Severity.HIGH, "", ("acme.example SOA",), "says that it has no zone"),
        (Check.BLOCKLIST, Fault.WRONG, Severity.HIGH, "7.113.0.203.ips.blocked.test A 127.0.0.2", (), "ips.blocked.test with 127.0.0.2"),
        (Check.BLOCKLIST, Fault.WRONG, Severity.HIGH, "acme.example.domains.blocked.test A 127.0.1.2", (), "domains.blocked.test"),
        (Check.AUTHORITIES, Fault.WRONG, Severity.MEDIUM, 'acme.example CAA 128 novelty "x"', (), "novelty"),
        (Check.MAIL_GREETING, Fault.WRONG, Severity.HIGH, 'mx.acme.example SMTP {"banner": "554 no", "starttls": false}', ("mx.acme.example SMTP",), "takes no mail"),
        (Check.MAIL_GREETING, Fault.WEAK, Severity.MEDIUM, 'mx.acme.example SMTP {"banner": "220 hi", "starttls": false}', ("mx.acme.example SMTP",), "no STARTTLS"),
        (Check.MAIL_GREETING, Fault.WEAK, Severity.MEDIUM, 'mx.acme.example SMTP {"banner": "220 hi", "starttls": true, "certificate_fault": "self-signed"}', ("mx.acme.example SMTP",), "self-signed"),
        (Check.MAIL_GREETING, Fault.WEAK, Severity.MEDIUM, 'mx.acme.example SMTP {"banner": "220 hi", "starttls": true, "days_left": 3}', ("mx.acme.example SMTP",), "ends in 3 days"),
    ],
)  # fmt: skip
def test_a_fault_that_no_record_mends_is_told_with_its_evidence(
    check: Check, fault: Fault, severity: Severity, added: str, removed: tuple[str, ...], words: str
) -> None:
    finding = finding_of(audited(full(*added.splitlines(), without=removed), full_expectations()), check)

    assert (finding.fault, finding.severity) == (fault, severity)
    assert words in finding.evidence


@pytest.mark.parametrize("code", ["127.255.255.254", "127.255.255.252", "127.0.0.1", "192.0.2.1", "198.51.100.7"])
def test_an_error_code_of_a_blocklist_is_unknown_and_no_listing(code: str) -> None:
    findings = audited(full(f"7.113.0.203.ips.blocked.test A {code}"), full_expectations())

    assert findings.findings == ()
    assert {gap.cause for gap in findings.unanswered} == {Cause.LIST_REFUSES}


def test_a_listing_beside_an_error_code_is_a_listing() -> None:
    zone = full("7.113.0.203.ips.blocked.test A 127.0.0.1", "7.113.0.203.ips.blocked.test A 127.0.0.4")

    assert finding_of(audited(zone, full_expectations()), Check.BLOCKLIST).evidence.startswith("listed by")


def test_name_servers_with_different_versions_of_the_zone_are_named() -> None:
    class Divided(FakeDns):
        def answer(self, query: Query, *, steps: int = 8) -> Answer:
            moved = query.server == ServerAddress("198.51.100.1") and query.type is RecordType.SOA
            lines = (
                tuple(line.replace("ns1.dns.test. 7", "ns1.dns.test. 6") for line in self.lines)
                if moved
                else self.lines
            )
            return FakeDns(lines, self.failing).answer(query, steps=steps)

    finding = finding_of(audited(Divided(full_zone()), full_expectations()), Check.SECONDARIES)

    assert "198.51.100.1): 6" in finding.evidence
    assert finding.severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("policy", "severity"), [(PolicyMode.ENFORCE, Severity.HIGH), (PolicyMode.TESTING, Severity.MEDIUM)]
)
def test_a_host_that_the_policy_does_not_name_weighs_by_the_mode(policy: PolicyMode, severity: Severity) -> None:
    text = first_policy([DomainName("other.test")], policy).text
    zone = full(f"{POLICY_HOST} {written(PolicyText(text))}", without=[POLICY_HOST])

    assert finding_of(audited(zone, full_expectations()), Check.MTA_STS).severity is severity


def test_a_policy_with_a_bad_certificate_is_named_and_no_record_is_proposed() -> None:
    zone = full(
        f"{POLICY_HOST} {written(PolicyText('', 'the certificate is not valid: expired'))}", without=[POLICY_HOST]
    )

    finding = finding_of(audited(zone, full_expectations()), Check.MTA_STS)

    assert "expired" in finding.evidence
    assert finding.fix is None


@pytest.mark.parametrize(
    ("pattern", "host", "named"),
    [
        ("mx.acme.example", "mx.acme.example", True),
        ("*.acme.example", "mx.acme.example", True),
        ("*.acme.example", "a.mx.acme.example", False),
        ("*.acme.example", "acme.example", False),
        ("MX.acme.example.", "mx.acme.example", True),
    ],
)
def test_a_wildcard_of_a_policy_stands_for_one_label(pattern: str, host: str, *, named: bool) -> None:
    assert MtaStsPolicy(PolicyMode.ENFORCE, (pattern,), 60).names(DomainName(host)) is named


def test_another_policy_is_announced_by_another_id() -> None:
    assert FULL_POLICY.record != first_policy([MX]).record
    assert FULL_POLICY.record == first_policy([MX, MX], PolicyMode.ENFORCE).record


@pytest.mark.parametrize(
    "text",
    [
        "version: STSv1\nmode: enforce\nmax_age: 60\n",
        "version: STSv1\nmode: strict\nmx: a.test\nmax_age: 60\n",
        "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: soon\n",
        "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 99999999\n",
        "mode: enforce\nmx: a.test\nmax_age: 60\n",
        "",
    ],
)
def test_a_policy_that_senders_would_not_use_is_wrong(text: str) -> None:
    zone = full(f"{POLICY_HOST} {written(PolicyText(text))}", without=[POLICY_HOST])

    assert (Check.MTA_STS, Fault.WRONG) in faults_of(audited(zone, full_expectations()))


def test_a_domain_that_takes_no_mail_needs_neither_policy_nor_reports() -> None:
    zone = full(without=["_mta-sts", "mta-sts", "_smtp._tls", "acme.example MX", "acme.example A"])
    expected = Expectations(extras=frozenset({Extra.MTA_STS, Extra.TLS_REPORTS}))

    checks = {finding.check for finding in audited(zone, expected).findings}

    assert not checks & {Check.MTA_STS, Check.TLS_REPORTS}


@pytest.mark.parametrize(
    ("removed", "words"),
    [
        (("acme.example DS", "acme.example DNSKEY"), "unsigned"),
        (("acme.example DS",), "keys without a DS record at the parent: nobody validates"),
        ((), "signed"),
    ],
)
def test_the_state_of_dnssec_is_told_as_a_fact(removed: tuple[str, ...], words: str) -> None:
    findings = audited(full(without=removed), full_expectations())

    assert [fact.text for fact in findings.facts if fact.check is Check.DNSSEC] == [words]


def test_a_reverse_name_whose_forward_answer_is_lost_is_unknown() -> None:
    lost = Query(DomainName("relay.acme.example"), RecordType.A)

    findings = audited(full(failing=[lost]), full_expectations())

    assert findings.findings == ()
    assert Check.REVERSE_NAME in {gap.check for gap in findings.unanswered}


def test_only_what_is_expected_is_checked() -> None:
    bare = full(without=["_mta-sts", "_smtp._tls", "7.113", "acme.example DNSKEY"])

    assert audited(bare, Expectations()).findings == ()
    assert DOMAIN in {query.name for query in bare.asked}
    assert IPv4Address("203.0.113.7").reverse_pointer not in {query.name for query in bare.asked}
