"""The SPF checks of one envelope domain.

Here: judgement of what spf_source.py and spf_survey.py brought. RFC 7208; "ptr" by its section 5.5, limits by 4.6.4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, RecordType
from outreach_pipelines.domain.dns_audit.expectations import IpNetwork
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
from outreach_pipelines.domain.dns_audit.lookups import Lookup
from outreach_pipelines.domain.dns_audit.spf_edit import (
    Authorised,
    merged_record,
    new_record,
    with_authorised,
    with_final,
)
from outreach_pipelines.domain.dns_audit.spf_grammar import Qualifier, SpfRecord, parse_spf
from outreach_pipelines.domain.dns_audit.spf_macro import SpfSyntaxError
from outreach_pipelines.domain.dns_audit.spf_source import BrokenSpf, NoSpf, SeveralSpf, SpfUnknown, read_spf
from outreach_pipelines.domain.dns_audit.spf_survey import SpfSurvey, survey_spf
from outreach_pipelines.domain.provider_account import AccountName

MOST_LOOKUPS = 10
MOST_VOIDS = 2


@dataclass(frozen=True, slots=True)
class SpfNeeds:
    """What an envelope domain's record must do. `stops`: the accounts that use the domain in the envelope."""

    domain: DomainName
    authorised: Authorised
    stops: frozenset[AccountName]


def check_spf(needs: SpfNeeds) -> Lookup[CheckReport]:
    """Read the domain's record with all it refers to, and judge it."""
    source = yield from read_spf(needs.domain)
    match source:
        case SpfRecord():
            survey = yield from survey_spf(needs.domain, source)
            return judge_spf(needs, source, survey)
        case SpfUnknown(cause):
            return CheckReport(unanswered=(_gap(needs, Check.SPF_RECORD, cause),))
        case NoSpf():
            return CheckReport((_missing(needs),))
        case SeveralSpf(texts):
            return CheckReport((_several(needs, texts),))
        case BrokenSpf(text, reason):
            return CheckReport((_broken(needs, text, reason),))
        case _:
            assert_never(source)


def judge_spf(needs: SpfNeeds, record: SpfRecord, survey: SpfSurvey) -> CheckReport:
    """Judge a record and its survey."""
    unread = survey.unknown - {Cause.DEPENDS_ON_SENDER}
    limits = tuple(_limits(needs, survey))
    gaps = () if limits else tuple(_gap(needs, Check.SPF_LIMITS, cause) for cause in sorted(unread))
    authorised = _authorises(needs, record, survey)
    return CheckReport(
        (*limits, *_references(needs, survey), *authorised.findings, *_style(needs, record, survey)),
        (*gaps, *authorised.unanswered),
    )


def _missing(needs: SpfNeeds) -> Finding:
    return Finding(
        check=Check.SPF_RECORD,
        fault=Fault.MISSING,
        severity=Severity.CRITICAL if needs.stops else Severity.MEDIUM,
        name=needs.domain,
        evidence="no TXT record begins with v=spf1",
        # Without an account here nobody knows who else sends with this envelope domain: no record to propose.
        fix=_fix(needs, new_record(needs.authorised)) if needs.stops else None,
        stops=needs.stops,
    )


def _several(needs: SpfNeeds, texts: tuple[str, ...]) -> Finding:
    return Finding(
        check=Check.SPF_RECORD,
        fault=Fault.EXTRA,
        severity=Severity.CRITICAL,
        name=needs.domain,
        evidence=f"{len(texts)} SPF records, a permanent error (RFC 7208 section 4.5): {' | '.join(texts)}",
        fix=_merge(needs, texts),
        stops=needs.stops,
    )


def _merge(needs: SpfNeeds, texts: tuple[str, ...]) -> Fix | None:
    try:
        merged = merged_record([parse_spf(text.encode("ascii")) for text in texts])
    except SpfSyntaxError:
        return None
    return None if merged is None else _fix(needs, merged, *texts)


def _broken(needs: SpfNeeds, text: str, reason: str) -> Finding:
    return Finding(
        check=Check.SPF_SYNTAX,
        fault=Fault.WRONG,
        severity=Severity.CRITICAL,
        name=needs.domain,
        evidence=f"{reason}; in: {text}",
        stops=needs.stops,
    )


