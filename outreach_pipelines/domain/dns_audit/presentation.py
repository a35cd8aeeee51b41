"""Record data as a zone file writes it, and back (RFC 1035 section 5.1).

Here: one record's type and data as text. Not here: whole answers (answers_file.py) and records to publish (findings.py).
"""

import json
import re
from dataclasses import asdict
from ipaddress import IPv4Address, IPv6Address
from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Alias,
    Authority,
    KeyDigest,
    MailExchanger,
    MailGreeting,
    NameServer,
    PolicyText,
    RecordData,
    ReverseName,
    Text,
    ZoneKey,
    ZoneStart,
)
from outreach_pipelines.domain.dns_audit.names import ROOT, absolute, parse_domain_name

_LONGEST_STRING = 255
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"\s*', re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9]{3}|.)", re.DOTALL)
_PLAIN = frozenset(range(0x20, 0x7F)) - {ord('"'), ord("\\")}


class PresentationError(ValueError):
    """The text is no record; the message says why."""


def written(data: RecordData) -> str:
    """Write `TYPE data`, such as `MX 10 mx.example.com.`; names are absolute, bytes of a text kept by escapes."""
    match data:
        case Address(ip):
            return f"{'A' if ip.version == 4 else 'AAAA'} {ip}"
        case Alias(target):
            return f"CNAME {absolute(target)}"
        case MailExchanger(preference, host):
            return f"MX {preference} {absolute(host)}"
        case NameServer(host):
            return f"NS {absolute(host)}"
        case ReverseName(host):
            return f"PTR {absolute(host)}"
        case Text(value):
            return f"TXT {quoted(value)}"
        case _:
            return _rarely_written(data)


def _rarely_written(data: ZoneStart | Authority | KeyDigest | ZoneKey | PolicyText | MailGreeting) -> str:
    match data:
        case PolicyText() | MailGreeting():
            kind = "POLICY" if isinstance(data, PolicyText) else "SMTP"
            return f"{kind} {json.dumps(asdict(data))}"
        case ZoneStart(primary, serial):
            return f"SOA {absolute(primary)} {serial}"
        case Authority(flags, tag, value):
            return f"CAA {flags} {tag} {quoted(value.encode('latin-1', 'replace'))}"
        case KeyDigest(key_tag, algorithm):
            return f"DS {key_tag} {algorithm}"
        case ZoneKey(key_tag, algorithm):
            return f"DNSKEY {key_tag} {algorithm}"
        case _:
            assert_never(data)


def read(text: str) -> RecordData:
    """Read what `written` writes; raises `PresentationError`."""
    kind, _, value = text.partition(" ")
    try:
        return _read(kind, value.strip())
    except (ValueError, IndexError, TypeError) as error:
        message = f"{text!r} is no record: {error}"
        raise PresentationError(message) from error


def _read(kind: str, value: str) -> RecordData:
    match kind:
        case "A":
            return Address(IPv4Address(value))
        case "AAAA":
            return Address(IPv6Address(value))
        case "CNAME":
            return Alias(_name(value))
        case "MX":
            preference, host = value.split()
            return MailExchanger(int(preference), _name(host))
        case "NS":
            return NameServer(_name(value))
        case "PTR":
            return ReverseName(_name(value))
        case "TXT":
            return Text(unquoted(value))
        case _:
            return _rarely_read(kind, value)


def _rarely_read(kind: str, value: str) -> RecordData:
    match kind:
        case "POLICY":
            return PolicyText(**json.loads(value))
        case "SMTP":
            return MailGreeting(**json.loads(value))
        case "SOA":
            primary, serial = value.split()[:2]
            return ZoneStart(_name(primary), int(serial))
        case "CAA":
            flags, tag, rest = value.split(maxsplit=2)
            return Authority(int(flags), tag, unquoted(rest).decode("latin-1"))
        case "DS":
            key_tag, algorithm = value.split()[:2]
            return KeyDigest(int(key_tag), int(algorithm))
        case "DNSKEY":
            key_tag, algorithm = value.split()[:2]
            return ZoneKey(int(key_tag), int(algorithm))
        case _:
            message = f"type {kind} is not known here"
            raise ValueError(message)


def quoted(value: bytes) -> str:
    """Write strings of at most 255 bytes, each in quotes; what is not visible ASCII as `\\DDD`."""
    pieces = [value[at : at + _LONGEST_STRING] for at in range(0, len(value), _LONGEST_STRING)] or [b""]
    return " ".join('"' + "".join(map(_escaped, piece)) + '"' for piece in pieces)


def unquoted(text: str) -> bytes:
    """Glue quoted strings together; a text without quotes is one string. Raises `ValueError`."""
    if not text.startswith('"'):
        return _unescaped(text)
    value, position = b"", 0
    while position < len(text):
        string = _STRING.match(text, position)
        if string is None:
            message = f"no quoted string at position {position + 1}"
            raise ValueError(message)
        value, position = value + _unescaped(string[1]), string.end()
    return value


def _escaped(byte: int) -> str:
    if byte in _PLAIN:
        return chr(byte)
    return f"\\{chr(byte)}" if chr(byte) in '"\\' else f"\\{byte:03d}"


def _unescaped(text: str) -> bytes:
    return _ESCAPE.sub(lambda match: _character(match[1]), text).encode("latin-1")


def _character(escape: str) -> str:
    return chr(int(escape)) if len(escape) == 3 else escape


def _name(text: str) -> DomainName:
    if text == ".":
        return ROOT
    return parse_domain_name(text) or DomainName(text.removesuffix(".").lower())
