"""Octets in whatever encoding to UTF-8, as a stream: what follows reads one encoding only.

The byte order mark, or how `<` is spelled, is believed before the XML declaration: programs write "utf-16" into UTF-8.
Source: XML 1.0 appendix F (detection of character encodings).
"""

import codecs
import re
from collections.abc import Iterator
from itertools import chain

from outreach_pipelines.domain.mail_reports.report import NotReadable, ReportFault

_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_BY_MARK = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BY_SPELLING = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"), (b"{\0", "utf-16-le"), (b"\0{", "utf-16-be"))
_ONE_OCTET = re.compile(r"(iso-?8859-?\d{1,2}|windows-?125\d|cp125\d|latin-?1)")
_BLANK = b" \t\r\n\0"


def as_utf8(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first octets that are not blank, and the whole content from there on, in UTF-8 without a mark."""
    start = _start(chunks)
    encoding, skipped = _encoding(start)
    whole = chain([start[skipped:]], chunks)
    texts = whole if encoding == "utf-8" else _recoded(whole, encoding)
    first = b""
    while not first and (chunk := next(texts, None)) is not None:
        first = chunk.lstrip(_BLANK)
    if not first:
        raise NotReadable(ReportFault.EMPTY)
    return first[:64], chain([first], texts)


def _start(chunks: Iterator[bytes]) -> bytes:
    """Enough to see the encoding: a stream may come in any pieces."""
    start = b""
    while len(start) < 512 and (chunk := next(chunks, None)) is not None:
        start += chunk
    return start


def _encoding(start: bytes) -> tuple[str, int]:
    """Its name, and how many octets the mark takes."""
    for mark, encoding in _BY_MARK:
        if start.startswith(mark):
            return encoding, len(mark)
    blank = start.lstrip(b" \t\r\n")
    for spelled, encoding in _BY_SPELLING:
        if blank.startswith(spelled):
            return encoding, 0
    declared = _DECLARED.match(blank)
    name = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    return name if _ONE_OCTET.fullmatch(name) else "utf-8", 0


def _recoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    try:
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    except LookupError:
        raise NotReadable(ReportFault.NOT_A_REPORT, f"no such encoding: {encoding}") from None
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")
