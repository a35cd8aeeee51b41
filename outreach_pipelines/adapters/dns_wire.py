"""DNS messages on the wire: one question out, one answer in (RFC 1035 section 4, EDNS by RFC 6891).

Here: bytes to answers. Not here: sockets, retries (dns_exchange.py, dns.py).
Written here because the binding of c-ares asks for neither DS nor DNSKEY, does not tell whether a resolver validated, and
costs three times as much a query.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    ANY_RESOLVER,
    Address,
    Alias,
    Answer,
    Authority,
    Cause,
    KeyDigest,
    MailExchanger,
    NameServer,
    NoData,
    NxDomain,
    Query,
    RecordData,
    Records,
    RecordType,
    ReverseName,
    Text,
    Unknown,
    ZoneKey,
    ZoneStart,
)
from outreach_pipelines.domain.dns_audit.names import ROOT

UDP_PAYLOAD: Final = 1232
"""What fits into one datagram on every path (DNS Flag Day 2020)."""

_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_TWO = struct.Struct("!H")
_NUMBER: Final[Mapping[RecordType, int]] = {
    RecordType.A: 1,
    RecordType.NS: 2,
    RecordType.CNAME: 5,
    RecordType.SOA: 6,
    RecordType.PTR: 12,
    RecordType.MX: 15,
    RecordType.TXT: 16,
    RecordType.AAAA: 28,
    RecordType.DS: 43,
    RecordType.DNSKEY: 48,
    RecordType.CAA: 257,
}
_CNAME, _SOA, _NS = _NUMBER[RecordType.CNAME], _NUMBER[RecordType.SOA], _NUMBER[RecordType.NS]
_IN = 1
_OPT = b"\0" + struct.pack("!HHIH", 41, UDP_PAYLOAD, 0, 0)
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSE, _VALIDATED = 0x8000, 0x0400, 0x0200, 0x0100, 0x0020
_FORMAT_ERROR, _SERVER_FAILURE, _NO_SUCH_NAME, _REFUSED = 1, 2, 3, 5
_CAUSES: Final[Mapping[int, Cause]] = {_SERVER_FAILURE: Cause.SERVER_FAILURE, _REFUSED: Cause.REFUSED}
_LONGEST_LABEL = 63
_LONGEST_NAME = 255
_POINTER = 0xC0
_LONGEST_CHAIN = 16


class WireError(ValueError):
    """The bytes are no DNS message, or the name fits into none."""


@dataclass(frozen=True, slots=True)
class Truncated:
    """The answer did not fit into the datagram: ask over TCP."""


@dataclass(frozen=True, slots=True)
class NoEdns:
    """The server does not know EDNS (FORMERR): ask without it."""


def encode_question(query: Query) -> bytes:
    """Write the question section; raises `WireError` for a name that fits into no message."""
    if query.type not in _NUMBER:
        message = f"{query.type} is not asked of the DNS"
        raise WireError(message)
    labels = [] if query.name == ROOT else query.name.split(".")
    wire = b"".join(map(_label, labels)) + b"\0"
    if len(wire) > _LONGEST_NAME:
        message = f"{query.name!r} is too long a name"
        raise WireError(message)
    return wire + struct.pack("!HH", _NUMBER[query.type], _IN)


def encode_query(identity: int, query: Query, question: bytes, *, edns: bool = True) -> bytes:
    """Write a query; asks a resolver to recurse and to tell whether it validated (RFC 6840 section 5.7)."""
    flags = _RECURSE | _VALIDATED if query.server == ANY_RESOLVER else 0
    return _HEADER.pack(identity, flags, 1, 0, 0, int(edns)) + question + (_OPT if edns else b"")


def is_answer_to(message: bytes, question: bytes) -> bool:
    """Tell whether a message answers this very question, letters compared without case; forged ones seldom do."""
    end = _HEADER.size + len(question)
    return (
        len(message) >= end
        and message[2] & 0x80 != 0
        and message[4:6] == b"\0\1"
        and message[_HEADER.size : end].lower() == question.lower()
    )


def decode_answer(message: bytes, query: Query, question: bytes) -> Answer | Truncated | NoEdns:
    """Read a message for which `is_answer_to` holds. What cannot be read is unknown, never an empty answer."""
    _, flags, _, answers, authorities, _ = _HEADER.unpack_from(message)
    if flags & _TRUNCATED:
        return Truncated()
    code = flags & 15
    if code == _NO_SUCH_NAME:
        return NxDomain()
    if code == _FORMAT_ERROR:
        return NoEdns()
    if code:
        return Unknown(_CAUSES.get(code, Cause.MALFORMED))
    try:
        start = _HEADER.size + len(question)
        if not answers:
            return _without_answers(message, start, authorities, flags)
        return _with_answers(message, start, answers, query, flags)
    except (IndexError, struct.error, ValueError):
        return Unknown(Cause.MALFORMED)


def _without_answers(message: bytes, start: int, authorities: int, flags: int) -> Answer:
    """Tell "no such record" from a referral, which is how a server says that it does not know (RFC 2308 section 2.2)."""
    kinds = {kind for _, kind, _, _, _ in _records(message, start, authorities)}
    is_referral = _NS in kinds and _SOA not in kinds and not flags & _AUTHORITATIVE
    return Unknown(Cause.REFERRED) if is_referral else NoData()


def _with_answers(message: bytes, start: int, count: int, query: Query, flags: int) -> Answer:
    """Keep what hangs on the question by its chain of aliases; other records in the answer are nobody's word."""
    found = list(_records(message, start, count))
    owner, ttl, rrs = query.name.lower(), 0xFFFFFFFF, list[RecordData]()
    wanted = _NUMBER[query.type]
    for _ in range(_LONGEST_CHAIN):
        mine = [each for each in found if each[0] == owner and each[1] in (wanted, _CNAME)]
        direct = [each for each in mine if each[1] == wanted]
        for _, kind, lives, at, size in direct or mine[:1]:
            rrs.append(_READERS[kind](message, at, size))
            ttl = min(ttl, lives)
        if direct or not mine:
            break
        alias = rrs[-1]
        if isinstance(alias, Alias):
            owner = alias.target
    else:
        return Unknown(Cause.ALIAS_LOOP)
    return Records(tuple(rrs), ttl, bool(flags & _VALIDATED)) if rrs else Unknown(Cause.MALFORMED)


