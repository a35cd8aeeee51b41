"""Whose mail a reported row is about: ours, ours but failing, ours forwarded, or a stranger's in our name.

Belongs here: that judgement, from what the inventory says of a domain. Does not: what follows from it (`alignment`).

A row is ours by what only we can have made: a signature or an envelope sender that passes and is aligned. It is ours by our
provider when it passes as the provider of one of our accounts, or comes from an address of ours: then only alignment fails.
A signature that names our selector and fails is ours broken on the way, or a copy; SPF that passes for somebody else beside it
tells of a forwarder.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address, ip_network

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.expectations import Expectations, SendingAccount
from outreach_pipelines.domain.dns_audit.names import is_within, related
from outreach_pipelines.domain.mail_reports.report import Outcome, Override, SourceCount
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind

_FORWARDING = frozenset({Override.FORWARDED, Override.MAILING_LIST, Override.TRUSTED_FORWARDER})
#: Domains by which a provider signs and bounces for all its customers.
_PROVIDER_DOMAINS = {
    ProviderKind.SES: (DomainName("amazonses.com"),),
    ProviderKind.MAILGUN: (DomainName("mailgun.org"), DomainName("mailgun.net"), DomainName("mailgun.info")),
    ProviderKind.POSTMARK: (DomainName("mtasv.net"), DomainName("postmarkapp.com")),
    ProviderKind.SMTP: (),
}


class Stream(StrEnum):
    """Whose mail it is."""

    OWN = "own"
    """Ours, and DMARC passed."""
    OWN_UNALIGNED = "own_unaligned"
    """Sent by a provider or an address of ours, and neither DKIM nor SPF is aligned: our set-up is wrong."""
    OWN_BROKEN = "own_broken"
    """It names a key of ours, and the signature does not verify."""
    FORWARDED = "forwarded"
    """Somebody passed it on."""
    STRANGER = "stranger"
    """Nothing shows that we sent it."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """Whose mail a row is about; the account, where one is seen; `domain` in whose name, where it is not the report's own."""

    stream: Stream
    account: AccountName | None = None
    domain: DomainName | None = None


@dataclass(frozen=True, slots=True)
class OwnDomain:
    """A sending domain and what it sends through, as the inventory says."""

    name: DomainName
    expectations: Expectations

    def answers_for(self, policy_domain: DomainName) -> bool:
        """Whether a report on `policy_domain` is about this domain: itself, one below it, or the one it lies below."""
        return related(policy_domain, self.name)


def recognise(outcome: Outcome, source: str | None, own: OwnDomain) -> Recognised:
    """Tell whose mail it was. `source` is an address, or None where the report has none."""
    accounts = own.expectations.accounts
    seen = next((each.name for each in accounts if _shows(each, outcome, source, own)), None)
    if outcome.aligned:
        only = accounts[0].name if len(accounts) == 1 else None
        return Recognised(Stream.OWN, seen or only)
    if seen is not None:
        return Recognised(Stream.OWN_UNALIGNED, seen)
    if not _FORWARDING.isdisjoint(outcome.overrides):
        return Recognised(Stream.FORWARDED)
    signer = next((each.name for each in accounts if _signs(each, outcome, own.name, passed=False)), None)
    if signer is None:
        return Recognised(Stream.STRANGER)
    by_another = any(each.passed and not related(each.domain, own.name) for each in outcome.spf)
    return Recognised(Stream.FORWARDED if by_another else Stream.OWN_BROKEN, signer)


def recognise_rows(rows: Iterable[SourceCount], owner: OwnDomain, owns: Sequence[OwnDomain]) -> Iterator[Recognised]:
    """Each row as the mail of the sending domain that its From names, else of the report's `owner`.

    A report is on the domain that holds the policy: below one of these, several of ours may send.
    """
    by_name: dict[DomainName, OwnDomain] = {}
    for row in rows:
        name = row.outcome.header_from
        own = by_name.get(name) or by_name.setdefault(name, owner_of(name, owns) or owner)
        yield replace(recognise(row.outcome, row.source, own), domain=own.name)


def owner_of(policy_domain: DomainName, owns: Iterable[OwnDomain]) -> OwnDomain | None:
    """The sending domain that a report is about: the one of this name, else the nearest above or below."""
    fitting = [own for own in owns if own.answers_for(policy_domain)]
    return min(fitting, key=lambda own: (abs(len(own.name) - len(policy_domain)), own.name), default=None)


def _shows(account: SendingAccount, outcome: Outcome, source: str | None, own: OwnDomain) -> bool:
    return (
        _signs(account, outcome, own.name, passed=True)
        or _bounces(account, outcome)
        or _passes_as(account.kind, outcome)
        or _is_from(account, source)
    )


def _signs(account: SendingAccount, outcome: Outcome, domain: DomainName, *, passed: bool) -> bool:
    selectors = {expected.selector.lower() for expected in account.dkim}
    return any(
        each.passed is passed and each.selector in selectors and related(each.domain, domain)
        for each in outcome.signatures
    )


def _bounces(account: SendingAccount, outcome: Outcome) -> bool:
    """Only where the envelope sender's domain is this account's own does it tell accounts apart."""
    return any(each.passed and each.domain == account.return_path for each in outcome.spf)


def _passes_as(kind: ProviderKind, outcome: Outcome) -> bool:
    passed = [each.domain for each in outcome.signatures if each.passed]
    passed += [each.domain for each in outcome.spf if each.passed]
    return any(is_within(domain, provider) for domain in passed for provider in _PROVIDER_DOMAINS[kind])


def _is_from(account: SendingAccount, source: str | None) -> bool:
    if source is None or not account.spf_networks:
        return False
    address = ip_address(source)
    return any(address in ip_network(network) for network in account.spf_networks)
