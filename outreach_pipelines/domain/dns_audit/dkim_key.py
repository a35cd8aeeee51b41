"""DKIM key records: their form and the strength of the key (RFC 6376 section 3.6.1, RFC 8301, RFC 8463).

Here: one record's text to a key. Not here: where it is published (dkim_check.py).
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from outreach_pipelines.domain.dns_audit.expectations import KeyAlgorithm
from outreach_pipelines.domain.dns_audit.tag_list import TagListError, parse_tag_list

_SEQUENCE = 0x30
_INTEGER = 0x02
_BIT_STRING = 0x03
_ED25519_BYTES = 32


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A key in use. `bits`: the RSA modulus or 256; `public_key`: base64 without white space; `testing`: flag y."""

    algorithm: KeyAlgorithm
    bits: int
    public_key: str
    testing: bool


@dataclass(frozen=True, slots=True)
class RevokedKey:
    """The record stands and its key is empty: signatures with it fail."""


DkimRecord: TypeAlias = DkimKey | RevokedKey


class DkimKeyError(ValueError):
    """Verifiers cannot use the record; the message says why."""


def parse_dkim_record(text: bytes) -> DkimRecord:
    """Read a TXT record under `_domainkey`; raise `DkimKeyError` where no verifier could use it."""
    try:
        tags = parse_tag_list(text)
    except TagListError as error:
        raise DkimKeyError(str(error)) from error
    _refuse_unusable(tags)
    public_key = "".join(tags["p"].split())
    if not public_key:
        return RevokedKey()
    algorithm = KeyAlgorithm(tags.get("k", "rsa"))
    return DkimKey(algorithm, _bits(algorithm, public_key), public_key, "y" in _listed(tags.get("t", "")))


def _refuse_unusable(tags: Mapping[str, str]) -> None:
    reason = _reason_unusable(tags)
    if reason is not None:
        raise DkimKeyError(reason)


def _reason_unusable(tags: Mapping[str, str]) -> str | None:
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1"):
        return "v= must stand first and be DKIM1"
    if "p" not in tags:
        return "p= is missing"
    if tags.get("k", "rsa") not in set(KeyAlgorithm):
        return f"key type {tags['k']} is unknown to verifiers"
    if "h" in tags and "sha256" not in _listed(tags["h"]):
        return "h= does not allow sha256"
    if not {"*", "email"} & set(_listed(tags.get("s", "*"))):
        return "s= does not allow email"
    return None


def _listed(value: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in value.split(":"))


def _bits(algorithm: KeyAlgorithm, public_key: str) -> int:
    try:
        key = base64.b64decode(public_key, validate=True)
    except binascii.Error as error:
        message = "p= is not base64"
        raise DkimKeyError(message) from error
    if algorithm is KeyAlgorithm.RSA:
        return _rsa_bits(key)
    if len(key) != _ED25519_BYTES:
        message = f"an Ed25519 key has {_ED25519_BYTES} bytes, this has {len(key)}"
        raise DkimKeyError(message)
    return 8 * _ED25519_BYTES


def _rsa_bits(key: bytes) -> int:
    """Measure the modulus of a SubjectPublicKeyInfo, or of the bare RSAPublicKey of RFC 6376 (RFC 8017 A.1.1)."""
    outer, _ = _der(key, _SEQUENCE)
    if outer[:1] == bytes([_SEQUENCE]):
        _, rest = _der(outer, _SEQUENCE)
        bit_string, _ = _der(rest, _BIT_STRING)
        outer, _ = _der(bit_string[1:], _SEQUENCE)
    modulus, _ = _der(outer, _INTEGER)
    return int.from_bytes(modulus, "big").bit_length()


def _der(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Take one DER element of this tag off the front: (its content, what follows)."""
    if len(data) < 2 or data[0] != tag:
        raise DkimKeyError(_NO_RSA_KEY)
    length, start = data[1], 2
    if length > 0x80:
        start = 2 + (length - 0x80)
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise DkimKeyError(_NO_RSA_KEY)
    return data[start : start + length], data[start + length :]


_NO_RSA_KEY = "p= is no RSA public key"
