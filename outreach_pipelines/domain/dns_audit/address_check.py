"""The check of a domain's own addresses and those of its mail hosts: they can be reached from the internet.

Here: addresses that no stranger reaches (RFC 1918, RFC 4193, RFC 6598, RFC 6890). Not here: whether anybody listens there.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Answer,
    MailExchanger,
    RecordType,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.expectations import IpAddress
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fact,
    Fault,
    Finding,
    Fix,
    ResourceRecord,
    Severity,
    Unanswered,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, addresses_of, follow, together
from outreach_pipelines.domain.dns_audit.names import ROOT

# Not the blocks for documentation: examples and tests stand in them. Loopback is where a laboratory's hosts are.
_UNREACHABLE: Final = tuple(
    map(
        ip_network,
        ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4",
         "240.0.0.0/4", "::/128", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)  # fmt: skip


def check_addresses(domain: DomainName) -> Lookup[CheckReport]:
    """Judge the addresses of the domain and of its MX hosts."""
    exchangers = yield from follow(domain, RecordType.MX)
    hosts = dict.fromkeys([domain, *(mx.host for mx in data_of(exchangers, MailExchanger) if mx.host != ROOT)])
    pairs = yield from together([addresses_of(host) for host in hosts])
    answers = dict(zip(hosts, pairs, strict=True))
    gaps = [(domain, exchangers), *((host, answer) for host, pair in answers.items() for answer in pair)]
    return CheckReport(
        tuple(_finding(host, ips) for host, pair in answers.items() if (ips := _unreachable(pair))),
        tuple(
            Unanswered(check=Check.ADDRESSES, name=host, cause=answer.cause)
            for host, answer in gaps
            if isinstance(answer, Unknown)
        ),
        tuple(_facts(domain, answers[domain])),
    )


def _unreachable(pair: tuple[Answer, Answer]) -> tuple[IpAddress, ...]:
    found = (record.ip for answer in pair for record in data_of(answer, Address))
    return tuple(ip for ip in found if any(_holds(network, ip) for network in _UNREACHABLE))


def _holds(network: IPv4Network | IPv6Network, ip: IpAddress) -> bool:
    return network.version == ip.version and ip in network


def _facts(domain: DomainName, pair: tuple[Answer, Answer]) -> list[Fact]:
    if any(isinstance(answer, Unknown) for answer in pair):
        return []
    found = ", ".join(str(record.ip) for answer in pair for record in data_of(answer, Address))
    return [Fact(Check.ADDRESSES, domain, found or "no address of its own")]


def _finding(host: DomainName, ips: tuple[IpAddress, ...]) -> Finding:
    return Finding(
        check=Check.ADDRESSES,
        fault=Fault.WRONG,
        severity=Severity.MEDIUM,
        name=host,
        evidence=f"{', '.join(map(str, ips))}: nobody outside can reach it",
        fix=Fix(
            (), tuple(ResourceRecord(host, RecordType.A if ip.version == 4 else RecordType.AAAA, str(ip)) for ip in ips)
        ),
    )
