"""What the DNS was asked and what it said.

Here: queries, record data, and the four kinds of answer. Not here: how they travel (an adapter) or what they mean
(the checks).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias, TypeVar

from outreach_pipelines.domain.address import DomainName


class RecordType(StrEnum):
    """The record types the audit asks for and publishes."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    NS = "NS"
    TXT = "TXT"


@dataclass(frozen=True, slots=True, order=True)
class Query:
    """One question to the DNS."""

    name: DomainName
    type: RecordType


@dataclass(frozen=True, slots=True)
class Address:
    """Data of an A or AAAA record."""

    ip: IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Alias:
    """Data of a CNAME record; also found in answers to other types, on the way to them."""

    target: DomainName


@dataclass(frozen=True, slots=True)
class MailExchanger:
    """Data of an MX record; the host is the root in a null MX (RFC 7505)."""

    preference: int
    host: DomainName


@dataclass(frozen=True, slots=True)
class NameServer:
    """Data of an NS record."""

    host: DomainName


@dataclass(frozen=True, slots=True)
class Text:
    """Data of a TXT record: its strings glued without a separator (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2)."""

    value: bytes


RecordData: TypeAlias = Address | Alias | MailExchanger | NameServer | Text


class Cause(StrEnum):
    """Why something could not be known."""

    TIMEOUT = "timeout"
    SERVER_FAILURE = "server failure (SERVFAIL)"
    REFUSED = "refused (REFUSED)"
    UNREACHABLE = "name server unreachable"
    MALFORMED = "malformed answer"
    ALIAS_LOOP = "CNAME chain too long"
    NOT_ANSWERED = "the resolver gave no answer"
    DEPENDS_ON_SENDER = "depends on the single message (SPF macro, exists or ptr)"
    NOT_IN_INVENTORY = "not in the inventory"


@dataclass(frozen=True, slots=True)
class Records:
    """The name has records.

    `rrs` in wire order, with the CNAMEs that led to them; `ttl` in seconds, the least of them;
    `ad`: the resolver validated DNSSEC (RFC 4035 section 3.2.3), None where the resolver's library does not tell.
    """

    rrs: tuple[RecordData, ...]
    ttl: int
    ad: bool | None = None


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists without records of this type (RFC 2308 section 2.2)."""


@dataclass(frozen=True, slots=True)
class NxDomain:
    """The name does not exist, nor anything below it (RFC 8020)."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody could say. Never to be read as absence."""

    cause: Cause


Answer: TypeAlias = Records | NoData | NxDomain | Unknown
Answers: TypeAlias = Mapping[Query, Answer]

Data = TypeVar("Data", Address, Alias, MailExchanger, NameServer, Text)


def data_of(answer: Answer, kind: type[Data]) -> tuple[Data, ...]:
    """Select the records of one kind; empty also for `Unknown`, which the caller must have set apart."""
    return tuple(rr for rr in answer.rrs if isinstance(rr, kind)) if isinstance(answer, Records) else ()
