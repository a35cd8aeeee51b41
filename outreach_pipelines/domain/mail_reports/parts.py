"""Which parts of a message may be a report, and their content with its transfer encoding undone.

Reporters send gzip as application/zip, XML as text/xml or octet-stream, and files without an ending: a part that is not
told by type or name is told by its first octets.
"""

import binascii
import quopri
import re

from outreach_pipelines.domain.inbound.structure import Part

_TYPES = frozenset(
    {
        "application/gzip", "application/x-gzip", "application/gzip-compressed", "application/zip", "application/x-zip",
        "application/x-zip-compressed", "application/xml", "text/xml", "application/json", "text/json",
        "application/tlsrpt+gzip", "application/tlsrpt+json", "application/dmarc+xml", "application/x-gunzip",
    }
)  # fmt: skip
_ENDINGS = (".xml", ".gz", ".zip", ".json", ".gzip")
_NAME = re.compile(r"(?:file)?name\*?(?:\d\*?)?\s*=\s*(?:\"([^\"]*)\"|([^\s;]+))", re.IGNORECASE)
_FIRST = (b"PK\x03\x04", b"\x1f\x8b")
_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def may_be_a_report(part: Part) -> bool:
    """Whether it is worth looking into; a text that a person reads is not."""
    if part.content_type in _TYPES or file_name_of(part).lower().endswith(_ENDINGS):
        return True
    return not part.content_type.startswith(("text/", "image/", "message/")) and decoded(part).startswith(_FIRST)


def file_name_of(part: Part) -> str:
    """What Content-Disposition or Content-Type call it; empty where neither does."""
    for header in ("content-disposition", "content-type"):
        found = _NAME.search(part.header(header) or "")
        if found:
            return (found.group(1) or found.group(2) or "").rpartition("''")[2].rpartition("/")[2][:255]
    return ""


def decoded(part: Part) -> bytes:
    """The content. Broken base64 gives what could be read of it: the archive in it then is broken, and says so."""
    match (part.header("content-transfer-encoding") or "").strip().lower():
        case "base64":
            letters = _BASE64.sub(b"", part.body)
            return binascii.a2b_base64(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")
        case "quoted-printable":
            return quopri.decodestring(part.body)
        case _:
            return part.body
