"""The check of the tracking host: links in sent mail, unsubscribe links first of all, must lead somewhere.

Here: its CNAME or addresses. Not here: whether the web server behind it answers.
"""

from outreach_pipelines.domain.dns_audit.alias_check import AliasNeeds, check_alias
from outreach_pipelines.domain.dns_audit.answers import Address, RecordType, Unknown, data_of
from outreach_pipelines.domain.dns_audit.expectations import IpAddress, TrackingHost
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fault,
    Finding,
    Fix,
    ResourceRecord,
    Severity,
    Unanswered,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, addresses_of
from outreach_pipelines.domain.provider_account import AccountName


def check_tracking(host: TrackingHost, stops: frozenset[AccountName]) -> Lookup[CheckReport]:
    """Compare the host's CNAME and addresses with what is expected of them."""
    if host.alias is not None:
        needs = AliasNeeds(
            check=Check.TRACKING_HOST, severity=Severity.CRITICAL, name=host.name, target=host.alias, stops=stops
        )
        alias = yield from check_alias(needs)
        if alias != CheckReport():
            return alias
    answers = yield from addresses_of(host.name)
    found = frozenset(record.ip for answer in answers for record in data_of(answer, Address))
    unknown = next((answer for answer in answers if isinstance(answer, Unknown)), None)
    strangers = found - host.addresses if host.addresses else frozenset()
    if strangers or (not found and unknown is None):
        return CheckReport((_finding(host, found, strangers, stops),))
    if not found and unknown is not None:
        gap = Unanswered(check=Check.TRACKING_HOST, name=host.name, cause=unknown.cause, stops=stops)
        return CheckReport(unanswered=(gap,))
    return CheckReport()


def _finding(
    host: TrackingHost,
    found: frozenset[IpAddress],
    strangers: frozenset[IpAddress],
    stops: frozenset[AccountName],
) -> Finding:
    listed = ", ".join(sorted(map(str, strangers)))
    return Finding(
        check=Check.TRACKING_HOST,
        fault=Fault.WRONG if found else Fault.MISSING,
        severity=Severity.CRITICAL,
        name=host.name,
        evidence=f"leads to {listed}, which is not ours" if found else "has no address: unsubscribe links lead nowhere",
        fix=_fix(host, strangers),
        stops=stops,
    )


def _fix(host: TrackingHost, strangers: frozenset[IpAddress]) -> Fix | None:
    if host.alias is not None or not host.addresses:
        return None
    return Fix(_records(host, host.addresses), _records(host, strangers))


def _records(host: TrackingHost, addresses: frozenset[IpAddress]) -> tuple[ResourceRecord, ...]:
    return tuple(
        ResourceRecord(host.name, RecordType.A if ip.version == 4 else RecordType.AAAA, str(ip))
        for ip in sorted(addresses, key=str)
    )
