"""The name-server checks: the domain exists and more than one server answers for it.

Here: judgement of delegation (RFC 1034 section 4.1, RFC 2182 section 3.1 on diversity).
"""

from collections.abc import Iterator

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Answer,
    NameServer,
    NxDomain,
    RecordType,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.expectations import network_around
from outreach_pipelines.domain.dns_audit.findings import Check, CheckReport, Fault, Finding, Severity, Unanswered
from outreach_pipelines.domain.dns_audit.lookups import Lookup, addresses_of, ask, together
from outreach_pipelines.domain.dns_audit.names import suffixes
from outreach_pipelines.domain.provider_account import AccountName

_FEWEST_SERVERS = 2
_SITE_PREFIX = {4: 24, 6: 48}


def check_delegation(domain: DomainName, stops: frozenset[AccountName]) -> Lookup[CheckReport]:
    """Find the zone that holds the domain and judge its name servers."""
    for name in suffixes(domain):
        answer = yield from ask(name, RecordType.NS)
        if isinstance(answer, Unknown):
            return _unanswered(Check.DELEGATION, name, answer, stops)
        if isinstance(answer, NxDomain) and name == domain:
            return CheckReport((_undelegated(domain, "the name does not exist (NXDOMAIN)", stops),))
        hosts = tuple(server.host for server in data_of(answer, NameServer))
        if hosts and ("." in name or name == domain):
            return (yield from _judge_servers(name, hosts))
    return CheckReport((_undelegated(domain, "no zone below a top-level domain holds the name", stops),))


def _judge_servers(zone: DomainName, hosts: tuple[DomainName, ...]) -> Lookup[CheckReport]:
    pairs = yield from together([addresses_of(host) for host in hosts])
    answers = tuple(answer for pair in pairs for answer in pair)
    unknown = next((answer for answer in answers if isinstance(answer, Unknown)), None)
    if unknown is not None:
        gap = _unanswered(Check.NAME_SERVERS, zone, unknown, frozenset())
        return CheckReport(tuple(_too_few(zone, hosts)), gap.unanswered)
    return CheckReport((*_too_few(zone, hosts), *_lame(zone, hosts, pairs), *_one_site(zone, hosts, answers)))


def _too_few(zone: DomainName, hosts: tuple[DomainName, ...]) -> Iterator[Finding]:
    if len(hosts) < _FEWEST_SERVERS:
        yield _weakness(zone, Severity.MEDIUM, f"one name server only: {hosts[0]}")


def _lame(
    zone: DomainName, hosts: tuple[DomainName, ...], pairs: tuple[tuple[Answer, Answer], ...]
) -> Iterator[Finding]:
    for host, pair in zip(hosts, pairs, strict=True):
        if not any(data_of(answer, Address) for answer in pair):
            yield _weakness(zone, Severity.HIGH, f"name server {host} has no address")


def _one_site(zone: DomainName, hosts: tuple[DomainName, ...], answers: tuple[Answer, ...]) -> Iterator[Finding]:
    found = {record.ip for answer in answers for record in data_of(answer, Address)}
    sites = {network_around(ip, _SITE_PREFIX[ip.version]) for ip in found}
    if len(hosts) >= _FEWEST_SERVERS and len(sites) == 1:
        yield _weakness(zone, Severity.LOW, f"all name servers stand in {next(iter(sites))}")


def _undelegated(domain: DomainName, evidence: str, stops: frozenset[AccountName]) -> Finding:
    return Finding(
        check=Check.DELEGATION,
        fault=Fault.MISSING,
        severity=Severity.CRITICAL,
        name=domain,
        evidence=evidence,
        stops=stops,
    )


def _weakness(zone: DomainName, severity: Severity, evidence: str) -> Finding:
    return Finding(check=Check.NAME_SERVERS, fault=Fault.WEAK, severity=severity, name=zone, evidence=evidence)


def _unanswered(check: Check, name: DomainName, answer: Unknown, stops: frozenset[AccountName]) -> CheckReport:
    return CheckReport(unanswered=(Unanswered(check=check, name=name, cause=answer.cause, stops=stops),))
