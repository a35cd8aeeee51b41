"""Records in Cloudflare's fields and back (API reference, "DNS Records").

TXT content is quoted strings, also where somebody typed it bare; MX has its preference apart; names have no final dot.
"""

import re
from typing import Final

from outreach_pipelines.adapters.http_api import JsonObject
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import RecordType
from outreach_pipelines.domain.dns_audit.findings import ResourceRecord
from outreach_pipelines.domain.dns_changes import AUTOMATIC_TTL, HostedId, HostedRecord

SHORTEST_TTL, LONGEST_TTL = 60, 86_400
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_QUOTED: Final = re.compile(r'\s*(?:"(?:[^"\\]|\\.)*"\s*)+')
_ESCAPED: Final = re.compile(r"\\(\d{3}|.)", re.DOTALL)
_LONGEST_STRING: Final = 255
_HOSTS: Final = frozenset({RecordType.CNAME, RecordType.NS, RecordType.PTR})
_PROXIED: Final = frozenset({RecordType.A, RecordType.AAAA, RecordType.CNAME})


def hosted_of(found: JsonObject) -> HostedRecord | None:
    """A record as the API lists it; None for a type that no fix is made of."""
    try:
        kind = RecordType(str(found.get("type")))
    except ValueError:
        return None
    name = DomainName(str(found.get("name")).lower().removesuffix("."))
    ttl = found.get("ttl")
    record = ResourceRecord(name, kind, _value(kind, found), ttl if isinstance(ttl, int) else AUTOMATIC_TTL)
    return HostedRecord(HostedId(str(found.get("id"))), record)


def fields_of(record: ResourceRecord, *, new: bool) -> JsonObject:
    """What to send; of a record that is edited only its data, so that its comments and tags stay."""
    fields: dict[str, object] = {"type": record.type.value, "name": record.name, "ttl": _ttl(record.ttl)}
    if record.type is RecordType.MX:
        preference, _, host = record.value.partition(" ")
        fields |= {"priority": int(preference), "content": host.strip().removesuffix(".")}
    elif record.type is RecordType.CAA:
        flags, tag, value = record.value.split(" ", 2)
        fields["data"] = {"flags": int(flags), "tag": tag, "value": value.strip('"')}
    elif record.type is RecordType.TXT:
        fields["content"] = _quoted(record.value)
    else:
        fields["content"] = record.value.removesuffix(".") if record.type in _HOSTS else record.value
    if new and record.type in _PROXIED:
        # Mail and tracking need the name's own address, not Cloudflare's.
        fields["proxied"] = False
    return fields


def _value(kind: RecordType, found: JsonObject) -> str:
    content = str(found.get("content") or "")
    if kind is RecordType.TXT:
        return _unquoted(content)
    if kind is RecordType.MX:
        return f"{found.get('priority', 0)} {_absolute(content)}"
    return _absolute(content) if kind in _HOSTS else content


def _absolute(host: str) -> str:
    return f"{host.removesuffix('.')}."


def _quoted(text: str) -> str:
    pieces = [text[at : at + _LONGEST_STRING] for at in range(0, len(text), _LONGEST_STRING)] or [""]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)


def _unquoted(content: str) -> str:
    if not _QUOTED.fullmatch(content):
        return content
    return "".join(_ESCAPED.sub(_character, piece) for piece in _STRING.findall(content))


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1])) if escape[1].isdigit() and len(escape[1]) == 3 else escape[1]


def _ttl(seconds: int) -> int:
    return seconds if seconds == AUTOMATIC_TTL else min(max(seconds, SHORTEST_TTL), LONGEST_TTL)
