"""The greeting of our own mail hosts: they answer, offer TLS, and show a certificate in their name.

Here: judgement of what a caller was told (RFC 5321 section 4.2, RFC 3207). Not here: the call.
"""

from collections.abc import Iterator

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    MailExchanger,
    MailGreeting,
    RecordType,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.findings import Check, CheckReport, Fault, Finding, Severity, Unanswered
from outreach_pipelines.domain.dns_audit.lookups import Lookup, ask, follow, together
from outreach_pipelines.domain.dns_audit.names import ROOT

_SOON_DAYS = 14
_READY = "220"


def check_greetings(domain: DomainName) -> Lookup[CheckReport]:
    """Judge each MX host of the domain."""
    exchangers = yield from follow(domain, RecordType.MX)
    if isinstance(exchangers, Unknown):
        gap = Unanswered(check=Check.MAIL_GREETING, name=domain, cause=exchangers.cause)
        return CheckReport(unanswered=(gap,))
    hosts = tuple(dict.fromkeys(mx.host for mx in data_of(exchangers, MailExchanger) if mx.host != ROOT))
    answers = yield from together([ask(host, RecordType.SMTP) for host in hosts])
    pairs = list(zip(hosts, answers, strict=True))
    return CheckReport(
        tuple(
            finding for host, answer in pairs for one in data_of(answer, MailGreeting) for finding in _judge(host, one)
        ),
        tuple(
            Unanswered(check=Check.MAIL_GREETING, name=host, cause=answer.cause)
            for host, answer in pairs
            if isinstance(answer, Unknown)
        ),
    )


def _judge(host: DomainName, greeting: MailGreeting) -> Iterator[Finding]:
    if not greeting.banner.startswith(_READY):
        yield _finding(host, Fault.WRONG, Severity.HIGH, f"greets with {greeting.banner!r}: it takes no mail")
    elif not greeting.starttls:
        yield _finding(host, Fault.WEAK, Severity.MEDIUM, "offers no STARTTLS: replies travel in clear")
    elif greeting.certificate_fault:
        why = f"its certificate is not valid: {greeting.certificate_fault}"
        yield _finding(host, Fault.WEAK, Severity.MEDIUM, why)
    elif greeting.days_left is not None and greeting.days_left < _SOON_DAYS:
        yield _finding(host, Fault.WEAK, Severity.MEDIUM, f"its certificate ends in {greeting.days_left} days")


def _finding(host: DomainName, fault: Fault, severity: Severity, why: str) -> Finding:
    return Finding(check=Check.MAIL_GREETING, fault=fault, severity=severity, name=host, evidence=why)
