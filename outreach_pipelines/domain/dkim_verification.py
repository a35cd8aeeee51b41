"""DKIM signatures on a message, verified as a receiver does (RFC 6376 section 6, RFC 8301, RFC 8463).

Here: parsing, canonical forms, the verdict. Not here: asking for the key (answers come from outside), our own signing
(dkim_signature.py).
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dkim_signature import canonical_body
from outreach_pipelines.domain.dns_audit.answers import Answer, RecordType, Text, Unknown, data_of
from outreach_pipelines.domain.dns_audit.dkim_key import DkimKey, DkimKeyError, RevokedKey, parse_dkim_record
from outreach_pipelines.domain.dns_audit.expectations import KeyAlgorithm
from outreach_pipelines.domain.dns_audit.lookups import Lookup, follow, together
from outreach_pipelines.domain.dns_audit.names import is_within, parse_domain_name, under
from outreach_pipelines.domain.dns_audit.tag_list import TagListError, parse_tag_list

MOST_SIGNATURES: Final = 10
_LEAST_BITS: Final = 1024
_SIGNATURE_FIELD: Final = b"dkim-signature"
_SIGNATURE_VALUE: Final = re.compile(rb"(^|;)([ \t\r\n]*b[ \t\r\n]*=)[^;]*")
_WHITE_SPACE: Final = re.compile(rb"[ \t]+")
_FOLD: Final = re.compile(rb"\r\n(?=[ \t])")
_EMPTY_LINES_AT_END: Final = re.compile(rb"(\r\n)*\Z")
_ALGORITHMS: Final = {"rsa-sha256": KeyAlgorithm.RSA, "ed25519-sha256": KeyAlgorithm.ED25519}
_REQUIRED: Final = ("v", "a", "b", "bh", "d", "h", "s")


class DkimResult(StrEnum):
    """RFC 8601 section 2.7.1."""

    PASS = "pass"  # noqa: S105 the name of a DKIM result
    FAIL = "fail"
    PERMERROR = "permerror"
    TEMPERROR = "temperror"


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimVerdict:
    """What one signature is worth. `signed`: names of h= in lower case; `bits` of the key, None where none was read."""

    domain: DomainName
    selector: str
    result: DkimResult
    reason: str
    signed: frozenset[str]
    bits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    field: tuple[bytes, bytes]
    algorithm: KeyAlgorithm
    domain: DomainName
    selector: str
    names: tuple[str, ...]
    relaxed_header: bool
    relaxed_body: bool
    body_hash: bytes
    value: bytes
    length: int | None
    expires: int | None


class _Unusable(ValueError):
    """A signature that no verifier could use; the message says why."""


def verify_signatures(message: bytes, *, now: int) -> Lookup[tuple[DkimVerdict, ...]]:
    """Verify each signature of a message with CRLF line ends, from the top; `now` in Unix seconds."""
    header, _, body = message.partition(b"\r\n\r\n")
    fields = header_fields(header)
    found = [field for field in fields if field[0].lower() == _SIGNATURE_FIELD][:MOST_SIGNATURES]
    return (yield from together([_verify(field, fields, body, now) for field in found]))


def header_fields(header: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of a header with CRLF line ends, from the top, folds left in."""
    lines = _FOLD.sub(b"\0", header).split(b"\r\n")
    split = (line.replace(b"\0", b"\r\n").partition(b":") for line in lines)
    return [(name.rstrip(b" \t"), value) for name, colon, value in split if colon]


def _verify(
    field: tuple[bytes, bytes], fields: Sequence[tuple[bytes, bytes]], body: bytes, now: int
) -> Lookup[DkimVerdict]:
    try:
        signature = _parsed(field)
    except (_Unusable, TagListError, binascii.Error, ValueError) as error:
        return DkimVerdict(
            domain=DomainName(""),
            selector="",
            result=DkimResult.PERMERROR,
            reason=f"the signature field: {error}",
            signed=frozenset(),
        )
    name = under(f"{signature.selector}._domainkey", signature.domain)
    answer = yield from follow(name, RecordType.TXT)
    if isinstance(answer, Unknown):
        return _verdict(signature, DkimResult.TEMPERROR, f"key at {name}: {answer.cause}")
    return _judge(signature, name, answer, _Signed(fields, body), now)


@dataclass(frozen=True, slots=True)
class _Signed:
    fields: Sequence[tuple[bytes, bytes]]
    body: bytes


def _judge(signature: _Signature, name: DomainName, answer: Answer, signed: _Signed, now: int) -> DkimVerdict:
    try:
        key = _key_of(name, answer)
        _refuse_unfit(signature, key, now)
    except (_Unusable, DkimKeyError) as error:
        return _verdict(signature, DkimResult.PERMERROR, str(error))
    if _body_hash(signature, signed.body) != signature.body_hash:
        return _verdict(signature, DkimResult.FAIL, "the body was changed: its hash is another", key.bits)
    if not _is_signed(signature, key, _covered(signature, signed.fields)):
        why = "the signature does not fit header and key"
        return _verdict(signature, DkimResult.FAIL, why, key.bits)
    return _verdict(signature, DkimResult.PASS, f"verified with the key at {name}", key.bits)


