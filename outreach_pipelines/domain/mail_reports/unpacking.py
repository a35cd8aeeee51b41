"""Files as receivers pack them (zip, gzip, plain, one in the other) to streams of bytes, within bounds of size and ratio.

What the content is, is told by its first bytes: names and media types are often wrong. Nothing is written anywhere.
"""

import zipfile
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import chain

from outreach_pipelines.domain.mail_reports.report import NotReadable, ReportFault

CHUNK = 1 << 18
MOST_BYTES = 1 << 30
"""Of all that one file unpacks to: a report of a million rows has half of it."""
MOST_RATIO = 300
"""Rows that differ in an address and a count pack to a hundredth at most; a bomb to a thousandth."""
FREE_BYTES = 16 << 20
"""So much is unpacked whatever the ratio."""
MOST_ENTRIES = 1_000
MOST_LAYERS = 3
MOST_WITHIN = 64 << 20
"""Of an archive that lies in another one."""
_ZIP, _GZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """One content. Reading `chunks` raises `NotReadable` where it breaks off or grows too large."""

    name: str
    chunks: Iterator[bytes]


@dataclass(slots=True)
class Budget:
    """What a file of `packed` bytes, or all parts of one message, may still unpack to."""

    packed: int
    most: int = MOST_BYTES
    unpacked: int = field(default=0)

    def spend(self, size: int) -> None:
        self.unpacked += size
        if self.unpacked > self.most:
            raise NotReadable(ReportFault.TOO_LARGE, f"more than {self.most >> 20} MiB")
        if self.unpacked > FREE_BYTES and self.unpacked > MOST_RATIO * self.packed:
            raise NotReadable(ReportFault.BOMB, f"more than {MOST_RATIO} times its size")


def unpack(name: str, content: bytes, budget: Budget, layer: int = 0) -> Iterator[Unpacked | NotReadable]:
    """Each content in order; what cannot be opened as the exception that says why. Read each before taking the next one."""
    if content.startswith(_ZIP):
        yield from _zipped(name, content, budget, layer)
    elif content.startswith(_GZIP):
        yield from _inner(_without_ending(name), _gunzipped(content, budget), budget, layer)
    else:
        yield Unpacked(name, _sliced(content, budget))


def _zipped(name: str, content: bytes, budget: Budget, layer: int) -> Iterator[Unpacked | NotReadable]:
    try:
        archive = zipfile.ZipFile(BytesIO(content))
        entries = [entry for entry in archive.infolist() if _is_content(entry)]
    except Exception as broken:  # noqa: BLE001 - zipfile raises whatever it stumbles over
        yield NotReadable(ReportFault.BROKEN_ARCHIVE, str(broken))
        return
    if not entries or len(entries) > MOST_ENTRIES:
        yield NotReadable(ReportFault.EMPTY if not entries else ReportFault.TOO_LARGE, f"{len(entries)} files in it")
    for entry in entries[:MOST_ENTRIES]:
        yield from _inner(f"{name}/{entry.filename}", _unzipped(archive, entry, budget), budget, layer)


def _is_content(entry: zipfile.ZipInfo) -> bool:
    return not entry.is_dir() and not entry.filename.startswith("__MACOSX/")


def _inner(name: str, chunks: Iterator[bytes], budget: Budget, layer: int) -> Iterator[Unpacked | NotReadable]:
    """What an archive held: content, or another archive."""
    try:
        first = next(chunks, b"")
        if not first.startswith((*_ZIP, _GZIP)):
            yield Unpacked(name, chain([first], chunks))
        elif layer + 1 >= MOST_LAYERS:
            yield NotReadable(ReportFault.TOO_DEEP)
        else:
            yield from unpack(name, _whole(first, chunks), budget, layer + 1)
    except NotReadable as fault:
        yield fault


def _whole(first: bytes, chunks: Iterator[bytes]) -> bytes:
    whole = bytearray(first)
    for chunk in chunks:
        whole += chunk
        if len(whole) > MOST_WITHIN:
            raise NotReadable(ReportFault.TOO_LARGE, f"an archive of more than {MOST_WITHIN >> 20} MiB in another one")
    return bytes(whole)


def _gunzipped(content: bytes, budget: Budget) -> Iterator[bytes]:
    """All members (RFC 1952 section 2.2); what follows the last one and is none is padding."""
    rest = memoryview(content)
    while bytes(rest[:2]) == _GZIP:
        rest = rest[(yield from _inflated(rest, budget)) :]


def _inflated(packed: memoryview, budget: Budget) -> Generator[bytes, None, int]:
    """One member; how many octets it took."""
    inflating = zlib.decompressobj(wbits=31)
    waiting: bytes | memoryview = b""
    at = 0
    while not inflating.eof:
        if not waiting:
            waiting, at = packed[at : at + CHUNK], at + CHUNK
            if not waiting:
                raise NotReadable(ReportFault.BROKEN_ARCHIVE, "gzip data end before their end")
        try:
            chunk = inflating.decompress(waiting, CHUNK)
        except zlib.error as broken:
            raise NotReadable(ReportFault.BROKEN_ARCHIVE, str(broken)) from None
        waiting = inflating.unconsumed_tail
        budget.spend(len(chunk))
        yield chunk
    return min(at, len(packed)) - len(inflating.unused_data)


def _unzipped(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: Budget) -> Iterator[bytes]:
    try:
        with archive.open(entry) as stream:
            while chunk := stream.read(CHUNK):
                budget.spend(len(chunk))
                yield chunk
    except NotReadable:
        raise
    except Exception as broken:  # noqa: BLE001 - encrypted, damaged, of an unknown method: zipfile raises many types
        raise NotReadable(ReportFault.BROKEN_ARCHIVE, str(broken)) from None


def _sliced(content: bytes, budget: Budget) -> Iterator[bytes]:
    for start in range(0, len(content), CHUNK):
        chunk = content[start : start + CHUNK]
        budget.spend(len(chunk))
        yield chunk


def _without_ending(name: str) -> str:
    return name[: -len(".gz")] if name.lower().endswith(".gz") else name
