"""DNS blocklists: whether an address or a domain of ours is listed (RFC 5782).

Here: how to ask and what the codes mean. Not here: which lists are asked (expectations.py).
Codes that say "you may not ask" are no listing: 127.255.255.0/24 (Spamhaus, "DNSBL return codes"), 127.0.0.1 (URIBL,
"refused"). An answer outside 127.0.0.0/8 is a resolver's lie or a list that ended, and says nothing either.
"""

from ipaddress import IPv4Network
from typing import Final

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Address, Answer, Cause, RecordType, Unknown, data_of
from outreach_pipelines.domain.dns_audit.expectations import Blocklist, DedicatedAddress, IpAddress
from outreach_pipelines.domain.dns_audit.findings import Check, CheckReport, Fault, Finding, Severity, Unanswered
from outreach_pipelines.domain.dns_audit.lookups import Lookup, ask, together
from outreach_pipelines.domain.dns_audit.names import under

_CODES: Final = IPv4Network("127.0.0.0/8")
_ERRORS: Final = (IPv4Network("127.255.255.0/24"), IPv4Network("127.0.0.1/32"))


def check_blocklists(
    domain: DomainName, dedicated: tuple[DedicatedAddress, ...], lists: tuple[Blocklist, ...]
) -> Lookup[CheckReport]:
    """Ask every list about what it lists: domains, or addresses."""
    asked = [
        (blocklist, subject, under(subject, blocklist.zone))
        for blocklist in lists
        for subject in ([domain] if blocklist.lists_domains else [_reversed(one.ip) for one in dedicated])
    ]
    answers = yield from together([ask(name, RecordType.A) for _, _, name in asked])
    reports = [_judge(blocklist, name, answer) for (blocklist, _, name), answer in zip(asked, answers, strict=True)]
    return CheckReport(
        tuple(finding for report in reports for finding in report.findings),
        tuple(gap for report in reports for gap in report.unanswered),
    )


def _judge(blocklist: Blocklist, name: DomainName, answer: Answer) -> CheckReport:
    if isinstance(answer, Unknown):
        return _unanswered(name, answer.cause)
    codes = [record.ip for record in data_of(answer, Address)]
    listed = [code for code in codes if _is_listing(code)]
    if listed:
        return CheckReport((_finding(blocklist, name, ", ".join(map(str, listed))),))
    return _unanswered(name, Cause.LIST_REFUSES) if codes else CheckReport()


def _is_listing(code: IpAddress) -> bool:
    return code in _CODES and not any(code in network for network in _ERRORS)


def _finding(blocklist: Blocklist, name: DomainName, codes: str) -> Finding:
    return Finding(
        check=Check.BLOCKLIST,
        fault=Fault.WRONG,
        severity=Severity.HIGH,
        name=name,
        evidence=f"listed by {blocklist.zone} with {codes}; the list's own site says why, and how it is ended",
    )


def _reversed(ip: IpAddress) -> str:
    """Turn an address round as lists want it (RFC 5782 sections 2.1 and 2.4)."""
    return ip.reverse_pointer.rpartition(".in-addr" if ip.version == 4 else ".ip6")[0]


def _unanswered(name: DomainName, cause: Cause) -> CheckReport:
    return CheckReport(unanswered=(Unanswered(check=Check.BLOCKLIST, name=name, cause=cause),))
