"""What the DNS was asked and what it said.

Here: queries, record data, and the four kinds of answer. Not here: how they travel (an adapter) or what they mean
(the checks).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, NewType, TypeAlias, TypeVar

from outreach_pipelines.domain.address import DomainName

ServerAddress = NewType("ServerAddress", str)
"""The IP address of a name server that is asked itself, past the resolver."""
ANY_RESOLVER = ServerAddress("")


class RecordType(StrEnum):
    """The record types the audit asks for and publishes, and two questions that go to other servers than the DNS's.

    `POLICY` asks the web server of that name for its MTA-STS policy, `SMTP` the mail server for its greeting: their
    answers are stored, shared and unknown like all others.
    """

    A = "A"
    AAAA = "AAAA"
    CAA = "CAA"
    CNAME = "CNAME"
    DNSKEY = "DNSKEY"
    DS = "DS"
    MX = "MX"
    NS = "NS"
    POLICY = "POLICY"
    PTR = "PTR"
    SMTP = "SMTP"
    SOA = "SOA"
    TXT = "TXT"

    __hash__ = str.__hash__  # Enum's own is a Python function, called for every question that is looked up


class Query(NamedTuple):
    """One question to the DNS; `server`: the name server it is put to, where not the resolver.

    A tuple, because it is a key at every step of every check: a dataclass hashes it ten times slower.
    """

    name: DomainName
    type: RecordType
    server: ServerAddress = ANY_RESOLVER


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


@dataclass(frozen=True, slots=True)
class ReverseName:
    """Data of a PTR record."""

    host: DomainName


@dataclass(frozen=True, slots=True)
class ZoneStart:
    """Data of a SOA record, as far as it is compared: the primary server and the serial number."""

    primary: DomainName
    serial: int


@dataclass(frozen=True, slots=True)
class Authority:
    """Data of a CAA record (RFC 8659 section 4.1)."""

    flags: int
    tag: str
    value: str


@dataclass(frozen=True, slots=True)
class KeyDigest:
    """Data of a DS record, as far as it is compared: which key of the zone the parent vouches for (RFC 4034 section 5)."""

    key_tag: int
    algorithm: int


@dataclass(frozen=True, slots=True)
class ZoneKey:
    """Data of a DNSKEY record, as far as it is compared; `key_tag` by RFC 4034 appendix B."""

    key_tag: int
    algorithm: int


@dataclass(frozen=True, slots=True)
class PolicyText:
    """What a web server gave as MTA-STS policy; `fault`: why senders must not use it (RFC 8461 section 3.3)."""

    text: str
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailGreeting:
    """What a mail server said to a caller that left before MAIL FROM.

    `fault` of the certificate empty: it is valid for the host's name. `days_left`: until it ends, None without TLS.
    """

    banner: str
    starttls: bool
    certificate_fault: str = ""
    days_left: int | None = None


RecordData: TypeAlias = (
    Address
    | Alias
    | MailExchanger
    | NameServer
    | Text
    | ReverseName
    | ZoneStart
    | Authority
    | KeyDigest
    | ZoneKey
    | PolicyText
    | MailGreeting
)


class Cause(StrEnum):
    """Why something could not be known."""

    TIMEOUT = "timeout"
    SERVER_FAILURE = "server failure (SERVFAIL)"
    REFUSED = "refused (REFUSED)"
    UNREACHABLE = "name server unreachable"
    MALFORMED = "malformed answer"
    REFERRED = "the server refers to others instead of answering"
    ALIAS_LOOP = "CNAME chain too long"
    NOT_ANSWERED = "the resolver gave no answer"
    DEPENDS_ON_SENDER = "depends on the single message (SPF macro, exists or ptr)"
    TOO_MUCH = "too much to follow"
    LIST_REFUSES = "the list refuses to say (an error code in place of a listing)"
    NOT_ASKED = "nobody was sent to ask (a web or mail server)"
    NOT_IN_INVENTORY = "not in the inventory"
    PENDING_AT_PROVIDER = "the provider has not looked at the records yet"


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

Data = TypeVar(
    "Data",
    Address,
    Alias,
    MailExchanger,
    NameServer,
    Text,
    ReverseName,
    ZoneStart,
    Authority,
    KeyDigest,
    ZoneKey,
    PolicyText,
    MailGreeting,
)


def data_of(answer: Answer, kind: type[Data]) -> tuple[Data, ...]:
    """Select the records of one kind; empty also for `Unknown`, which the caller must have set apart."""
    return tuple(rr for rr in answer.rrs if isinstance(rr, kind)) if isinstance(answer, Records) else ()
