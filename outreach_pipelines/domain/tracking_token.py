"""The token in a link of a message: sealed, so that only we can make, read or change one.

AES-SIV (RFC 5297) with the key's id and the purpose as associated data: a token of one purpose is nothing under
another, and the same claim gives the same token, so that writing a letter twice gives the same bytes.

Belongs here: what a token holds, sealing and unsealing. Does not: URLs, nor what follows from a claim.
"""

import base64
import struct
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType

# Pure computation, which the standard library lacks.
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from outreach_pipelines.domain.tenant import TenantId

TokenKeyId = NewType("TokenKeyId", int)
"""0 to 255, in clear in the first octet of each token."""

LONGEST_TOKEN: Final = 512
LONGEST_REFERENCE: Final = 64  # octets
_KEY_SIZES: Final = (32, 48, 64)  # RFC 5297 section 6: AES-128, AES-192 and AES-256, each with two keys
_FORMAT: Final = 1
_HMAC_OCTETS: Final = 32
_BODY: Final = struct.Struct(f">BIQQ{_HMAC_OCTETS}s")


class TokenPurpose(StrEnum):
    """What a link is for."""

    UNSUBSCRIBE = "unsubscribe"
    CLICK = "click"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """Keys by id. New tokens use `current`; the others only read, for as long as their links shall work.

    A key has 32, 48 or 64 octets. Take a key away and its tokens are unreadable for good: unsubscribe links must work
    for years, so keys are added and hardly ever taken away.
    """

    current: TokenKeyId
    by_id: Mapping[TokenKeyId, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        """Raises `ValueError` for keys that could not seal."""
        if self.current not in self.by_id:
            message = f"there is no key of id {self.current}"
            raise ValueError(message)
        for key_id, key in self.by_id.items():
            if not 0 <= key_id <= 255 or len(key) not in _KEY_SIZES:
                message = f"key {key_id}: an id is 0 to 255, a key 32, 48 or 64 octets"
                raise ValueError(message)
        object.__setattr__(self, "by_id", MappingProxyType(dict(self.by_id)))


@dataclass(frozen=True, slots=True)
class UnsubscribeClaim:
    """Who asks to be removed from what. `reference` tells which message brought the link (its tag)."""

    tenant: TenantId
    recipient_hmac: bytes
    campaign_id: int
    mailbox_id: int
    reference: str


def seal(claim: UnsubscribeClaim, keys: TokenKeys, *, purpose: TokenPurpose = TokenPurpose.UNSUBSCRIBE) -> str:
    """The claim as base64url without padding (RFC 4648 section 5), nothing of it in clear. Same claim, same token.

    Raises `ValueError` for a hash that is not 32 octets or a reference above 64.
    """
    reference = claim.reference.encode()
    if len(claim.recipient_hmac) != _HMAC_OCTETS or len(reference) > LONGEST_REFERENCE:
        message = f"a hash has {_HMAC_OCTETS} octets, a reference at most {LONGEST_REFERENCE}"
        raise ValueError(message)
    body = _BODY.pack(_FORMAT, claim.tenant, claim.campaign_id, claim.mailbox_id, claim.recipient_hmac) + reference
    key_id = keys.current
    sealed = AESSIV(keys.by_id[key_id]).encrypt(body, _associated(key_id, purpose))
    return _written(bytes([key_id]) + sealed)


def unseal(text: str, purpose: TokenPurpose, keys: TokenKeys) -> UnsubscribeClaim | None:
    """The claim in `text`; None for all that `seal` did not write for this purpose under `keys`. Never raises."""
    raw = _read(text)
    if not raw:
        return None
    key = keys.by_id.get(TokenKeyId(raw[0]))
    if key is None:
        return None
    try:
        body = AESSIV(key).decrypt(raw[1:], _associated(TokenKeyId(raw[0]), purpose))
    except (InvalidTag, ValueError):
        return None
    return _claim(body)


def _claim(body: bytes) -> UnsubscribeClaim | None:
    if len(body) < _BODY.size or body[0] != _FORMAT:
        return None
    _, tenant, campaign_id, mailbox_id, recipient_hmac = _BODY.unpack_from(body)
    reference = body[_BODY.size :].decode()
    return UnsubscribeClaim(TenantId(tenant), recipient_hmac, campaign_id, mailbox_id, reference)


def _associated(key_id: TokenKeyId, purpose: TokenPurpose) -> list[bytes]:
    return [bytes([key_id]), purpose.encode()]


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _read(text: str) -> bytes:
    """The octets, or none. Only the spelling that `_written` gives counts: base64 has several for the same octets."""
    if len(text) > LONGEST_TOKEN or not text.isascii():
        return b""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        return b""
    return raw if _written(raw) == text else b""
