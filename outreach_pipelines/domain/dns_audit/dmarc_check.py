"""The DMARC checks of a From domain: a policy governs it, reports go somewhere, the envelope aligns.

Here: judgement. RFC 9989; reports to other domains by RFC 9990. Gmail's, Yahoo's and Outlook's rules for bulk senders
ask for a policy, `p=none` at least. Proposed records never hold `pct`, `rf` or `ri`, which RFC 9989 took out.
"""

from collections.abc import Iterator
from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, NxDomain, RecordType, Text, Unknown, data_of
from outreach_pipelines.domain.dns_audit.dmarc_record import DmarcRecord, Policy, with_report_mailbox, without_obsolete
from outreach_pipelines.domain.dns_audit.dmarc_walk import (
    DmarcUnknown,
    GoverningDmarc,
    IgnoredDmarc,
    NoDmarc,
    discover_dmarc,
    organizational_domain,
)
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fault,
    Finding,
    Fix,
    ResourceRecord,
    Severity,
    Unanswered,
    merged,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, ask, follow, together
from outreach_pipelines.domain.dns_audit.names import related, under
from outreach_pipelines.domain.dns_audit.providers import envelope_domain
from outreach_pipelines.domain.provider_account import AccountName


def check_dmarc(domain: DomainName, expectations: Expectations) -> Lookup[CheckReport]:
    """Find the policy that governs the domain and judge it."""
    stops = expectations.all_accounts
    policy = yield from discover_dmarc(domain)
    match policy:
        case DmarcUnknown(name, cause):
            gap = Unanswered(check=Check.DMARC_RECORD, name=name, cause=cause, stops=stops)
            return CheckReport(unanswered=(gap,))
        case NoDmarc(ignored):
            return CheckReport((_missing(domain, expectations, ignored),))
        case GoverningDmarc():
            return (yield from _judge(domain, expectations, policy))
        case _:
            assert_never(policy)


def applied_policy(governing: GoverningDmarc, domain: DomainName, *, exists: bool) -> Policy:
    """Choose between `p`, `sp` and `np` (RFC 9989 section 4.10.1); the `t` flag is left to the reader."""
    record = governing.record
    if governing.domain == domain:
        return record.policy
    wider = record.subdomains or record.policy
    return wider if exists else record.nonexistent or wider


def _judge(domain: DomainName, expectations: Expectations, governing: GoverningDmarc) -> Lookup[CheckReport]:
    existence = yield from ask(domain, RecordType.MX)
    outside = sorted(host for host in governing.record.report_hosts if not related(host, governing.domain))
    authorisations = yield from together([_check_report_host(governing.domain, host) for host in outside])
    alignment = yield from _alignment(domain, expectations, governing.record)
    own = CheckReport(tuple(_report_findings(governing, expectations)))
    return merged([_judge_policy(domain, governing, existence), own, alignment, *authorisations])


def _judge_policy(domain: DomainName, governing: GoverningDmarc, existence: Answer) -> CheckReport:
    if isinstance(existence, Unknown) and _depends_on_existence(governing, domain):
        name = under("_dmarc", governing.domain)
        return CheckReport(unanswered=(Unanswered(check=Check.DMARC_POLICY, name=name, cause=existence.cause),))
    policy = applied_policy(governing, domain, exists=not isinstance(existence, NxDomain))
    return CheckReport(tuple(_policy_findings(governing, policy)))


def _depends_on_existence(governing: GoverningDmarc, domain: DomainName) -> bool:
    return applied_policy(governing, domain, exists=True) != applied_policy(governing, domain, exists=False)


def _missing(domain: DomainName, expectations: Expectations, ignored: tuple[IgnoredDmarc, ...]) -> Finding:
    reports = f"; rua=mailto:{expectations.reports_to}" if expectations.reports_to else ""
    name = under("_dmarc", domain)
    record = ResourceRecord(name, RecordType.TXT, f"v=DMARC1; p=none{reports}")
    own = (text for one in ignored if one.name == name for text in one.texts)
    told = (f"{' | '.join(one.texts)} at {one.name}: {one.reason}" for one in ignored)
    return Finding(
        check=Check.DMARC_RECORD,
        fault=Fault.WRONG if ignored else Fault.MISSING,
        severity=Severity.CRITICAL,
        name=name,
        evidence="; ".join(told) or "no record at the domain nor at any of its parents",
        fix=Fix((record,), tuple(ResourceRecord(name, RecordType.TXT, text) for text in own)),
        stops=expectations.all_accounts,
    )