def _records(message: bytes, position: int, count: int) -> Iterator[tuple[str, int, int, int, int]]:
    """Give (owner, type, TTL, where the data begins, its length) of each record."""
    for _ in range(count):
        owner, position = _name(message, position)
        kind, _, ttl, size = _RECORD.unpack_from(message, position)
        position += _RECORD.size
        if position + size > len(message):
            raise WireError
        yield owner, kind, ttl if ttl < 0x80000000 else 0, position, size
        position += size


def _label(text: str) -> bytes:
    label = text.encode("latin-1", "replace")
    if not 0 < len(label) <= _LONGEST_LABEL:
        message = f"{text!r} is no label"
        raise WireError(message)
    return bytes((len(label),)) + label


def _name(message: bytes, position: int) -> tuple[DomainName, int]:
    """Read a name in the audit's spelling, and where it ends. Pointers must lead back, so that every name ends."""
    labels: list[str] = []
    end, lowest = 0, position
    while size := message[position]:
        if size >= _POINTER:
            end = end or position + 2
            position = _TWO.unpack_from(message, position)[0] & 0x3FFF
            if position >= lowest:
                raise WireError
            lowest = position
            continue
        if size > _LONGEST_LABEL or len(labels) > _LONGEST_NAME:
            raise WireError
        labels.append(message[position + 1 : position + 1 + size].decode("latin-1").lower().replace(".", "\\."))
        position += size + 1
    return DomainName(".".join(labels)) if labels else ROOT, end or position + 1


def _text(message: bytes, at: int, size: int) -> Text:
    """Glue the strings together without a separator."""
    strings: list[bytes] = []
    end = at + size
    while at < end:
        length = message[at]
        if at + 1 + length > end:
            raise WireError
        strings.append(message[at + 1 : at + 1 + length])
        at += 1 + length
    return Text(b"".join(strings))


def _start_of_zone(message: bytes, at: int, _size: int) -> ZoneStart:
    primary, at = _name(message, at)
    at = _name(message, at)[1]
    return ZoneStart(primary, struct.unpack_from("!I", message, at)[0])


def _authority(message: bytes, at: int, size: int) -> Authority:
    value = at + 2 + message[at + 1]
    tag = message[at + 2 : value].decode("latin-1").lower()
    return Authority(message[at], tag, message[value : at + size].decode("latin-1"))


def _key(message: bytes, at: int, size: int) -> ZoneKey:
    """Compute the tag by RFC 4034 appendix B."""
    data = message[at : at + size]
    total = sum(byte << 8 if place % 2 == 0 else byte for place, byte in enumerate(data))
    return ZoneKey((total + (total >> 16)) & 0xFFFF, data[3])


def _address4(message: bytes, at: int, size: int) -> Address:
    return Address(IPv4Address(message[at : at + size]))


def _address6(message: bytes, at: int, size: int) -> Address:
    return Address(IPv6Address(message[at : at + size]))


_READERS: Final[Mapping[int, Callable[[bytes, int, int], RecordData]]] = {
    _NUMBER[RecordType.A]: _address4,
    _NUMBER[RecordType.AAAA]: _address6,
    _NUMBER[RecordType.NS]: lambda message, at, _: NameServer(_name(message, at)[0]),
    _NUMBER[RecordType.CNAME]: lambda message, at, _: Alias(_name(message, at)[0]),
    _NUMBER[RecordType.PTR]: lambda message, at, _: ReverseName(_name(message, at)[0]),
    _NUMBER[RecordType.SOA]: _start_of_zone,
    _NUMBER[RecordType.MX]: lambda message, at, _: MailExchanger(
        _TWO.unpack_from(message, at)[0], _name(message, at + 2)[0]
    ),
    _NUMBER[RecordType.TXT]: _text,
    _NUMBER[RecordType.DS]: lambda message, at, _: KeyDigest(_TWO.unpack_from(message, at)[0], message[at + 2]),
    _NUMBER[RecordType.DNSKEY]: _key,
    _NUMBER[RecordType.CAA]: _authority,
}
