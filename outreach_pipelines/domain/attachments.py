"""Files that go with a letter: which may, and how they stand in it.

Belongs here: names, types and sizes that are refused, and the MIME parts. Does not: where files are kept (an adapter), who
attaches what (`campaign_step`).

Types and endings refused: what Gmail ("File types blocked in Gmail") and Outlook ("Blocked attachments") do not deliver,
and archives that could hide it; macros of Office files with it. A cold letter with a program in it is never wanted.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

LONGEST_NAME: Final = 120  # characters; it becomes a parameter of a header
MOST_BYTES_OF_ONE: Final = 5 * 2**20
# Base64 makes 4/3 of it: well below the 10 MB of Postmark, the smallest limit of the four (Postmark, "Send a single email").
MOST_BYTES_OF_ALL: Final = 7 * 2**20
MOST_FILES: Final = 5

#: By its ending, and the type that it is then sent as.
ALLOWED_TYPES: Final = {
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".gif": "image/gif",
    ".ics": "text/calendar",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".txt": "text/plain",
    ".vcf": "text/vcard",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
#: A program under another name: Windows, ELF and Mach-O executables, scripts, installers of old Office and Windows.
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!", b"\xd0\xcf\x11\xe0")
_BEGINNINGS: Final = {
    ".pdf": (b"%PDF-",),
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".gif": (b"GIF87a", b"GIF89a"),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".docx": (b"PK\x03\x04",),
    ".pptx": (b"PK\x03\x04",),
    ".xlsx": (b"PK\x03\x04",),
}


class AttachmentFault(StrEnum):
    NAME = "attachment_name"
    TYPE = "attachment_type"
    SIZE = "attachment_size"
    NUMBER = "attachment_number"
    DIGEST = "attachment_digest"


@dataclass(frozen=True, slots=True)
class AttachmentRef:
    """A file by the SHA-256 of its octets, and what the recipient's reader calls it. `size` in octets."""

    sha256: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as it goes out."""

    name: str
    body: bytes

    @property
    def sha256(self) -> str:
        """By which it is kept, in hex."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class RefusedAttachment:
    """Why a file may not go with a letter; `sentence` names it."""

    fault: AttachmentFault
    sentence: str


def check_references(files: Sequence[AttachmentRef]) -> RefusedAttachment | None:
    """What speaks against a step's attachments before anyone reads them; None when nothing does."""
    if len(files) > MOST_FILES:
        return RefusedAttachment(AttachmentFault.NUMBER, f"{len(files)} files, where {MOST_FILES} are the most")
    if sum(file.size for file in files) > MOST_BYTES_OF_ALL:
        return RefusedAttachment(AttachmentFault.SIZE, f"more than {MOST_BYTES_OF_ALL} octets together")
    return next((fault for file in files if (fault := _of_reference(file)) is not None), None)


def check_attachment(file: Attachment) -> RefusedAttachment | None:
    """What speaks against a file as it was read: its name, its size, and octets that are not of its type."""
    if (fault := _of_name(file.name) or _of_size(file.name, len(file.body))) is not None:
        return fault
    wanted = _BEGINNINGS.get(_ending(file.name))
    if file.body.startswith(_PROGRAMS) or (wanted is not None and not file.body.startswith(wanted)):
        return RefusedAttachment(AttachmentFault.TYPE, f"{file.name} does not hold what its ending says")
    if b"vbaProject.bin" in file.body:
        return RefusedAttachment(AttachmentFault.TYPE, f"{file.name} holds macros")
    return None


def check_attachments(files: Sequence[Attachment]) -> RefusedAttachment | None:
    """As `check_attachment`, for all that go with one letter."""
    if len(files) > MOST_FILES:
        return RefusedAttachment(AttachmentFault.NUMBER, f"{len(files)} files, where {MOST_FILES} are the most")
    if sum(len(file.body) for file in files) > MOST_BYTES_OF_ALL:
        return RefusedAttachment(AttachmentFault.SIZE, f"more than {MOST_BYTES_OF_ALL} octets together")
    return next((fault for file in files if (fault := check_attachment(file)) is not None), None)


def add_attachments(message: EmailMessage, files: Sequence[Attachment]) -> None:
    """Put checked files behind the text of `message` (RFC 2183), which becomes multipart/mixed."""
    for file in files:
        main, _, sub = ALLOWED_TYPES[_ending(file.name)].partition("/")
        message.add_attachment(file.body, maintype=main, subtype=sub, filename=file.name)


def _of_reference(file: AttachmentRef) -> RefusedAttachment | None:
    if not _SHA256.fullmatch(file.sha256):
        return RefusedAttachment(AttachmentFault.DIGEST, f"{file.name} has no SHA-256 of 64 hex digits")
    return _of_name(file.name) or _of_size(file.name, file.size)


def _of_name(name: str) -> RefusedAttachment | None:
    # A name with a direction mark reads `exe.fdp`; a path in it is somebody's folder.
    if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME or set(name) & set('/\\:"<>|*?'):
        return RefusedAttachment(AttachmentFault.NAME, f"{name[:LONGEST_NAME]!r} is no name for a file")
    if _ending(name) not in ALLOWED_TYPES:
        return RefusedAttachment(AttachmentFault.TYPE, f"{name} has none of the endings {', '.join(ALLOWED_TYPES)}")
    return None


def _of_size(name: str, size: int) -> RefusedAttachment | None:
    if 0 < size <= MOST_BYTES_OF_ONE:
        return None
    return RefusedAttachment(AttachmentFault.SIZE, f"{name} has {size} octets, where 1 to {MOST_BYTES_OF_ONE} may be")


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