def _policy_findings(governing: GoverningDmarc, policy: Policy) -> Iterator[Finding]:
    record = governing.record
    if record.faults:
        why = f"{', '.join(record.faults)}: counts as p=none"
        yield _weakness(Check.DMARC_POLICY, Severity.MEDIUM, governing, why)
    elif policy is Policy.NONE:
        yield _weakness(Check.DMARC_POLICY, Severity.LOW, governing, "p=none asks receivers for nothing")
    elif record.testing:
        yield _weakness(Check.DMARC_POLICY, Severity.LOW, governing, "t=y: receivers apply one step less")
    if record.obsolete:
        why = f"{', '.join(record.obsolete)} are no tags any more"
        yield _weakness(Check.DMARC_RECORD, Severity.LOW, governing, why)


def _report_findings(governing: GoverningDmarc, expectations: Expectations) -> Iterator[Finding]:
    record, wanted = governing.record, expectations.reports_to
    fix = None if wanted is None else _with_reports(governing, wanted)
    if not record.reports_to:
        yield _weakness(Check.DMARC_REPORTS, Severity.MEDIUM, governing, "no rua: nobody sees who fails", fix)
    elif wanted is not None and not record.names(wanted):
        why = f"rua does not name {wanted}: who fails is not seen here"
        yield _weakness(Check.DMARC_REPORTS, Severity.LOW, governing, why, fix)


def _with_reports(governing: GoverningDmarc, mailbox: str) -> Fix:
    name, text = under("_dmarc", governing.domain), governing.record.text
    extended = with_report_mailbox(without_obsolete(text), mailbox)
    return Fix((ResourceRecord(name, RecordType.TXT, extended),), (ResourceRecord(name, RecordType.TXT, text),))


def _check_report_host(domain: DomainName, host: DomainName) -> Lookup[CheckReport]:
    """Look for the host's consent to reports about the domain (RFC 9990)."""
    name = under(f"{domain}._report._dmarc", host)
    answer = yield from follow(name, RecordType.TXT)
    if isinstance(answer, Unknown):
        return CheckReport(unanswered=(Unanswered(check=Check.DMARC_REPORTS, name=name, cause=answer.cause),))
    if any(text.value.startswith(b"v=DMARC1") for text in data_of(answer, Text)):
        return CheckReport()
    finding = Finding(
        check=Check.DMARC_REPORTS,
        fault=Fault.WEAK,
        severity=Severity.MEDIUM,
        name=name,
        evidence=f"{host} does not consent to reports about {domain}: receivers send none",
        fix=Fix((ResourceRecord(name, RecordType.TXT, "v=DMARC1"),)),
    )
    return CheckReport((finding,))


def _alignment(domain: DomainName, expectations: Expectations, record: DmarcRecord) -> Lookup[CheckReport]:
    """Name envelope domains that do not align: their mail passes DMARC by DKIM alone (RFC 9989 section 4.4.2)."""
    reports = yield from together(
        [
            _account_alignment(account.name, envelope_domain(account, domain), domain, record)
            for account in expectations.accounts
        ]
    )
    return merged(reports)


def _account_alignment(
    account: AccountName, envelope: DomainName | None, domain: DomainName, record: DmarcRecord
) -> Lookup[CheckReport]:
    if envelope is None:
        why = f"{account} has no return path of ours: SPF passes unaligned, DMARC rests on DKIM"
        return CheckReport((_misaligned(domain, why),))
    aligned = yield from aligns(envelope, domain, strict=record.strict_envelope)
    match aligned:
        case DmarcUnknown(name, cause):
            return CheckReport(unanswered=(Unanswered(check=Check.ENVELOPE_ALIGNMENT, name=name, cause=cause),))
        case True:
            return CheckReport()
        case False:
            return CheckReport((_misaligned(envelope, f"{envelope} of {account} does not align: DMARC rests on DKIM"),))


def _misaligned(name: DomainName, why: str) -> Finding:
    return Finding(check=Check.ENVELOPE_ALIGNMENT, fault=Fault.WEAK, severity=Severity.MEDIUM, name=name, evidence=why)


def aligns(one: DomainName, other: DomainName, *, strict: bool) -> Lookup[bool | DmarcUnknown]:
    """Tell whether two domains align: the same, or (relaxed) of one organizational domain."""
    if one == other or strict:
        return one == other
    domains = yield from together([organizational_domain(one), organizational_domain(other)])
    unknown = next((domain for domain in domains if isinstance(domain, DmarcUnknown)), None)
    return domains[0] == domains[1] if unknown is None else unknown


def _weakness(check: Check, severity: Severity, governing: GoverningDmarc, why: str, fix: Fix | None = None) -> Finding:
    return Finding(
        check=check,
        fault=Fault.WEAK,
        severity=severity,
        name=under("_dmarc", governing.domain),
        evidence=f"{governing.record.text}: {why}",
        fix=fix,
    )
