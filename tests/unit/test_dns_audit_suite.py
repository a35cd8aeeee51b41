"""The community's RFC 7208 suite, read for static validity: does a record hold for every sender?"""

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from dns_audit_cases import FakeDns, looked_up

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Query, RecordType
from outreach_pipelines.domain.dns_audit.findings import Check, CheckReport, Fault
from outreach_pipelines.domain.dns_audit.names import parse_domain_name
from outreach_pipelines.domain.dns_audit.spf_check import SpfNeeds, check_spf
from outreach_pipelines.domain.dns_audit.spf_edit import Authorised
from outreach_pipelines.domain.dns_audit.spf_evaluation import SpfResult, check_host
from outreach_pipelines.domain.dns_audit.spf_expansion import SpfSender, spf_sender

_SPACE = "\\032"
SUITE = Path(__file__).parents[2].parent / "shared/conformance/spf/rfc7208-tests.yml"
NEEDS_SUITE = pytest.mark.skipif(not SUITE.exists(), reason="the conformance suite is not beside the checkout")
PERMANENT = {Check.SPF_SYNTAX, Check.SPF_LIMITS, Check.SPF_REFERENCES}


def cases() -> Iterator[tuple[str, str, set[str], FakeDns]]:
    if not SUITE.exists():
        return
    for document in yaml.safe_load_all(SUITE.read_text(encoding="utf-8")):
        served = served_zone(document["zonedata"])
        for name, case in document["tests"].items():
            results = case["result"] if isinstance(case["result"], list) else [case["result"]]
            sender = str(case["mailfrom"] or f"postmaster@{case['helo']}").rpartition("@")[2]
            yield f"{document['description']}: {name}", sender, set(results), served


def served_zone(zone: dict[str, list[Any]]) -> FakeDns:
    lines = [
        f"{owner.lower().replace(' ', _SPACE)} {line}"
        for owner, records in zone.items()
        for line in record_lines(records)
    ]
    silent = {owner.lower() for owner, records in zone.items() if "TIMEOUT" in records}
    spoken = {tuple(line.split(" ")[:2]) for line in lines}
    failing = (Query(DomainName(o), kind) for o in silent for kind in RecordType if (o, kind.value) not in spoken)
    return FakeDns(tuple(lines), frozenset(failing))


def record_lines(records: list[Any]) -> Iterator[str]:
    """Type SPF stands for TXT too, where the zone holds no TXT of its own (the suite's own rule)."""
    pairs = [(kind, value) for record in records if isinstance(record, dict) for kind, value in record.items()]
    has_text = any(kind == "TXT" for kind, _ in pairs)
    for kind, value in pairs:
        match kind:
            case "TXT" | "SPF" if value != "NONE" and (kind == "TXT" or not has_text):
                yield "TXT " + ("".join(value) if isinstance(value, list) else value)
            case "MX":
                yield f"MX {value[0]} {value[1] or '.'}"
            case "A" | "AAAA" | "CNAME" | "PTR":
                yield f"{kind} {value}"


def judged(sender: str, served: FakeDns) -> CheckReport:
    domain = parse_domain_name(sender) or DomainName("impossible.test")
    needs = SpfNeeds(domain, Authorised(), frozenset())
    return looked_up(lambda: check_spf(needs), served)


def is_broken(report: CheckReport) -> bool:
    return any(
        finding.check in PERMANENT or (finding.check is Check.SPF_RECORD and finding.fault is Fault.EXTRA)
        for finding in report.findings
    )


@NEEDS_SUITE
def test_every_record_that_ends_in_a_permanent_error_is_found_broken() -> None:
    certain = [case for case in cases() if case[2] == {"permerror"}]

    passed_over = [name for name, sender, _, served in certain if not is_broken(judged(sender, served))]

    assert len(certain) > 70
    assert passed_over == []


@NEEDS_SUITE
def test_a_record_is_called_broken_only_where_some_sender_gets_a_permanent_error() -> None:
    sound = [case for case in cases() if "permerror" not in case[2]]

    accused = [(name, sender, served) for name, sender, _, served in sound if is_broken(judged(sender, served))]

    # One: the suite's sender matches before the eleventh look-up. Another sender reaches it, so that the record has no
    # validity of its own, and the audit of a sending domain must tell the worst.
    assert len(sound) > 120
    assert [name for name, _, _ in accused] == ["Processing limits: include-at-limit"]
    assert all(SpfResult.PERMERROR in results_of_strangers(sender, served) for _, sender, served in accused)


@NEEDS_SUITE
def test_a_record_that_is_not_called_broken_gives_no_stranger_a_permanent_error() -> None:
    certain = [(name, sender, served) for name, sender, _, served in cases() if not failing_or_broken(sender, served)]

    wronged = [name for name, sender, served in certain if SpfResult.PERMERROR in results_of_strangers(sender, served)]

    assert len(certain) > 60
    assert wronged == []


def failing_or_broken(sender: str, served: FakeDns) -> bool:
    report = judged(sender, served)
    return is_broken(report) or bool(report.unanswered) or parse_domain_name(sender) is None


def results_of_strangers(sender: str, served: FakeDns) -> set[SpfResult]:
    """What senders get whom no record of the suite names. IPv4: a host without AAAA costs an IPv6 sender a void."""
    strangers = [spf_sender(ip_address(ip), f"stranger@{sender}", sender) for ip in ("203.0.113.255", "192.0.2.255")]
    return {looked_up(lambda one=one: check_host(one), served).result for one in strangers}


def messages() -> Iterator[tuple[str, SpfSender, set[str], str | None, FakeDns]]:
    for document in yaml.safe_load_all(SUITE.read_text(encoding="utf-8")):
        served = served_zone(document["zonedata"])
        for name, case in document["tests"].items():
            results = case["result"] if isinstance(case["result"], list) else [case["result"]]
            sender = spf_sender(ip_address(case["host"]), str(case["mailfrom"] or ""), str(case["helo"]))
            explanation = case.get("explanation")
            yield f"{document['description']}: {name}", sender, set(results), explanation, served


@NEEDS_SUITE
def test_every_message_of_the_suite_gets_its_result_and_its_explanation() -> None:
    wrong = []
    told = 0
    for name, sender, results, explanation, served in messages():
        outcome = looked_up(lambda sender=sender: check_host(sender), served)
        expected = None if explanation == "DEFAULT" else explanation
        told += 1
        if outcome.result not in results or (explanation is not None and outcome.explanation != expected):
            wrong.append((name, outcome.result, outcome.reason, outcome.explanation))

    assert wrong == []
    assert told == 203
