"""The audit of one domain: all checks together, as a pure function of the answers.

Here: which checks a domain gets. Not here: what each of them judges, nor who asks (application/audit_domains.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.address_check import check_addresses
from outreach_pipelines.domain.dns_audit.answers import Answers
from outreach_pipelines.domain.dns_audit.authority_check import check_authorities
from outreach_pipelines.domain.dns_audit.blocklist_check import check_blocklists
from outreach_pipelines.domain.dns_audit.brand_check import check_brand
from outreach_pipelines.domain.dns_audit.dangling_alias_check import check_dangling_aliases
from outreach_pipelines.domain.dns_audit.delegation_check import check_delegation
from outreach_pipelines.domain.dns_audit.dkim_check import check_dkim
from outreach_pipelines.domain.dns_audit.dmarc_check import check_dmarc
from outreach_pipelines.domain.dns_audit.dnssec_check import check_dnssec
from outreach_pipelines.domain.dns_audit.expectations import Expectations, Extra, SendingAccount
from outreach_pipelines.domain.dns_audit.findings import CheckReport, Fact, Finding, Unanswered, merged
from outreach_pipelines.domain.dns_audit.greeting_check import check_greetings
from outreach_pipelines.domain.dns_audit.lookups import Lookup, NeedMore, replay, together
from outreach_pipelines.domain.dns_audit.mail_exchanger_check import check_mail_exchangers
from outreach_pipelines.domain.dns_audit.mta_sts_check import check_mta_sts
from outreach_pipelines.domain.dns_audit.provider_check import check_link_host, check_provider
from outreach_pipelines.domain.dns_audit.providers import envelope_domain, return_path_alias, spf_includes
from outreach_pipelines.domain.dns_audit.readiness import Readiness, readiness_of
from outreach_pipelines.domain.dns_audit.return_path_check import check_return_path
from outreach_pipelines.domain.dns_audit.reverse_check import check_reverse_name
from outreach_pipelines.domain.dns_audit.score import Score, score
from outreach_pipelines.domain.dns_audit.secondary_check import check_secondaries
from outreach_pipelines.domain.dns_audit.spf_check import SpfNeeds, check_spf
from outreach_pipelines.domain.dns_audit.spf_edit import Authorised
from outreach_pipelines.domain.dns_audit.tls_report_check import check_tls_reports
from outreach_pipelines.domain.dns_audit.tracking_check import check_tracking
from outreach_pipelines.domain.provider_account import AccountName


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one audit of a domain says. `unanswered` names what it could not find out."""

    findings: tuple[Finding, ...]
    unanswered: tuple[Unanswered, ...]
    readiness: Mapping[AccountName, Readiness]
    score: Score
    facts: tuple[Fact, ...] = ()


def audit(domain: DomainName, answers: Answers, expectations: Expectations) -> Findings | NeedMore:
    """Judge a domain by the answers at hand, or say which further ones it takes.

    Answer what `NeedMore` names, by `Unknown` where nobody can, and call again with all answers: it ends, because every
    walk has a bound.
    """
    return replay(auditing(domain, expectations), answers)


def auditing(domain: DomainName, expectations: Expectations) -> Lookup[Findings]:
    """Do the same as `audit`, in one piece that waits where answers are wanted: nothing is judged twice."""
    reports = yield from together(_checks(domain, expectations))
    records = merged(reports)
    report = merged([records, *_of_providers(domain, expectations, records)])
    readiness = {account.name: readiness_of(account.name, report) for account in expectations.accounts}
    return Findings(report.findings, report.unanswered, readiness, score(report, expectations), report.facts)


def _of_providers(domain: DomainName, expectations: Expectations, records: CheckReport) -> Iterator[CheckReport]:
    ours = expectations.tracking.name if expectations.tracking else None
    for account in expectations.accounts:
        yield check_provider(domain, account, records)
        yield check_link_host(account, ours)


def _checks(domain: DomainName, expectations: Expectations) -> Iterator[Lookup[CheckReport]]:
    stops = expectations.all_accounts
    yield check_delegation(domain, stops)
    yield check_mail_exchangers(domain, expectations)
    for needs in spf_needs(domain, expectations):
        yield check_spf(needs)
    for account in expectations.accounts:
        yield check_dkim(domain, account)
        yield check_return_path(account)
    yield check_dmarc(domain, expectations)
    if expectations.tracking is not None:
        yield check_tracking(expectations.tracking, stops)
    yield from (check_reverse_name(dedicated) for dedicated in expectations.dedicated)
    if expectations.blocklists:
        yield check_blocklists(domain, expectations.dedicated, expectations.blocklists)
    yield from (_extra_check(extra, domain, expectations) for extra in sorted(expectations.extras - {Extra.POLICY}))


def _extra_check(extra: Extra, domain: DomainName, expectations: Expectations) -> Lookup[CheckReport]:
    match extra:
        case Extra.ADDRESSES:
            return check_addresses(domain)
        case Extra.ALIASES:
            return check_dangling_aliases(domain, expectations)
        case Extra.AUTHORITIES:
            return check_authorities(domain)
        case Extra.BRAND:
            return check_brand(domain)
        case Extra.DNSSEC:
            return check_dnssec(domain, expectations.all_accounts)
        case Extra.GREETING:
            return check_greetings(domain)
        case Extra.MTA_STS | Extra.POLICY:
            return check_mta_sts(domain, expectations)
        case Extra.SECONDARIES:
            return check_secondaries(domain)
        case Extra.TLS_REPORTS:
            return check_tls_reports(domain, expectations)
        case _:
            assert_never(extra)


def spf_needs(domain: DomainName, expectations: Expectations) -> tuple[SpfNeeds, ...]:
    """List the envelope domains whose SPF is the owner's to publish, the From domain first, each with its accounts."""
    users: dict[DomainName, list[SendingAccount]] = {domain: []}
    for account in expectations.accounts:
        envelope = envelope_domain(account, domain)
        if envelope is not None and return_path_alias(account) is None:
            users.setdefault(envelope, []).append(account)
    return tuple(_needs_of(name, accounts) for name, accounts in users.items())


def _needs_of(name: DomainName, accounts: list[SendingAccount]) -> SpfNeeds:
    includes = dict.fromkeys(include for account in accounts for include in spf_includes(account))
    networks = dict.fromkeys(network for account in accounts for network in account.spf_networks)
    stops = frozenset(account.name for account in accounts)
    return SpfNeeds(name, Authorised(tuple(includes), tuple(networks)), stops)
