"""Who must not be written to, for whom that holds, and why.

Which event suppresses whom is `inbound`'s to say; that a suppression stops a message is the send protocol's.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import NewType

from outreach_pipelines.domain.address import (
    Address,
    AddressHash,
    BadAddress,
    DomainName,
    address_hmac,
    domain_hmac,
    parse_address,
    parse_domain,
)

CampaignName = NewType("CampaignName", str)


class SuppressionKind(StrEnum):
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    OBJECTION = "objection"  # GDPR article 21 (2) and (3): absolute, for direct marketing
    MANUAL = "manual"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Suppression:
    """`subject` is the hash of an address or of a whole domain: nobody of the tenant writes there from `since` on."""

    subject: AddressHash
    kind: SuppressionKind
    source: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ListedSuppression:
    """An entry of a tenant's own list, still in clear: hashed before it is stored."""

    subject: Address | DomainName
    kind: SuppressionKind
    source: str
    since: date


def parse_subject(text: str) -> Address | DomainName | BadAddress:
    """`anna@firma.example` is a person; `@firma.example`, `*@firma.example` and `firma.example` are everybody there."""
    stripped = text.strip()
    if "@" not in stripped.removeprefix("*@").removeprefix("@"):
        return parse_domain(stripped.removeprefix("*@").removeprefix("@"))
    return parse_address(stripped)


def hashed(listed: ListedSuppression, key: bytes) -> Suppression:
    """The entry as it is stored; it holds for the whole tenant, from the start of its day in UTC."""
    subject = listed.subject
    name = address_hmac(subject, key) if isinstance(subject, Address) else domain_hmac(subject, key)
    since = datetime(listed.since.year, listed.since.month, listed.since.day, tzinfo=UTC)
    return Suppression(name, listed.kind, listed.source, since)