def _limits(needs: SpfNeeds, survey: SpfSurvey) -> Iterator[Finding]:
    for count, most, kind in (
        (survey.lookups, MOST_LOOKUPS, "look-ups"),
        (survey.voids, MOST_VOIDS, "void look-ups"),
    ):
        if len(count) > most:
            yield Finding(
                check=Check.SPF_LIMITS,
                fault=Fault.WRONG,
                severity=Severity.CRITICAL,
                name=needs.domain,
                evidence=f"{len(count)} {kind}, allowed are {most}: {', '.join(map(str, count))}",
                stops=needs.stops,
            )


def _references(needs: SpfNeeds, survey: SpfSurvey) -> Iterator[Finding]:
    if survey.faults:
        yield Finding(
            check=Check.SPF_REFERENCES,
            fault=Fault.WRONG,
            severity=Severity.CRITICAL,
            name=needs.domain,
            evidence="; ".join(survey.faults),
            stops=needs.stops,
        )


def _authorises(needs: SpfNeeds, record: SpfRecord, survey: SpfSurvey) -> CheckReport:
    lacking = Authorised(
        tuple(name for name in needs.authorised.includes if name not in survey.includes),
        tuple(network for network in needs.authorised.networks if not _covered(network, survey.networks)),
    )
    if not lacking.terms:
        return CheckReport()
    if survey.unknown:
        return CheckReport(unanswered=(_gap(needs, Check.SPF_AUTHORISES, min(survey.unknown)),))
    finding = Finding(
        check=Check.SPF_AUTHORISES,
        fault=Fault.MISSING,
        severity=Severity.CRITICAL,
        name=needs.domain,
        evidence=f"{record.text} does not pass {', '.join(lacking.terms)}",
        fix=_fix(needs, with_authorised(record, lacking), record.text),
        stops=needs.stops,
    )
    return CheckReport((finding,))


def _covered(wanted: IpNetwork, passed: frozenset[IpNetwork]) -> bool:
    if isinstance(wanted, IPv4Network):
        return any(isinstance(network, IPv4Network) and wanted.subnet_of(network) for network in passed)
    return any(isinstance(network, IPv6Network) and wanted.subnet_of(network) for network in passed)


def _style(needs: SpfNeeds, record: SpfRecord, survey: SpfSurvey) -> Iterator[Finding]:
    final = record.final
    if final is not None and final.qualifier is Qualifier.PASS:
        yield _all_finding(needs, record, Fault.WRONG, Severity.HIGH, "passes every sender of the world")
    elif final is None and record.redirect is None:
        yield _all_finding(needs, record, Fault.WEAK, Severity.LOW, "ends without all: other senders get neutral")
    elif final is not None and final.qualifier is Qualifier.NEUTRAL:
        yield _all_finding(needs, record, Fault.WEAK, Severity.LOW, "leaves other senders neutral")
    if survey.pointers:
        yield Finding(
            check=Check.SPF_PTR,
            fault=Fault.WEAK,
            severity=Severity.LOW,
            name=needs.domain,
            evidence=f"ptr should not be used: {', '.join(map(str, survey.pointers))}",
        )


def _all_finding(needs: SpfNeeds, record: SpfRecord, fault: Fault, severity: Severity, why: str) -> Finding:
    return Finding(
        check=Check.SPF_ALL,
        fault=fault,
        severity=severity,
        name=needs.domain,
        evidence=f"{record.text} {why}",
        fix=_fix(needs, with_final(record, "~all"), record.text),
    )


def _gap(needs: SpfNeeds, check: Check, cause: Cause) -> Unanswered:
    return Unanswered(check=check, name=needs.domain, cause=cause, stops=needs.stops)


def _fix(needs: SpfNeeds, text: str, *replaced: str) -> Fix:
    publish = ResourceRecord(needs.domain, RecordType.TXT, text)
    return Fix((publish,), tuple(ResourceRecord(needs.domain, RecordType.TXT, old) for old in replaced))
