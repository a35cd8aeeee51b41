"""Delegation, MX, return path, tracking host, and the fixes of all checks."""

from ipaddress import ip_address

import pytest
from dns_audit_cases import (
    DOMAIN,
    RELAY,
    SES,
    audited,
    dns,
    expectations,
    faults_of,
    finding_of,
    good_zone,
    mended,
)

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import RecordType
from outreach_pipelines.domain.dns_audit.expectations import Expectations, SendingAccount, TrackingHost
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, Finding, ResourceRecord, Severity
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind

POSTMARK = SendingAccount(
    name=AccountName("postmark"), kind=ProviderKind.POSTMARK, return_path=DomainName("pm-bounces.acme.example")
)


def test_a_domain_that_publishes_everything_is_ready_and_scores_100() -> None:
    findings = audited(dns())

    assert findings.findings == ()
    assert findings.score.total == 100
    assert set(findings.readiness.values()) == {Ready()}


OWN_RECORDS = [
    line
    for line in good_zone()
    if line.split(" ")[0].endswith("acme.example")
    and not line.startswith(("acme.example NS", "mx.", "acme.example TXT some"))
]


@pytest.mark.parametrize("line", OWN_RECORDS, ids=lambda line: line[:40])
def test_any_record_taken_away_is_found_and_its_fix_makes_the_domain_ready_again(line: str) -> None:
    broken = dns(without=[line])

    findings = audited(broken)

    assert any(isinstance(state, NotReady) and state.missing for state in findings.readiness.values())
    assert set(audited(mended(broken, findings)).readiness.values()) == {Ready()}


@pytest.mark.parametrize(
    ("added", "removed"),
    [
        ("acme.example TXT v=spf1 -all", ()),
        ("bounce.acme.example MX 20 mail.acme.example", ()),
        ("bounce.acme.example MX 10 feedback-smtp.us-east-1.amazonses.com", ("bounce.acme.example MX",)),
        ("links.acme.example CNAME parked.test", ("links.",)),
        ("acme.example TXT v=spf1 mx ~all", ("acme.example TXT v=spf1",)),
        ("relay._domainkey.acme.example TXT v=DKIM1; p=", ("relay._domainkey",)),
        ("relay._domainkey.acme.example CNAME amazonses.com", ("relay._domainkey",)),
        ("_dmarc.acme.example TXT v=DMARC1; p=maybe", ("_dmarc",)),
        ("_dmarc.acme.example TXT v=DMARC1; p=none", ()),
        ("acme.example MX 0 .", ("acme.example MX",)),
        ("acme.example MX 10 gone.acme.example", ("acme.example MX",)),
        ("bounce.acme.example CNAME pm.mtasv.net", ("bounce.acme.example",)),
    ],
)
def test_any_wrong_record_is_found_and_its_fix_makes_the_domain_ready_again(
    added: str, removed: tuple[str, ...]
) -> None:
    broken = dns(added, without=removed)

    findings = audited(broken)

    assert any(isinstance(state, NotReady) for state in findings.readiness.values())
    assert set(audited(mended(broken, findings)).readiness.values()) == {Ready()}


def test_a_domain_that_does_not_exist_stops_everything() -> None:
    findings = audited(dns(), domain=DomainName("gone.test"))

    assert finding_of(findings, Check.DELEGATION).severity is Severity.CRITICAL


def test_a_subdomain_is_held_by_its_parents_zone() -> None:
    findings = audited(dns("news.acme.example TXT hello"), domain=DomainName("news.acme.example"))

    assert Check.DELEGATION not in {finding.check for finding in findings.findings}


@pytest.mark.parametrize(
    ("removed", "added", "words"),
    [
        (["acme.example NS ns2"], "x.test A 192.0.2.9", "one name server only"),
        (["ns2.dns.test"], "x.test A 192.0.2.9", "ns2.dns.test has no address"),
        (["ns2.dns.test"], "ns2.dns.test A 192.0.2.2", "all name servers stand in 192.0.2.0/24"),
    ],
)
def test_poor_name_servers_are_a_weakness(removed: list[str], added: str, words: str) -> None:
    findings = audited(dns(added, without=removed))

    assert faults_of(findings) == {(Check.NAME_SERVERS, Fault.WEAK)}
    assert any(words in finding.evidence for finding in findings.findings)


