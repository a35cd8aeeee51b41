"""What an SPF record costs at worst, named and counted, and its terms that change nothing."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from dns_audit_cases import DOMAIN, FakeDns, audited, dns, finding_of, looked_up, mended
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.dns_audit.answers import Cause, RecordType
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, Finding, Fix, ResourceRecord, Severity
from outreach_pipelines.domain.dns_audit.fix_list import fix_list
from outreach_pipelines.domain.dns_audit.spf_evaluation import SpfResult, check_host
from outreach_pipelines.domain.dns_audit.spf_expansion import spf_sender
from outreach_pipelines.domain.dns_audit.spf_grammar import parse_spf
from outreach_pipelines.domain.dns_audit.spf_redundancy import redundant_terms, without_redundant_terms


def zone(record: str) -> FakeDns:
    return dns(f"acme.example TXT {record}", without=["acme.example TXT v=spf1"])


@pytest.mark.parametrize(
    ("record", "redundant", "left"),
    [
        ("v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.7 -all", ["ip4:192.0.2.7 lies within ip4:192.0.2.0/24"], "v=spf1 ip4:192.0.2.0/24 -all"),
        ("v=spf1 mx a mx ~all", ["mx stands twice"], "v=spf1 mx a ~all"),
        ("v=spf1 -all include:x.test", ["include:x.test is never reached"], "v=spf1 -all"),
        ("v=spf1 mx -all redirect=x.test", ["redirect=x.test has no effect beside all"], "v=spf1 mx -all"),
        ("v=spf1 ip4:192.0.2.7 ip4:192.0.2.0/24 -all", [], "v=spf1 ip4:192.0.2.7 ip4:192.0.2.0/24 -all"),
        ("v=spf1 ip4:192.0.2.0 ip4:192.0.2.0/24 -all", [], "v=spf1 ip4:192.0.2.0 ip4:192.0.2.0/24 -all"),
        ("v=spf1 mx include:x.test redirect=y.test", [], "v=spf1 mx include:x.test redirect=y.test"),
        ("v=spf1 ip6:2001:db8::/32 ip4:192.0.2.1 -all", [], "v=spf1 ip6:2001:db8::/32 ip4:192.0.2.1 -all"),
    ],
)  # fmt: skip
def test_terms_that_change_nothing_are_named_and_left_out(record: str, redundant: list[str], left: str) -> None:
    parsed = parse_spf(record.encode())

    assert [str(term) for term in redundant_terms(parsed)] == redundant
    assert without_redundant_terms(parsed) == left


def test_a_redundant_term_is_a_weakness_and_its_fix_ends_it() -> None:
    broken = zone("v=spf1 ip4:203.0.113.0/24 ip4:203.0.113.7 ~all")

    finding = finding_of(audited(broken), Check.SPF_REDUNDANT)

    assert "ip4:203.0.113.7 lies within ip4:203.0.113.0/24" in finding.evidence
    assert audited(mended(broken, audited(broken))).findings == ()


def test_every_look_up_is_named_with_the_record_that_holds_it() -> None:
    served = dns(
        "acme.example TXT v=spf1 mx include:deep.test ~all",
        "deep.test TXT v=spf1 a:mx.acme.example -all",
        without=["acme.example TXT v=spf1"],
    )

    facts = [fact.text for fact in audited(served, Expectations()).facts if fact.check is Check.SPF_LIMITS]

    assert facts == [
        "at worst 3 of 10 look-ups, 0 of 2 void: mx (in acme.example), include:deep.test (in acme.example), a:mx.acme.example (in deep.test)"
    ]  # fmt: skip


TERMS = st.sampled_from(
    ["ip4:192.0.2.0/24", "ip4:192.0.2.7", "-ip4:192.0.2.0/25", "?ip4:192.0.2.7", "mx", "-mx", "a:mx.acme.example", "-all", "~all", "ip6:2001:db8::1"]
)  # fmt: skip
SENDERS = ["192.0.2.7", "192.0.2.25", "192.0.2.200", "198.51.100.9", "2001:db8::1"]


@settings(deadline=None)
@given(st.lists(TERMS, max_size=6), st.sampled_from(["", "redirect=amazonses.com"]))
def test_no_sender_gets_another_result_without_the_redundant_terms(terms: list[str], modifier: str) -> None:
    record = " ".join(filter(None, ["v=spf1", *terms, modifier]))

    shorter = without_redundant_terms(parse_spf(record.encode()))

    for ip in SENDERS:
        sender = spf_sender(ip_address(ip), f"a@{DOMAIN}", DOMAIN)
        before = looked_up(lambda sender=sender: check_host(sender), zone(record))
        after = looked_up(lambda sender=sender: check_host(sender), zone(shorter))
        # A permanent error is what the redundant look-ups themselves can bring.
        assert before.result in (after.result, SpfResult.PERMERROR), (record, shorter, ip)


def test_all_faults_of_one_record_are_mended_by_one_fix() -> None:
    broken = zone("v=spf1 mx mx ip4:192.0.2.0/24 ip4:192.0.2.7 ?all")

    findings = audited(broken)
    fixes = {finding.fix for finding in findings.findings}

    assert len(findings.findings) == 3
    assert [fix.publish[0].value for fix in fixes if fix] == ["v=spf1 mx ip4:192.0.2.0/24 ip4:203.0.113.7 ~all"]
    assert audited(mended(broken, findings)).findings == ()


def test_fixes_that_replace_the_same_record_in_two_ways_are_done_one_after_the_other() -> None:
    old = ResourceRecord(DOMAIN, RecordType.TXT, "old")
    one, other = (Fix((ResourceRecord(DOMAIN, RecordType.TXT, text),), (old,)) for text in ("a", "b"))
    worse = Finding(check=Check.SPF_ALL, fault=Fault.WRONG, severity=Severity.HIGH, name=DOMAIN, evidence="", fix=one)
    lesser = replace(worse, severity=Severity.LOW, fix=other)

    fixes = fix_list([lesser, worse, replace(lesser, fix=None)])

    assert (fixes.mended, fixes.later, fixes.by_hand) == ((worse,), (lesser,), (replace(lesser, fix=None),))
    assert (fixes.publish, fixes.withdraw) == (one.publish, (old,))


def test_an_address_behind_more_terms_than_are_followed_is_unknown_and_not_missing() -> None:
    hosts = " ".join(f"a:h{number}.test" for number in range(60))
    served = dns(
        f"acme.example TXT v=spf1 {hosts} a:relay.test ~all",
        "relay.test A 203.0.113.7",
        without=["acme.example TXT v=spf1"],
    )

    findings = audited(served)

    assert Check.SPF_AUTHORISES not in {finding.check for finding in findings.findings}
    assert Cause.TOO_MUCH in {gap.cause for gap in findings.unanswered if gap.check is Check.SPF_AUTHORISES}
