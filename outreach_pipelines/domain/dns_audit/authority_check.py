"""The CAA check: who may issue certificates for the domain (RFC 8659).

Here: the tree climb and what it found. A domain without CAA is no fault of its mail.
"""

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Authority, RecordType, Unknown, data_of
from outreach_pipelines.domain.dns_audit.findings import Check, CheckReport, Fact, Fault, Finding, Severity, Unanswered
from outreach_pipelines.domain.dns_audit.lookups import Lookup, follow
from outreach_pipelines.domain.dns_audit.names import suffixes

_KNOWN_TAGS = {"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}
_CRITICAL = 0x80


def check_authorities(domain: DomainName) -> Lookup[CheckReport]:
    """Find the records that govern the domain: its own, else its next parent's that has any."""
    for name in suffixes(domain):
        answer = yield from follow(name, RecordType.CAA)
        if isinstance(answer, Unknown):
            gap = Unanswered(check=Check.AUTHORITIES, name=name, cause=answer.cause)
            return CheckReport(unanswered=(gap,))
        records = data_of(answer, Authority)
        if records:
            return _judge(name, records)
    return CheckReport(facts=(Fact(Check.AUTHORITIES, domain, "no CAA: any authority may issue certificates"),))


def _judge(name: DomainName, records: tuple[Authority, ...]) -> CheckReport:
    strange = [record.tag for record in records if record.flags & _CRITICAL and record.tag not in _KNOWN_TAGS]
    allowed = ", ".join(record.value or "nobody" for record in records if record.tag == "issue") or "anybody"
    if strange:
        why = f"critical and unknown to authorities: {', '.join(strange)}; none will issue"
        finding = Finding(check=Check.AUTHORITIES, fault=Fault.WRONG, severity=Severity.MEDIUM, name=name, evidence=why)
        return CheckReport((finding,))
    return CheckReport(facts=(Fact(Check.AUTHORITIES, name, f"certificates may be issued by {allowed}"),))