@pytest.mark.parametrize(
    ("mx", "fault"),
    [
        ("MX 0 .", Fault.WRONG),
        ("MX 10 192.0.2.1", Fault.WRONG),
        ("MX 10 gone.acme.example", Fault.WRONG),
        ("MX 10 links.acme.example", Fault.WRONG),
        ("TXT nothing", Fault.MISSING),
        ("A 192.0.2.1", Fault.WEAK),
    ],
)
def test_a_domain_that_takes_no_mail_is_found(mx: str, fault: Fault) -> None:
    findings = audited(dns(f"acme.example {mx}", without=["acme.example MX"]))

    assert faults_of(findings) == {(Check.MAIL_EXCHANGER, fault)}


def test_one_broken_mx_beside_a_good_one_is_a_weakness() -> None:
    findings = audited(dns("acme.example MX 20 gone.acme.example"))

    assert faults_of(findings) == {(Check.MAIL_EXCHANGER, Fault.WEAK)}


def test_a_second_mx_at_the_ses_return_path_is_extra() -> None:
    findings = audited(dns("bounce.acme.example MX 20 mail.acme.example"))

    state = findings.readiness[SES]
    assert isinstance(state, NotReady)
    assert [finding.check for finding in state.extra] == [Check.RETURN_PATH]
    assert isinstance(findings.readiness[RELAY], Ready)


def test_postmark_needs_its_cname_and_no_spf_of_ours() -> None:
    findings = audited(dns(), Expectations(accounts=(POSTMARK,)))

    finding = finding_of(findings, Check.RETURN_PATH)
    assert finding.fix is not None
    assert finding.fix.publish[0].zone_line == "pm-bounces.acme.example. 3600 IN CNAME pm.mtasv.net."
    assert Check.SPF_AUTHORISES not in {finding.check for finding in findings.findings}


def test_mailgun_needs_its_include_in_the_domains_own_record() -> None:
    mailgun = SendingAccount(name=AccountName("mailgun"), kind=ProviderKind.MAILGUN)

    findings = audited(dns(), Expectations(accounts=(mailgun,)))

    fix = finding_of(findings, Check.SPF_AUTHORISES).fix
    assert fix is not None
    assert fix.publish[0].value == "v=spf1 ip4:203.0.113.7 include:mailgun.org ~all"


@pytest.mark.parametrize(
    ("address", "fault"), [("203.0.113.80", None), ("203.0.113.99", Fault.WRONG), (None, Fault.MISSING)]
)
def test_a_tracking_host_without_alias_must_lead_to_our_addresses(address: str | None, fault: Fault | None) -> None:
    host = TrackingHost(DomainName("go.acme.example"), addresses=frozenset({ip_address("203.0.113.80")}))
    zone = dns(*([f"go.acme.example A {address}"] if address else []))

    findings = audited(zone, Expectations(tracking=host))

    tracking = {finding.fault for finding in findings.findings if finding.check is Check.TRACKING_HOST}
    assert tracking == ({fault} if fault else set())


def test_an_account_without_known_selectors_is_never_called_ready() -> None:
    findings = audited(dns(), Expectations(accounts=(POSTMARK,)))

    assert Check.DKIM_RECORD in {gap.check for gap in findings.unanswered}


def test_long_text_is_cut_into_strings_of_255_bytes() -> None:
    record = ResourceRecord(DOMAIN, RecordType.TXT, "x" * 255 + "y" * 5)

    assert record.zone_line == f'acme.example. 3600 IN TXT "{"x" * 255}" "yyyyy"'


def test_quotes_and_backslashes_in_text_are_escaped() -> None:
    assert ResourceRecord(DOMAIN, RecordType.TXT, 'a"b\\c').zone_line.endswith(r'"a\"b\\c"')


def test_a_weakness_can_stop_nobody() -> None:
    with pytest.raises(ValueError, match="weakness"):
        Finding(
            check=Check.SPF_ALL,
            fault=Fault.WEAK,
            severity=Severity.LOW,
            name=DOMAIN,
            evidence="",
            stops=expectations().all_accounts,
        )


def test_a_missing_policy_costs_the_whole_dmarc_part_and_no_other() -> None:
    score = audited(dns(without=["_dmarc"])).score

    assert {part.area: part.points for part in score.parts if part.points != part.weight} == {"dmarc": 0.0}
    assert score.total == 75
