"""What an operator asks of the DNS audit beyond the records that accounts need, as values.

Belongs here: whom to ask, and where reports shall go. Does not: what a domain is expected to publish
(`dns_audit.expectations`), which reads it from here and from the accounts.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.reference import SecretRef

IpAddress: TypeAlias = IPv4Address | IPv6Address

EACH_DOMAIN = "*"


@dataclass(frozen=True, slots=True)
class DedicatedAddress:
    """An address that sends our mail alone; `helo`: the name it greets with, if known."""

    ip: IpAddress
    helo: DomainName | None = None


@dataclass(frozen=True, slots=True)
class Blocklist:
    """A DNS blocklist (RFC 5782) of addresses, or of domains where `lists_domains`."""

    zone: DomainName
    lists_domains: bool = False

    def __str__(self) -> str:
        return f"domain:{self.zone}" if self.lists_domains else self.zone


class Extra(StrEnum):
    """Checks that a domain gets only where they are asked for.

    `SECONDARIES` asks the domain's name servers past the resolver, `POLICY` and `GREETING` ask web and mail servers.
    """

    ADDRESSES = "addresses"
    ALIASES = "aliases"
    AUTHORITIES = "authorities"
    BRAND = "brand"
    DNSSEC = "dnssec"
    GREETING = "greeting"
    MTA_STS = "mta_sts"
    POLICY = "policy"
    SECONDARIES = "secondaries"
    TLS_REPORTS = "tls_reports"


OF_THE_DNS = frozenset({Extra.ADDRESSES, Extra.ALIASES, Extra.DNSSEC, Extra.MTA_STS, Extra.TLS_REPORTS})
"""Those that cost no more than some queries through the resolver, and concern every sending domain."""
BEYOND_THE_DNS = frozenset({Extra.GREETING, Extra.POLICY})
"""Those that call web and mail servers."""
ON_REQUEST = frozenset(Extra) - OF_THE_DNS
"""Those that an inventory asks for by name."""


@dataclass(frozen=True, slots=True)
class ReportsAddress:
    """The mailbox for DMARC and TLS reports; at `EACH_DOMAIN` it is one at every sending domain itself."""

    local: str
    domain: str

    def of(self, domain: DomainName) -> str:
        """The mailbox that the records of a sending domain shall name."""
        return f"{self.local}@{domain if self.domain == EACH_DOMAIN else self.domain}"

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPolicy:
    """One tenant's wishes; without any, a domain is audited by the records that its accounts need.

    `also` is sorted, so that equal wishes have one form. `probe_recipients`: servers of recipients may be asked about
    addresses. `cloudflare_token` leads to the token by which fixes are applied (Zone, DNS, Edit).
    """

    reports_to: ReportsAddress | None = None
    blocklists: tuple[Blocklist, ...] = ()
    also: tuple[Extra, ...] = ()
    cloudflare_token: SecretRef | None = None
    probe_recipients: bool = False

    @property
    def extras(self) -> frozenset[Extra]:
        """All checks that a domain of the tenant gets."""
        return OF_THE_DNS.union(self.also)
