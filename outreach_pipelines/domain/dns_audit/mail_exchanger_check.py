"""The MX checks: replies and bounces to the From domain arrive somewhere.

Here: judgement (RFC 5321 section 5.1, RFC 7505 null MX, RFC 2181 section 10.3 no alias as MX host).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Alias,
    Answer,
    MailExchanger,
    RecordType,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.expectations import Expectations, MailHost
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fault,
    Finding,
    Fix,
    Severity,
    Unanswered,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, addresses_of, follow, together
from outreach_pipelines.domain.dns_audit.names import ROOT, is_host_name
from outreach_pipelines.domain.dns_audit.providers import mx_record


@dataclass(frozen=True, slots=True)
class _Usable:
    """Mail can be brought to the host."""


@dataclass(frozen=True, slots=True)
class _Unusable:
    """It cannot, for this reason."""

    reason: str


def check_mail_exchangers(domain: DomainName, expectations: Expectations) -> Lookup[CheckReport]:
    """Check that the domain takes mail."""
    answer = yield from follow(domain, RecordType.MX)
    if isinstance(answer, Unknown):
        return _unanswered(domain, expectations, answer)
    exchangers = data_of(answer, MailExchanger)
    if not exchangers:
        return (yield from _check_implicit(domain, expectations))
    if any(exchanger.host == ROOT for exchanger in exchangers):
        why = "null MX: the domain says it takes no mail, so nobody can reply"
        return CheckReport((_finding(domain, expectations, why, exchangers),))
    pairs = yield from together([addresses_of(exchanger.host) for exchanger in exchangers])
    return _judge_hosts(domain, expectations, dict(zip(exchangers, pairs, strict=True)))


def _check_implicit(domain: DomainName, expectations: Expectations) -> Lookup[CheckReport]:
    """Without MX the domain's own address takes the mail (RFC 5321 section 5.1)."""
    answers = yield from addresses_of(domain)
    if any(data_of(answer, Address) for answer in answers):
        return CheckReport((_weakness(domain, "no MX: mail goes to the address of the domain itself"),))
    for answer in answers:
        if isinstance(answer, Unknown):
            return _unanswered(domain, expectations, answer)
    return CheckReport((_finding(domain, expectations, "neither MX nor address: no reply can arrive"),))


def _judge_hosts(
    domain: DomainName, expectations: Expectations, pairs: Mapping[MailExchanger, tuple[Answer, Answer]]
) -> CheckReport:
    states = {exchanger.host: _state(exchanger.host, pair) for exchanger, pair in pairs.items()}
    bad = ", ".join(f"{host} {state.reason}" for host, state in states.items() if isinstance(state, _Unusable))
    unsure = [state for state in states.values() if isinstance(state, Unknown)]
    if any(isinstance(state, _Usable) for state in states.values()):
        return CheckReport((_weakness(domain, f"some MX do not work: {bad}"),)) if bad else CheckReport()
    if unsure:
        return _unanswered(domain, expectations, unsure[0])
    return CheckReport((_finding(domain, expectations, f"no MX works: {bad}", tuple(pairs)),))


def _state(host: DomainName, pair: tuple[Answer, Answer]) -> _Usable | _Unusable | Unknown:
    if not is_host_name(host) or host.rpartition(".")[2].isdigit():
        return _Unusable("is no host name")
    if any(data_of(answer, Alias) for answer in pair):
        return _Unusable("is an alias (CNAME)")
    if any(data_of(answer, Address) for answer in pair):
        return _Usable()
    return next((answer for answer in pair if isinstance(answer, Unknown)), _Unusable("has no address"))


def _finding(
    domain: DomainName, expectations: Expectations, evidence: str, found: tuple[MailExchanger, ...] = ()
) -> Finding:
    wanted = tuple(mx_record(domain, host) for host in expectations.mail_hosts)
    withdrawn = tuple(mx_record(domain, MailHost(preference=mx.preference, host=mx.host)) for mx in found)
    return Finding(
        check=Check.MAIL_EXCHANGER,
        fault=Fault.WRONG if found else Fault.MISSING,
        severity=Severity.CRITICAL,
        name=domain,
        evidence=evidence,
        fix=Fix(wanted, withdrawn) if wanted else None,
        stops=expectations.all_accounts,
    )


def _weakness(domain: DomainName, evidence: str) -> Finding:
    return Finding(
        check=Check.MAIL_EXCHANGER, fault=Fault.WEAK, severity=Severity.MEDIUM, name=domain, evidence=evidence
    )


def _unanswered(domain: DomainName, expectations: Expectations, answer: Unknown) -> CheckReport:
    stops = expectations.all_accounts
    gap = Unanswered(check=Check.MAIL_EXCHANGER, name=domain, cause=answer.cause, stops=stops)
    return CheckReport(unanswered=(gap,))
