"""The SPF checks of one envelope domain.

Here: judgement of what spf_source.py and spf_survey.py brought. RFC 7208; "ptr" by its section 5.5, limits by 4.6.4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, RecordType
from outreach_pipelines.domain.dns_audit.expectations import IpNetwork
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
from outreach_pipelines.domain.dns_audit.lookups import Lookup
from outreach_pipelines.domain.dns_audit.spf_edit import (
    Authorised,
    merged_record,
    new_record,
    with_authorised,
    with_final,
)
from outreach_pipelines.domain.dns_audit.spf_grammar import Qualifier, SpfRecord, parse_spf
from outreach_pipelines.domain.dns_audit.spf_limits import MOST_LOOKUPS, MOST_VOIDS
from outreach_pipelines.domain.dns_audit.spf_macro import SpfSyntaxError
from outreach_pipelines.domain.dns_audit.spf_redundancy import redundant_terms, without_redundant_terms
from outreach_pipelines.domain.dns_audit.spf_source import BrokenSpf, NoSpf, SeveralSpf, SpfUnknown, read_spf
from outreach_pipelines.domain.dns_audit.spf_survey import SpfSurvey, survey_spf
from outreach_pipelines.domain.provider_account import AccountName

_MOST_NAMED = 40
_LONGEST_QUOTED = 1000


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
    findings = (*limits, *_references(needs, survey), *authorised.findings, *_style(needs, record, survey))
    return CheckReport(
        _with_one_fix(needs, record, survey, findings),
        (*gaps, *authorised.unanswered),
        () if unread else (_cost(needs, survey),),
    )


def _with_one_fix(
    needs: SpfNeeds, record: SpfRecord, survey: SpfSurvey, findings: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    """Give all faults of the one record the same fix: the record with all of them mended."""
    mendable = {finding.check for finding in findings if finding.fix is not None}
    if len(mendable) < 2:
        return findings
    mended = record
    if Check.SPF_REDUNDANT in mendable:
        mended = parse_spf(without_redundant_terms(mended).encode("ascii"))
    if Check.SPF_ALL in mendable:
        mended = parse_spf(with_final(mended, "~all").encode("ascii"))
    if Check.SPF_AUTHORISES in mendable:
        mended = parse_spf(with_authorised(mended, _lacking(needs, survey)).encode("ascii"))
    fix = _fix(needs, mended.text, record.text)
    return tuple(finding if finding.fix is None else replace(finding, fix=fix) for finding in findings)


def _cost(needs: SpfNeeds, survey: SpfSurvey) -> Fact:
    counts = f"at worst {len(survey.lookups)} of {MOST_LOOKUPS} look-ups, {len(survey.voids)} of {MOST_VOIDS} void"
    named = _listed(survey.lookups)
    return Fact(Check.SPF_LIMITS, needs.domain, f"{counts}: {named}" if named else counts)


def _missing(needs: SpfNeeds) -> Finding:
    return Finding(
        check=Check.SPF_RECORD,
        fault=Fault.MISSING,
        severity=Severity.CRITICAL if needs.stops else Severity.MEDIUM,
        name=needs.domain,
        evidence="no TXT record begins with v=spf1",
        # Where nobody told who sends with this envelope domain, any record would shut out somebody: none is proposed.
        fix=_fix(needs, new_record(needs.authorised)) if needs.authorised.terms else None,
        stops=needs.stops,
    )


def _several(needs: SpfNeeds, texts: tuple[str, ...]) -> Finding:
    return Finding(
        check=Check.SPF_RECORD,
        fault=Fault.EXTRA,
        severity=Severity.CRITICAL,
        name=needs.domain,
        evidence=f"{len(texts)} SPF records, a permanent error (RFC 7208 section 4.5): {_listed(texts, ' | ')}",
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
        evidence=f"{_short(reason)}; in: {_short(text)}",
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
                evidence=f"{len(count)} {kind}, allowed are {most}: {_listed(count)}",
                stops=needs.stops,
            )


def _references(needs: SpfNeeds, survey: SpfSurvey) -> Iterator[Finding]:
    if survey.faults:
        yield Finding(
            check=Check.SPF_REFERENCES,
            fault=Fault.WRONG,
            severity=Severity.CRITICAL,
            name=needs.domain,
            evidence=_listed(survey.faults, "; "),
            stops=needs.stops,
        )


def _authorises(needs: SpfNeeds, record: SpfRecord, survey: SpfSurvey) -> CheckReport:
    lacking = _lacking(needs, survey)
    if not lacking.terms:
        return CheckReport()
    if survey.unknown:
        return CheckReport(unanswered=(_gap(needs, Check.SPF_AUTHORISES, min(survey.unknown)),))
    finding = Finding(
        check=Check.SPF_AUTHORISES,
        fault=Fault.MISSING,
        severity=Severity.CRITICAL,
        name=needs.domain,
        evidence=f"{_short(record.text)} does not pass {_listed(lacking.terms)}",
        fix=_fix(needs, with_authorised(record, lacking), record.text),
        stops=needs.stops,
    )
    return CheckReport((finding,))


def _lacking(needs: SpfNeeds, survey: SpfSurvey) -> Authorised:
    return Authorised(
        tuple(name for name in needs.authorised.includes if name not in survey.includes),
        tuple(network for network in needs.authorised.networks if not _covered(network, survey.networks)),
    )


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
    redundant = redundant_terms(record)
    if redundant:
        yield Finding(
            check=Check.SPF_REDUNDANT,
            fault=Fault.WEAK,
            severity=Severity.LOW,
            name=needs.domain,
            evidence=f"terms that change nothing: {_listed(redundant, '; ')}",
            fix=_fix(needs, without_redundant_terms(record), record.text),
        )
    if survey.pointers:
        yield Finding(
            check=Check.SPF_PTR,
            fault=Fault.WEAK,
            severity=Severity.LOW,
            name=needs.domain,
            evidence=f"ptr should not be used: {_listed(survey.pointers)}",
        )


def _all_finding(needs: SpfNeeds, record: SpfRecord, fault: Fault, severity: Severity, why: str) -> Finding:
    return Finding(
        check=Check.SPF_ALL,
        fault=fault,
        severity=severity,
        name=needs.domain,
        evidence=f"{_short(record.text)} {why}",
        fix=_fix(needs, with_final(record, "~all"), record.text),
    )


def _listed(items: Sequence[object], separator: str = ", ") -> str:
    """Name the first of many: a record of 64 KB holds thousands."""
    rest = [f"and {len(items) - _MOST_NAMED} more"] if len(items) > _MOST_NAMED else []
    return separator.join([*(_short(str(item)) for item in items[:_MOST_NAMED]), *rest])


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTED else f"{text[:_LONGEST_QUOTED]}..."


def _gap(needs: SpfNeeds, check: Check, cause: Cause) -> Unanswered:
    return Unanswered(check=check, name=needs.domain, cause=cause, stops=needs.stops)


def _fix(needs: SpfNeeds, text: str, *replaced: str) -> Fix:
    publish = ResourceRecord(needs.domain, RecordType.TXT, text)
    return Fix((publish,), tuple(ResourceRecord(needs.domain, RecordType.TXT, old) for old in replaced))
