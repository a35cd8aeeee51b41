"""Raw bytes to a tree of parts, within caps that are checked while reading.

Written for hostile mail: one pass per nesting level, no recursion deeper than the cap, nothing decoded before it is
asked for. The standard library's parser is linear in neither depth nor header count, and loses the caps in doing so.
Embedded messages stay bytes: a forwarded bounce is not a bounce. What the text of a part says is not decided here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from outreach_pipelines.domain.inbound.message import Unreadable, UnreadableReason

MAX_BYTES = 10 * 1024 * 1024
MAX_PARTS = 100
MAX_DEPTH = 20
MAX_HEADERS = 1_000
MAX_HEADER_BYTES = 64 * 1024
MAX_BOUNDARY = 200

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_MBOX_LINE = re.compile(rb">?From [^\n]*\n")
_PARAMETER = re.compile(r";\s*([a-z0-9\-*]{1,40})\s*=\s*(?:\"([^\"]*)\"|([^\s;]*))", re.IGNORECASE)
_MEDIA_TYPE_END = re.compile(r"[;\s]")
_FIRST_DELIMITER = re.compile(rb"^--([^\s-][^\n]{3,69}|-+[^\s-][^\n]{2,60})$", re.MULTILINE)
_FOLD = re.compile(rb"\n[ \t]+")


class Report(Enum):
    """The machine-readable parts that say what a message is (RFC 3464, 5965, 6533, 8098)."""

    DELIVERY_STATUS = "message/delivery-status"
    GLOBAL_DELIVERY_STATUS = "message/global-delivery-status"
    FEEDBACK = "message/feedback-report"
    DISPOSITION = "message/disposition-notification"
    GLOBAL_DISPOSITION = "message/global-disposition-notification"


RETURNED_TYPES = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
"""Media types of an original that a report gives back, whole or headers only."""


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME part. `headers` keep order; names are lower-case, values unfolded and undecoded."""

    headers: tuple[tuple[str, str], ...]
    content_type: str
    parameters: tuple[tuple[str, str], ...]
    body: bytes
    children: tuple["Part", ...] = ()

    def header(self, name: str) -> str | None:
        """The first field of this lower-case name."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """All fields of this lower-case name, in order."""
        return tuple(value for key, value in self.headers if key == name)

    def parameter(self, name: str) -> str | None:
        """A parameter of Content-Type."""
        return next((value for key, value in self.parameters if key == name), None)

    def walk(self) -> Iterator["Part"]:
        """This part and all below, in order of the message."""
        yield self
        for child in self.children:
            yield from child.walk()


class _CapExceededError(Exception):
    """Leaves the reader at once; `read_structure` turns it into a value."""

    def __init__(self, reason: UnreadableReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(slots=True)
class _Budget:
    """How many parts may still be opened."""

    parts: int = MAX_PARTS

    def spend(self) -> None:
        self.parts -= 1
        if self.parts < 0:
            raise _CapExceededError(UnreadableReason.TOO_MANY_PARTS)


def read_structure(raw: bytes) -> Part | Unreadable:
    """The tree of `raw`, or why it goes to quarantine. Never raises."""
    if len(raw) > MAX_BYTES:
        return Unreadable(UnreadableReason.TOO_LARGE)
    if not raw.strip():
        return Unreadable(UnreadableReason.EMPTY)
    try:
        return _read_part(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), depth=0, budget=_Budget())
    except _CapExceededError as cap:
        return Unreadable(cap.reason)


def read_header_block(data: bytes) -> Part:
    """The headers of an embedded message, or one block of report fields; caps cut instead of refusing.

    Line ends are those that `read_structure` leaves: a bare LF.
    """
    normal = data[: 4 * MAX_HEADER_BYTES].lstrip(b"\n")
    try:
        headers, _ = _split_headers(normal)
    except _CapExceededError:
        headers = ()
    return Part(headers=headers, content_type="text/rfc822-headers", parameters=(), body=b"")


def _read_part(data: bytes, *, depth: int, budget: _Budget) -> Part:
    if depth > MAX_DEPTH:
        raise _CapExceededError(UnreadableReason.TOO_DEEP)
    budget.spend()
    headers, body = _split_headers(data)
    content_type, parameters = _media_type(next((value for key, value in headers if key == "content-type"), ""))
    children: tuple[Part, ...] = ()
    if content_type.startswith("multipart/") and (boundary := _boundary(parameters, body)):
        segments = _segments(body, boundary)
        children = tuple(_read_part(segment, depth=depth + 1, budget=budget) for segment in segments)
    return Part(headers=headers, content_type=content_type, parameters=parameters, body=body, children=children)


def _split_headers(data: bytes) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Fields up to the first line that is none. A message without headers is all body."""
    fields: list[tuple[str, str]] = []
    at = 0
    while at < len(data):
        if field := _FIELD.match(data, at):
            fields.append(_field(field))
            at = field.end()
        elif mbox := _MBOX_LINE.match(data, at):
            at = mbox.end()
        else:
            break
        if len(fields) > MAX_HEADERS:
            raise _CapExceededError(UnreadableReason.TOO_MANY_HEADERS)
    return tuple(fields), data[at + 1 :] if data[at : at + 1] == b"\n" else data[at:]


def _field(match: re.Match[bytes]) -> tuple[str, str]:
    value = match.group(2)
    if len(value) > MAX_HEADER_BYTES:
        raise _CapExceededError(UnreadableReason.HEADER_TOO_LONG)
    unfolded = _FOLD.sub(b" ", value) if b"\n" in value else value
    return match.group(1).decode("ascii").lower(), _eight_bit(unfolded).strip()


def _eight_bit(value: bytes) -> str:
    """RFC 6532 headers are UTF-8; older 8-bit ones are anything, and Latin-1 loses no byte of them."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _media_type(value: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    if not value:
        return "text/plain", ()
    name = _MEDIA_TYPE_END.split(value.strip(), maxsplit=1)[0].lower()
    parameters = ((key.lower(), quoted or bare) for key, quoted, bare in _PARAMETER.findall(value[len(name) :]))
    return name, tuple(parameters)


def _boundary(parameters: tuple[tuple[str, str], ...], body: bytes) -> bytes | None:
    """The named boundary; where a broken gateway lost the name, the first line that looks like a delimiter."""
    named = next((value for key, value in parameters if key == "boundary"), "").rstrip().encode("utf-8", "replace")
    if named:
        return named if len(named) <= MAX_BOUNDARY else None
    guess = _FIRST_DELIMITER.search(body[:2_000])
    return guess.group(1).rstrip() if guess else None


def _segments(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What lies between the delimiter lines; the preamble, and what follows the closing line, are no parts."""
    delimiter = re.compile(rb"(?:^|\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\n|\Z)")
    start: int | None = None
    for line in delimiter.finditer(body):
        if start is not None:
            yield body[start : line.start()]
        start = None if line.group(1) else line.end() + 1
        if start is None:
            return
    if start is not None:
        yield body[start:]
