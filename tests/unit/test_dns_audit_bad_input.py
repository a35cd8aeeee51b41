"""What strangers and typos publish: records of 64 KB, bytes that are no text, loops, wildcards."""

import time
from ipaddress import ip_address

import pytest
from dns_audit_cases import (
    DOMAIN,
    audited,
    dns,
    expectations,
    faults_of,
    finding_of,
    full,
    full_expectations,
    looked_up,
    rsa_key,
)

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Query, Records, RecordType, Text
from outreach_pipelines.domain.dns_audit.audit import audit
from outreach_pipelines.domain.dns_audit.dkim_key import DkimKeyError, parse_dkim_record
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.dns_audit.findings import Check, Fault
from outreach_pipelines.domain.dns_audit.lookups import NeedMore
from outreach_pipelines.domain.dns_audit.readiness import NotReady
from outreach_pipelines.domain.dns_audit.spf_evaluation import SpfResult, check_host
from outreach_pipelines.domain.dns_audit.spf_expansion import spf_sender

FULL = 64 * 1024
HUGE = {
    "look-ups": "v=spf1 " + " ".join(f"a:h{n}.test" for n in range(5000)),
    "includes": "v=spf1 " + " ".join(f"include:h{n}.test" for n in range(4000)),
    "networks": "v=spf1 " + " ".join(f"ip4:192.0.{n % 256}.{n // 256}" for n in range(3500)) + " -all",
    "one label": "v=spf1 include:" + "a" * FULL,
    "slashes": "v=spf1 a" + "/1" * (FULL // 2),
    "macros": "v=spf1 exists:" + "%{ir}." * (FULL // 6) + "test",
    "one modifier": "v=spf1 x=" + "y" * FULL,
    "spaces": "v=spf1" + " " * FULL + "-all",
}


@pytest.mark.parametrize("record", HUGE.values(), ids=HUGE)
def test_an_spf_record_of_64_kb_costs_little_time_and_few_queries(record: str) -> None:
    served = dns(f"acme.example TXT {record[:FULL]}", without=["acme.example TXT v=spf1"])
    answers: dict[Query, Answer] = {}
    cpu = time.process_time()

    while isinstance(outcome := audit(DOMAIN, answers, expectations()), NeedMore):
        asked_at = time.process_time()
        answers |= {query: served.answer(query) for query in outcome.queries}
        cpu += time.process_time() - asked_at  # the fake's own work is not the audit's

    assert time.process_time() - cpu < 2
    assert len(answers) < 200
    assert all(len(finding.evidence) < 60_000 for finding in outcome.findings)


@pytest.mark.parametrize("text", ["v=DKIM1; p=" + "A" * FULL, "v=DKIM1; " + "n=x; " * 12_000, ";" * FULL, "=" * FULL])
@pytest.mark.parametrize("name", ["relay._domainkey", "_dmarc", "_mta-sts", "_smtp._tls", "default._bimi"])
def test_a_text_of_64_kb_anywhere_is_judged_to_an_end(name: str, text: str) -> None:
    served = full(f"{name}.acme.example TXT {text}", without=[name])

    assert audited(served, full_expectations()).score.total is not None


@pytest.mark.parametrize(
    "value", [b"v=spf1 \xff -all", b"v=spf1 include:caf\xe9.test -all", "v=spf1 include:ä.test".encode()]
)
def test_bytes_above_127_in_an_spf_record_are_a_syntax_error_and_shown_escaped(value: bytes) -> None:
    findings = audited(dns(f"acme.example TXT {value.decode('latin-1')}", without=["acme.example TXT v=spf1"]))

    assert "\\x" in finding_of(findings, Check.SPF_SYNTAX).evidence


@pytest.mark.parametrize("value", [b"v=DKIM1; p=\xff\xfe", b"\xff" * 300, b"\x00", b""])
def test_bytes_that_are_no_key_are_a_fault_of_the_key(value: bytes) -> None:
    with pytest.raises(DkimKeyError):
        parse_dkim_record(value)


def test_bytes_above_127_beside_the_spf_record_are_nobodys_business() -> None:
    assert audited(dns("acme.example TXT \xff\xfe\x80")).findings == ()


def test_twenty_spf_records_are_one_finding_that_shows_them() -> None:
    records = [f"acme.example TXT v=spf1 ip4:192.0.2.{n} -all" for n in range(20)]

    finding = finding_of(audited(dns(*records)), Check.SPF_RECORD)

    assert finding.fault is Fault.EXTRA
    assert finding.evidence.startswith("21 SPF records")
    assert finding.fix is not None
    assert (len(finding.fix.publish), len(finding.fix.withdraw)) == (1, 21)


@pytest.mark.parametrize(
    "lines",
    [
        ["acme.example TXT v=spf1 include:acme.example -all"],
        ["acme.example TXT v=spf1 redirect=acme.example"],
        ["acme.example TXT v=spf1 include:b.test -all", "b.test TXT v=spf1 include:c.test -all", "c.test TXT v=spf1 include:b.test -all"],
    ],
)  # fmt: skip
def test_a_loop_of_includes_ends_and_is_a_fault(lines: list[str]) -> None:
    served = dns(*lines, without=["acme.example TXT v=spf1"])
    sender = spf_sender(ip_address("198.51.100.200"), f"a@{DOMAIN}", DOMAIN)

    assert "leads back to itself" in finding_of(audited(served), Check.SPF_REFERENCES).evidence
    assert looked_up(lambda: check_host(sender), served).result is SpfResult.PERMERROR


@pytest.mark.parametrize(
    ("gone", "loop"),
    [
        ("relay._domainkey", "relay._domainkey.acme.example"),
        ("_dmarc", "_dmarc.acme.example"),
        ("acme.example MX", "acme.example"),
    ],
)
def test_a_loop_of_aliases_is_unknown_and_no_missing_record(gone: str, loop: str) -> None:
    served = dns(f"{loop} CNAME loop.test", "loop.test CNAME pool.test", "pool.test CNAME loop.test", without=[gone])

    findings = audited(served)

    assert not any(finding.fault is Fault.MISSING for finding in findings.findings)
    assert findings.unanswered


def test_an_answer_that_is_a_loop_of_aliases_by_itself_ends() -> None:
    loop = dns("_dmarc.acme.example CNAME _dmarc.acme.example", without=["_dmarc"])

    assert not any(finding.fault is Fault.MISSING for finding in audited(loop).findings)


def test_a_wildcard_that_answers_for_every_name_makes_no_policy_and_no_key() -> None:
    wild = dns(without=["_dmarc", "relay._domainkey"])
    answers: dict[Query, Answer] = {}

    while isinstance(outcome := audit(DOMAIN, answers, expectations()), NeedMore):
        for query in outcome.queries:
            told = wild.answer(query)
            is_ours = query.name.endswith(".acme.example") and query.type is RecordType.TXT
            answers[query] = Records((Text(b"v=spf1 -all"),), 60) if is_ours and not isinstance(told, Records) else told

    assert (Check.DMARC_RECORD, Fault.MISSING) in faults_of(outcome)
    assert (Check.DKIM_KEY, Fault.WRONG) in faults_of(outcome)
    assert all(isinstance(state, NotReady) for state in outcome.readiness.values())


def test_a_wildcard_of_addresses_lists_no_domain() -> None:
    served = full("7.113.0.203.ips.blocked.test A 192.0.2.99", "acme.example.domains.blocked.test A 192.0.2.99")

    assert Check.BLOCKLIST not in {finding.check for finding in audited(served, full_expectations()).findings}


def test_a_label_of_64_bytes_in_a_record_is_no_name_and_no_query() -> None:
    record = f"v=spf1 include:{'a' * 64}.test -all"

    findings = audited(dns(f"acme.example TXT {record}", without=["acme.example TXT v=spf1"]), Expectations())

    assert "names no possible domain" in finding_of(findings, Check.SPF_REFERENCES).evidence


def test_a_selector_with_other_text_beside_the_key_is_extra() -> None:
    served = dns(f"relay._domainkey.acme.example TXT v=DKIM1; p={rsa_key(1024)}")

    assert (Check.DKIM_RECORD, Fault.EXTRA) in faults_of(audited(served))


def test_a_domain_that_is_an_alias_itself_is_audited() -> None:
    served = dns("news.acme.example CNAME acme.example")

    findings = audited(served, Expectations(), DomainName("news.acme.example"))

    assert not any(finding.fault is Fault.MISSING for finding in findings.findings)
