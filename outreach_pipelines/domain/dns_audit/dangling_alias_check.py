"""The check for dangling aliases: a CNAME of ours to a name that does not exist, which a stranger may register.

Here: the names of a sending domain that usually are aliases. Not here: whether an alias leads where it should
(alias_check.py).
"""

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Alias, Answer, NxDomain, RecordType, Unknown, data_of
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.dns_audit.findings import Check, CheckReport, Fault, Finding, Fix, Severity, Unanswered
from outreach_pipelines.domain.dns_audit.lookups import Lookup, ask, together
from outreach_pipelines.domain.dns_audit.names import under
from outreach_pipelines.domain.dns_audit.providers import alias_record

_USUAL_LABELS = ("www", "mta-sts", "autodiscover", "autoconfig")


def check_dangling_aliases(domain: DomainName, expectations: Expectations) -> Lookup[CheckReport]:
    """Look behind each alias of the domain."""
    own = [under(label, domain) for label in _USUAL_LABELS]
    own += [account.return_path for account in expectations.accounts if account.return_path is not None]
    own += [expectations.tracking.name] if expectations.tracking is not None else []
    own += [under(f"{key.selector}._domainkey", domain) for account in expectations.accounts for key in account.dkim]
    reports = yield from together([_check(name) for name in dict.fromkeys(own)])
    return CheckReport(
        tuple(finding for report in reports for finding in report.findings),
        tuple(gap for report in reports for gap in report.unanswered),
    )


def _check(name: DomainName) -> Lookup[CheckReport]:
    answer = yield from ask(name, RecordType.CNAME)
    if isinstance(answer, Unknown):
        return _unanswered(name, answer)
    targets = data_of(answer, Alias)
    if not targets:
        return CheckReport()
    behind: Answer = yield from ask(targets[-1].target, RecordType.A)
    if isinstance(behind, Unknown):
        return _unanswered(name, behind)
    return CheckReport((_finding(name, targets[0].target),)) if isinstance(behind, NxDomain) else CheckReport()


def _finding(name: DomainName, target: DomainName) -> Finding:
    return Finding(
        check=Check.DANGLING_ALIAS,
        fault=Fault.EXTRA,
        severity=Severity.HIGH,
        name=name,
        evidence=f"leads to {target}, which does not exist: who registers it speaks in our name",
        fix=Fix((), (alias_record(name, target),)),
    )


def _unanswered(name: DomainName, answer: Unknown) -> CheckReport:
    return CheckReport(unanswered=(Unanswered(check=Check.DANGLING_ALIAS, name=name, cause=answer.cause),))
