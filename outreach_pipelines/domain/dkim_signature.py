"""A DKIM signature (RFC 6376) up to the one number that a key makes: what is signed, and how the field reads.

Belongs here: canonical forms (relaxed for both), which header fields are signed, and how often. Does not: keys (an adapter),
verification (receivers do that, and the DNS audit reads the keys that they will find).

Sources: RFC 6376 sections 3.4, 3.5, 3.7 and 5.4; RFC 8463 (Ed25519); RFC 8058 section 4 (the one-click fields are signed).
"""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

#: Signed once more than they occur (RFC 6376 section 8.15): nobody can add another one and stay verified.
OVERSIGNED: Final = (
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
_WHITE_SPACE: Final = re.compile(rb"[ \t]+")
_SPACE_AT_LINE_END: Final = re.compile(rb"[ \t]+(?=\r\n)")
_EMPTY_LINES_AT_END: Final = re.compile(rb"(\r\n)+\Z")
_FOLD: Final = re.compile(rb"\r\n(?=[ \t])")
_LINE_OF_BASE64: Final = 72


class SigningAlgorithm(StrEnum):
    RSA = "rsa-sha256"
    ED25519 = "ed25519-sha256"


@dataclass(frozen=True, slots=True)
class SignatureHead:
    """What a signature says of itself. `signed_at` counts seconds since 1970."""

    algorithm: SigningAlgorithm
    domain: str
    selector: str
    signed_at: int


@dataclass(frozen=True, slots=True)
class UnsignedField:
    """A DKIM-Signature field that lacks its signature, and the octets that are to be signed for it."""

    field: bytes
    to_sign: bytes

    def signed(self, signature: bytes) -> bytes:
        """The whole field, with its line end: it goes on top of the message."""
        text = b64encode(signature)
        lines = [text[at : at + _LINE_OF_BASE64] for at in range(0, len(text), _LINE_OF_BASE64)]
        return self.field + b"\r\n ".join([b"", *lines]) + b"\r\n"


def unsigned_field(message: bytes, head: SignatureHead) -> UnsignedField:
    """What to sign of a message with CRLF line ends. Raises `ValueError` for one without From."""
    header, _, body = message.partition(b"\r\n\r\n")
    fields = _fields(header)
    if not any(name.lower() == b"from" for name, _ in fields):
        text = "a message without From cannot be signed (RFC 6376 section 5.4)"
        raise ValueError(text)
    names = signed_names([name.decode("ascii", "replace") for name, _ in fields])
    digest = b64encode(sha256(canonical_body(body)).digest()).decode()
    parts = (
        f"v=1; a={head.algorithm}; c=relaxed/relaxed; d={head.domain}; s={head.selector};",
        f"t={head.signed_at};",
        "h=" + ":\r\n\t ".join(_in_lines(names)) + ";",
        f"bh={digest};",
        "b=",
    )
    field = b"DKIM-Signature: " + "\r\n\t".join(parts).encode()
    covered = [*_chosen(fields, names), _canonical(b"DKIM-Signature", field.partition(b": ")[2]).rstrip(b"\r\n")]
    return UnsignedField(field, b"".join(covered))


def signed_names(present: Sequence[str]) -> list[str]:
    """The names of h=: each of OVERSIGNED as often as it is there, and once more."""
    count = Counter(name.lower() for name in present)
    return [name for name in OVERSIGNED for _ in range(count[name.lower()] + 1)]


def canonical_body(body: bytes) -> bytes:
    """RFC 6376 section 3.4.4: runs of white space are one space, none at line ends, no empty lines at the end."""
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    lines = _SPACE_AT_LINE_END.sub(b"", _WHITE_SPACE.sub(b" ", body))
    whole = _EMPTY_LINES_AT_END.sub(b"\r\n", lines)
    return b"" if whole == b"\r\n" else whole


def _fields(header: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values, from the top, folds left in."""
    lines = _FOLD.sub(b"\0", header).split(b"\r\n")
    split = (line.replace(b"\0", b"\r\n").partition(b":") for line in lines)
    return [(name.strip(), value) for name, colon, value in split if colon]


def _chosen(fields: Sequence[tuple[bytes, bytes]], names: Sequence[str]) -> list[bytes]:
    """Of equal names the lowest first (RFC 6376 section 5.4.2); one that is not there signs nothing."""
    left: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        left.setdefault(name.lower(), []).append(_canonical(name, value))
    found = (left.get(name.lower().encode(), []) for name in names)
    return [values.pop() for values in found if values]


def _canonical(name: bytes, value: bytes) -> bytes:
    """RFC 6376 section 3.4.2."""
    return name.lower() + b":" + _WHITE_SPACE.sub(b" ", _FOLD.sub(b"", value)).strip(b" ") + b"\r\n"


def _in_lines(names: Sequence[str]) -> list[str]:
    return [":".join(names[at : at + 5]) for at in range(0, len(names), 5)]
