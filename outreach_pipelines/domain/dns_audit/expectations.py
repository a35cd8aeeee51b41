"""What the inventory says a domain should publish.

Here: the accounts that send for the domain and the records they need, as values. Not here: each provider's rules
(providers.py).
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NewType, TypeAlias

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.audit_policy import (
    BEYOND_THE_DNS,
    OF_THE_DNS,
    Blocklist,
    DedicatedAddress,
    Extra,
    IpAddress,
)
from outreach_pipelines.domain.dns_audit.provider_state import Said
from outreach_pipelines.domain.inventory import Selector
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind

__all__ = [
    "BEYOND_THE_DNS",
    "OF_THE_DNS",
    "Blocklist",
    "DedicatedAddress",
    "DkimExpectation",
    "Expectations",
    "Extra",
    "IpAddress",
    "IpNetwork",
    "KeyAlgorithm",
    "MailHost",
    "Region",
    "SendingAccount",
    "TrackingHost",
    "network_around",
]

Region = NewType("Region", str)
IpNetwork: TypeAlias = IPv4Network | IPv6Network


@lru_cache(maxsize=4096)  # the hosts of a few providers stand behind most domains
def network_around(ip: IpAddress, prefix: int) -> IpNetwork:
    """The network of this prefix length that holds the address."""
    return ip_network((ip, prefix), strict=False)


class KeyAlgorithm(StrEnum):
    """The DKIM key types that verifiers know (RFC 6376, RFC 8463)."""

    RSA = "rsa"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class DkimExpectation:
    """A selector that the account signs with.

    `alias`: where the selector's CNAME must lead, for keys the provider publishes. `public_key`: the base64 text of
    `p=`, if known, of a key of `algorithm`. `spare`: it does not sign new mail today, and must be there all the same: the
    next key, or the last one, whose mail is still on its way.
    """

    selector: Selector
    alias: DomainName | None = None
    public_key: str | None = None
    algorithm: KeyAlgorithm = KeyAlgorithm.RSA
    spare: bool = False


@dataclass(frozen=True, slots=True)
class TrackingHost:
    """The host in tracking and unsubscribe links; without alias and addresses any address satisfies."""

    name: DomainName
    alias: DomainName | None = None
    addresses: frozenset[IpAddress] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingAccount:
    """An account at a provider that sends with the domain in From.

    `return_path`: the envelope sender's domain where it is not the From domain (SES "MAIL FROM", Postmark
    "Return-Path").
    `return_path_alias`: where its CNAME leads, None for the kind's documented place.
    `spf_includes` empty: the kind's documented one. `spf_networks`: addresses that the envelope domain's SPF must pass.
    `said`: how the provider says that it stands with the domain; None where it is not asked.
    `link_host`: where the provider would lead the links that it tracks; we have it track none.
    """

    name: AccountName
    kind: ProviderKind
    region: Region | None = None
    dkim: tuple[DkimExpectation, ...] = ()
    return_path: DomainName | None = None
    spf_includes: tuple[DomainName, ...] = ()
    spf_networks: tuple[IpNetwork, ...] = ()
    return_path_alias: DomainName | None = None
    said: Said | None = None
    link_host: TrackingHost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHost:
    """An MX that should stand in the domain's zone."""

    preference: int
    host: DomainName


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """All that is expected of one domain. `reports_to`: the mailbox for DMARC and TLS reports."""

    accounts: tuple[SendingAccount, ...] = ()
    mail_hosts: tuple[MailHost, ...] = ()
    tracking: TrackingHost | None = None
    reports_to: str | None = None
    extras: frozenset[Extra] = frozenset()
    dedicated: tuple[DedicatedAddress, ...] = ()
    blocklists: tuple[Blocklist, ...] = ()

    @property
    def all_accounts(self) -> frozenset[AccountName]:
        """The names of all accounts: those that a fault of the whole domain stops."""
        return frozenset(account.name for account in self.accounts)