def _verdict(signature: _Signature, result: DkimResult, reason: str, bits: int | None = None) -> DkimVerdict:
    names = frozenset(signature.names)
    domain, selector = signature.domain, signature.selector
    return DkimVerdict(domain=domain, selector=selector, result=result, reason=reason, signed=names, bits=bits)


def _parsed(field: tuple[bytes, bytes]) -> _Signature:
    tags = parse_tag_list(_FOLD.sub(b"", field[1]).strip())
    lacking = [tag for tag in _REQUIRED if tag not in tags]
    if lacking:
        raise _Unusable(f"{', '.join(lacking)} is missing")  # noqa: EM102 one line says it
    algorithm = _ALGORITHMS.get(tags["a"].lower())
    domain = parse_domain_name(tags["d"])
    names = tuple(name.strip().lower() for name in tags["h"].split(":"))
    if tags["v"] != "1" or algorithm is None or domain is None or "from" not in names:
        message = "v= must be 1, a= a known algorithm without SHA-1, d= a domain, and h= must hold from"
        raise _Unusable(message)
    agent = parse_domain_name(tags.get("i", f"@{domain}").rpartition("@")[2])
    if agent is None or not is_within(agent, domain):
        message = f"i={tags['i']} is not within d={domain}"
        raise _Unusable(message)
    header_form, _, body_form = tags.get("c", "simple/simple").partition("/")
    return _Signature(
        field=field,
        algorithm=algorithm,
        domain=domain,
        selector=tags["s"].lower(),
        names=names,
        relaxed_header=_is_relaxed(header_form),
        relaxed_body=_is_relaxed(body_form or "simple"),
        body_hash=_decoded(tags["bh"]),
        value=_decoded(tags["b"]),
        length=int(tags["l"]) if "l" in tags else None,
        expires=int(tags["x"]) if "x" in tags else None,
    )


def _is_relaxed(form: str) -> bool:
    if form not in {"simple", "relaxed"}:
        message = f"c= names no canonical form: {form}"
        raise _Unusable(message)
    return form == "relaxed"


def _decoded(text: str) -> bytes:
    return b64decode("".join(text.split()), validate=True)


def _key_of(name: DomainName, answer: Answer) -> DkimKey:
    texts = data_of(answer, Text)
    if not texts:
        message = f"no key at {name}"
        raise _Unusable(message)
    record = parse_dkim_record(texts[0].value)
    if isinstance(record, RevokedKey):
        message = f"the key at {name} is revoked"
        raise _Unusable(message)
    return record


def _refuse_unfit(signature: _Signature, key: DkimKey, now: int) -> None:
    if key.algorithm is not signature.algorithm:
        message = f"the key is for {key.algorithm}, the signature is by {signature.algorithm}"
        raise _Unusable(message)
    if key.algorithm is KeyAlgorithm.RSA and key.bits < _LEAST_BITS:
        message = f"RSA key of {key.bits} bits: below {_LEAST_BITS} it counts as none (RFC 8301)"
        raise _Unusable(message)
    if signature.expires is not None and signature.expires < now:
        message = "the signature has expired (x=)"
        raise _Unusable(message)


def _body_hash(signature: _Signature, body: bytes) -> bytes:
    canonical = canonical_body(body) if signature.relaxed_body else _simple_body(body)
    return sha256(canonical[: signature.length] if signature.length is not None else canonical).digest()


def _simple_body(body: bytes) -> bytes:
    """RFC 6376 section 3.4.3: exactly one line end after the last line."""
    return _EMPTY_LINES_AT_END.sub(b"", body) + b"\r\n"


def _covered(signature: _Signature, fields: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The octets that are signed: fields named by h=, of equal names the lowest first, then the signature's own field."""
    left: dict[str, list[tuple[bytes, bytes]]] = {}
    for field in fields:
        left.setdefault(field[0].decode("latin-1").lower(), []).append(field)
    chosen = [left[name].pop() for name in signature.names if left.get(name)]
    name, value = signature.field
    own = (name, _SIGNATURE_VALUE.sub(rb"\1\2", value, count=1))
    lines = [_canonical(field, relaxed=signature.relaxed_header) for field in (*chosen, own)]
    return b"".join(lines).removesuffix(b"\r\n")


def _canonical(field: tuple[bytes, bytes], *, relaxed: bool) -> bytes:
    name, value = field
    if not relaxed:
        return name + b":" + value + b"\r\n"
    return name.lower() + b":" + _WHITE_SPACE.sub(b" ", _FOLD.sub(b"", value)).strip(b" ") + b"\r\n"


def _is_signed(signature: _Signature, key: DkimKey, covered: bytes) -> bool:
    try:
        if key.algorithm is KeyAlgorithm.ED25519:
            public = Ed25519PublicKey.from_public_bytes(b64decode(key.public_key))
            public.verify(signature.value, sha256(covered).digest())
        else:
            _rsa_key(b64decode(key.public_key)).verify(signature.value, covered, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _rsa_key(der: bytes) -> RSAPublicKey:
    """Read a SubjectPublicKeyInfo, or the bare RSAPublicKey that RFC 6376 section 3.6.1 names."""
    key = load_der_public_key(der)
    if not isinstance(key, RSAPublicKey):
        message = "no RSA key"
        raise TypeError(message)
    return key
