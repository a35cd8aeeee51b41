"""Mail on its way from an inbox into the store: what a reader is asked for, what it gives, and what was judged.

Belongs here: the values between reader, use case and store. Does not: their order (`sync_replies`).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from outreach_pipelines.domain.inbound.message import InboundMessage
from outreach_pipelines.domain.inbox_route import Fate
from outreach_pipelines.domain.inventory import InboxName
from outreach_pipelines.domain.reference import SecretRef, Setting

InboxId = NewType("InboxId", int)
InboundId = NewType("InboundId", int)
FolderName = NewType("FolderName", str)


@dataclass(frozen=True, slots=True)
class InboxLogin:
    """How an inbox is reached; references in place of what differs between machines and of the password."""

    host: Setting
    port: Setting
    tls: bool
    username: Setting
    password: SecretRef


@dataclass(frozen=True, slots=True)
class FolderCursor:
    """All up to `last_uid` was taken. UIDs mean nothing under another `uid_validity` (RFC 9051 section 2.3.1.1)."""

    folder: FolderName
    uid_validity: int
    last_uid: int


@dataclass(frozen=True, slots=True)
class InboxToRead:
    """An inbox, how far it was read, and the machine time before which all that it held will have been read."""

    inbox: InboxId
    name: InboxName
    login: InboxLogin
    cursors: tuple[FolderCursor, ...]
    asked_at: datetime


class Extent(Enum):
    """How much of a mail was fetched."""

    WHOLE = "whole"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """A mail as it lies in the inbox. `size` in bytes is the server's; `raw` is its head only where that is too much."""

    uid: int
    received_at: datetime
    size: int
    extent: Extent
    raw: bytes


@dataclass(frozen=True, slots=True)
class InboxBatch:
    """Mails of one folder, and the cursor that stands once they are kept."""

    cursor: FolderCursor
    mails: tuple[FetchedMail, ...]


@dataclass(frozen=True, slots=True)
class JudgedMail:
    """A mail, what it says, and what follows."""

    mail: FetchedMail
    message: InboundMessage
    fate: Fate


@dataclass(frozen=True, slots=True)
class UntiedMail:
    """A mail that was kept and parked, because nothing in it named a send that was known then."""

    inbound: InboundId
    mail: FetchedMail
