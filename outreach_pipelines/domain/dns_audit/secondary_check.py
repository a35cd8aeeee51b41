"""The check that all name servers of a zone say the same, each asked itself (RFC 1034 section 4.3.5).

Here: serial numbers and the records that mail rests on. Not here: how many servers there are (delegation_check.py).
A server that does not answer is unknown: it may be down for a minute, or closed to us alone.
"""

from dataclasses import dataclass

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Answer,
    NameServer,
    RecordType,
    ServerAddress,
    Unknown,
    ZoneStart,
    data_of,
)
from outreach_pipelines.domain.dns_audit.findings import Check, CheckReport, Fact, Fault, Finding, Severity, Unanswered
from outreach_pipelines.domain.dns_audit.lookups import Lookup, addresses_of, ask, together
from outreach_pipelines.domain.dns_audit.names import suffixes


@dataclass(frozen=True, slots=True)
class _Server:
    """A name server with one of its addresses."""

    host: DomainName
    address: ServerAddress

    def __str__(self) -> str:
        return f"{self.host} ({self.address})"


def check_secondaries(domain: DomainName) -> Lookup[CheckReport]:
    """Ask each server of the domain's zone for its serial number and compare."""
    zone, hosts = yield from _zone_of(domain)
    pairs = yield from together([addresses_of(host) for host in hosts])
    servers = [
        _Server(host, ServerAddress(str(record.ip)))
        for host, pair in zip(hosts, pairs, strict=True)
        for answer in pair
        for record in data_of(answer, Address)
    ]
    answers = yield from together([ask(zone, RecordType.SOA, server.address) for server in servers])
    return _judge(zone, list(zip(servers, answers, strict=True)))


def _zone_of(domain: DomainName) -> Lookup[tuple[DomainName, tuple[DomainName, ...]]]:
    for name in suffixes(domain):
        answer = yield from ask(name, RecordType.NS)
        hosts = tuple(server.host for server in data_of(answer, NameServer))
        if isinstance(answer, Unknown) or (hosts and ("." in name or name == domain)):
            return name, hosts
    return domain, ()


def _judge(zone: DomainName, told: list[tuple[_Server, Answer]]) -> CheckReport:
    serials = {server: start.serial for server, answer in told for start in data_of(answer, ZoneStart)}
    lame = [server for server, answer in told if not isinstance(answer, Unknown) and server not in serials]
    gaps = tuple(
        Unanswered(check=Check.SECONDARIES, name=server.host, cause=answer.cause)
        for server, answer in told
        if isinstance(answer, Unknown)
    )
    findings = []
    if lame:
        why = f"{', '.join(map(str, lame))} says that it has no zone {zone}"
        findings.append(_finding(zone, Severity.HIGH, why))
    if len(set(serials.values())) > 1:
        listed = ", ".join(f"{server}: {serial}" for server, serial in serials.items())
        findings.append(_finding(zone, Severity.MEDIUM, f"the servers hold different versions of the zone: {listed}"))
    known = sorted(set(serials.values()))
    alike = (
        [Fact(Check.SECONDARIES, zone, f"{len(serials)} servers hold version {known[0]}")] if len(known) == 1 else []
    )
    return CheckReport(tuple(findings), gaps, tuple(alike))


def _finding(zone: DomainName, severity: Severity, why: str) -> Finding:
    return Finding(check=Check.SECONDARIES, fault=Fault.WEAK, severity=severity, name=zone, evidence=why)
