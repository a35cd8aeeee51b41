"""Raw bytes to a tree of parts, within caps that are checked while reading.

Written for hostile mail: one pass per nesting level, no recursion deeper than the cap, nothing decoded before it is
asked for. The standard library's parser is linear in neither depth nor header count, and loses the caps in doing so.
Embedded messages stay bytes: a forwarded bounce is not a bounce. What the text of a part says is not decided here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

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
_ENDS = (b"", b"--")
_HEADER_FIELD = re.compile(r"([!-9;-~]{1,200})[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)\n")
_HEADER = re.compile(r"(?:[!-9;-~]{1,200}[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*\n)+")
_FOLDED = re.compile(r"\n[ \t]+")
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


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One MIME part. `headers` keep order; names are lower-case, values unfolded and undecoded.

    Compared by identity, so that what was read of one can be remembered without hashing all of it.
    """

    headers: tuple[tuple[str, str], ...]
    content_type: str
    parameters: tuple[tuple[str, str], ...]
    body: bytes
    children: tuple["Part", ...] = ()

    def header(self, name: str) -> str | None:
        """The first field of this lower-case name."""
        # A plain loop: a generator costs twice as much, and every reader asks for several fields.
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def all(self, name: str) -> tuple[str, ...]:
        """All fields of this lower-case name, in order."""
        return tuple([value for key, value in self.headers if key == name])

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


def read_field_block(text: str) -> Part:
    """As `read_header_block`, of a text that is decoded already."""
    try:
        fields = _fields_of(text.strip("\n") + "\n") if len(text) <= MAX_HEADER_BYTES else None
    except _CapExceededError:
        fields = ()
    if fields is None:
        return read_header_block(text.encode("utf-8", "replace"))
    return Part(headers=fields, content_type="text/rfc822-headers", parameters=(), body=b"")


@lru_cache(maxsize=1)
def returned_originals(message: Part) -> tuple[Part, ...]:
    """The headers of the originals that a report gives back, in order of the message.

    Several readers ask it of the same message, one after the other: the last answer is kept.
    """
    return tuple(read_header_block(part.body) for part in message.walk() if part.content_type in RETURNED_TYPES)


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
    if data.startswith(b"\n"):
        return (), data[1:]
    end = data.find(b"\n\n")
    head = data[: end + 1] if end != -1 else data.rstrip(b"\n") + b"\n"
    fields = _plain_fields(head) if len(head) <= MAX_HEADER_BYTES else None
    if fields is None:
        return _split_by_line(data)
    return fields, data[end + 2 :] if end != -1 else b""


def _plain_fields(head: bytes) -> tuple[tuple[str, str], ...] | None:
    """All fields of a header that is nothing but fields in UTF-8, at a third of the cost of reading line by line."""
    try:
        return _fields_of(head.decode("utf-8"))
    except UnicodeDecodeError:
        return None


def _fields_of(text: str) -> tuple[tuple[str, str], ...] | None:
    if _HEADER.fullmatch(text) is None:
        return None
    found = _HEADER_FIELD.findall(text)
    if len(found) > MAX_HEADERS:
        raise _CapExceededError(UnreadableReason.TOO_MANY_HEADERS)
    return tuple(
        [(name.lower(), (_FOLDED.sub(" ", value) if "\n" in value else value).strip()) for name, value in found]
    )


def _split_by_line(data: bytes) -> tuple[tuple[tuple[str, str], ...], bytes]:
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
    name, value = match.groups()
    if len(value) > MAX_HEADER_BYTES:
        raise _CapExceededError(UnreadableReason.HEADER_TOO_LONG)
    unfolded = _FOLD.sub(b" ", value) if b"\n" in value else value
    try:
        text = unfolded.decode("utf-8")
    except UnicodeDecodeError:
        # RFC 6532 headers are UTF-8; older 8-bit ones are anything, and Latin-1 loses no byte of them.
        text = unfolded.decode("latin-1")
    return name.decode("ascii").lower(), text.strip()


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
    start: int | None = None
    for at, after, closes in _delimiters(body, b"\n--" + boundary):
        if start is not None:
            yield body[start:at]
        start = None if closes else after
        if closes:
            return
    if start is not None:
        yield body[start:]


def _delimiters(body: bytes, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Each delimiter line: where the text before it ends, where the next begins, whether it closes (RFC 2046 section 5.1.1)."""
    at_start = body.startswith(mark[1:])
    found = -1 if at_start else body.find(mark)
    while at_start or found != -1:
        line_end = body.find(b"\n", found + 1)
        line_end = len(body) if line_end == -1 else line_end
        rest = body[found + len(mark) : line_end].rstrip(b" \t")
        if rest in _ENDS:
            yield max(found, 0), line_end + 1, rest != b""
        at_start, found = False, body.find(mark, line_end)
