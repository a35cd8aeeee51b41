"""Who sends: the tenant and what identifies it."""

from dataclasses import dataclass
from typing import NewType

from outreach_pipelines.domain.address import Address, DomainName
from outreach_pipelines.domain.place import CountryCode, ZoneName

TenantId = NewType("TenantId", int)

TenantSlug = NewType("TenantSlug", str)
"""The tenant's name in folders, partitions and commands: lower-case letters, digits and hyphens, 2 to 40 of them."""


@dataclass(frozen=True, slots=True)
class TenantRef:
    """One tenant under both its names: the database's and that of its files."""

    id: TenantId
    slug: TenantSlug


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """Who stands behind each message, as the law of most countries wants it shown."""

    company: str
    website: str
    contact: Address
    privacy_notice_url: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """`postal_address` stands line by line in each message; `unsubscribe_host` serves the links of unsubscribing."""

    slug: TenantSlug
    name: str
    zone: ZoneName
    country: CountryCode
    postal_address: tuple[str, ...]
    sender: SenderIdentity
    unsubscribe_host: DomainName
