"""The tag a message carries on the wire, by which whatever comes back names its tenant, message and attempt.

24 bytes: tenant (4), plan day (2, days since 1970), message (8), attempt (2), MAC (8: BLAKE2b keyed, truncated).
Written in lower-case base32 without padding, 39 characters: it must survive mail systems that fold the case of a local
part (RFC 5321 section 2.4 allows none, many do), fit beside a prefix in 64 octets, and match SES's `[A-Za-z0-9_-]`.

Belongs here: making and reading tags. Does not: where on the wire they stand (`domain/wire_message.py`).
"""

import base64
import hashlib
import hmac
import struct
from binascii import Error as Base32Error
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NewType

from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.tenant import TenantId

WireTag = NewType("WireTag", str)

_BODY = struct.Struct(">IHQH")
_MAC_BYTES = 8
_LENGTH = 39
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class MessageTag:
    """Which attempt of which message of which tenant."""

    tenant: TenantId
    plan_day: date
    message: MessageId
    attempt: int


def write_tag(tag: MessageTag, key: bytes) -> WireTag:
    """The tag as 39 characters of `[a-z2-7]`."""
    body = _BODY.pack(tag.tenant, (tag.plan_day - _EPOCH).days, tag.message, tag.attempt)
    return WireTag(base64.b32encode(body + _mac(body, key)).decode("ascii").rstrip("=").lower())


def read_tag(text: str, key: bytes) -> MessageTag | None:
    """The tag in `text`, in either case of letters; None unless its MAC is right, so a forged one names nobody."""
    if len(text) != _LENGTH or not text.isascii():
        return None
    try:
        raw = base64.b32decode(text.upper() + "=")
    except Base32Error:
        return None
    body, mac = raw[: _BODY.size], raw[_BODY.size :]
    if not hmac.compare_digest(mac, _mac(body, key)):
        return None
    tenant, days, message, attempt = _BODY.unpack(body)
    return MessageTag(TenantId(tenant), _EPOCH + timedelta(days=days), MessageId(message), attempt)


def _mac(body: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(body, key=key, digest_size=_MAC_BYTES, person=b"outreach tag").digest()
