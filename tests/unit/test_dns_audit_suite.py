"""The community's RFC 7208 suite, read for static validity: does a record hold for every sender?"""

from collections.abc import Iterator
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

SUITE = Path(__file__).parents[2].parent / "shared/conformance/spf/rfc7208-tests.yml"
PERMANENT = {Check.SPF_SYNTAX, Check.SPF_LIMITS, Check.SPF_REFERENCES}


# Holds for the suite's sender, who matches early; a sender who matches nothing meets an eleventh look-up.
BROKEN_FOR_OTHERS = {"Processing limits: include-at-limit"}


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
    lines = [f"{owner.lower()} {line}" for owner, records in zone.items() for line in record_lines(records)]
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
            case "A" | "AAAA" | "CNAME":
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


@pytest.mark.skipif(not SUITE.exists(), reason="the conformance suite is not beside the checkout")
def test_every_record_that_ends_in_a_permanent_error_is_found_broken() -> None:
    certain = [case for case in cases() if case[2] == {"permerror"}]

    passed_over = [name for name, sender, _, served in certain if not is_broken(judged(sender, served))]

    assert len(certain) > 70
    assert passed_over == []


@pytest.mark.skipif(not SUITE.exists(), reason="the conformance suite is not beside the checkout")
def test_no_record_that_holds_for_every_sender_is_called_broken() -> None:
    sound = [case for case in cases() if "permerror" not in case[2]]

    accused = {name for name, sender, _, served in sound if is_broken(judged(sender, served))}

    assert len(sound) > 120
    assert accused == BROKEN_FOR_OTHERS
