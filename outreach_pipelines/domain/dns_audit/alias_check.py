"""A name that must be a CNAME to a provider's name.

Here: the one check that DKIM, return paths and tracking hosts share.
"""

from dataclasses import dataclass

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Alias, RecordType, Unknown, data_of
from outreach_pipelines.domain.dns_audit.findings import Check, CheckReport, Fault, Finding, Fix, Severity, Unanswered
from outreach_pipelines.domain.dns_audit.lookups import Lookup, ask
from outreach_pipelines.domain.dns_audit.providers import alias_record
from outreach_pipelines.domain.provider_account import AccountName


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasNeeds:
    """`name` must lead to `target`; where it does not, `check` fails with `severity` and stops accounts."""

    check: Check
    severity: Severity
    name: DomainName
    target: DomainName
    stops: frozenset[AccountName]


def check_alias(needs: AliasNeeds) -> Lookup[CheckReport]:
    """Compare the CNAME; an empty report says it is as expected."""
    answer = yield from ask(needs.name, RecordType.CNAME)
    if isinstance(answer, Unknown):
        gap = Unanswered(check=needs.check, name=needs.name, cause=answer.cause, stops=needs.stops)
        return CheckReport(unanswered=(gap,))
    targets = tuple(alias.target for alias in data_of(answer, Alias))
    return CheckReport() if targets[:1] == (needs.target,) else CheckReport((_finding(needs, targets[:1]),))


def _finding(needs: AliasNeeds, found: tuple[DomainName, ...]) -> Finding:
    return Finding(
        check=needs.check,
        fault=Fault.WRONG if found else Fault.MISSING,
        severity=needs.severity,
        name=needs.name,
        evidence=f"CNAME leads to {found[0]}, not to {needs.target}" if found else f"no CNAME to {needs.target}",
        fix=Fix(
            (alias_record(needs.name, needs.target),),
            tuple(alias_record(needs.name, target) for target in found),
        ),
        stops=needs.stops,
    )
