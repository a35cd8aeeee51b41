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
from outreach_pipelines.domain.provider_account import MailTokens
from outreach_pipelines.domain.reference import SecretRef, Setting
from outreach_pipelines.errors import Unreadable

InboxId = NewType("InboxId", int)
InboundId = NewType("InboundId", int)
FolderName = NewType("FolderName", str)


@dataclass(frozen=True, slots=True)
class InboxLogin:
    """How an inbox is reached; references in place of what differs between machines and of the password.

    With `tokens` the login is by access token (XOAUTH2), and `password` leads to what tokens are issued for.
    """

    host: Setting
    port: Setting
    tls: bool
    username: Setting
    password: SecretRef
    tokens: MailTokens | None = None


class LoginRefused(Unreadable):
    """The server knows the login and will not have it: a wrong password, a revoked grant. A signal of the mailbox."""


@dataclass(frozen=True, slots=True)
class FolderCursor:
    """All up to `last_uid` was taken. UIDs mean nothing under another `uid_validity` (RFC 9051 section 2.3.1.1)."""

    folder: FolderName
    uid_validity: int
    last_uid: int


@dataclass(frozen=True, slots=True)
class InboxToRead:
    """An inbox, how far it was read, and the machine time before which all that it held will have been read.

    `resting`: it failed several times in a row, and is not asked again yet.
    """

    inbox: InboxId
    name: InboxName
    login: InboxLogin
    cursors: tuple[FolderCursor, ...]
    asked_at: datetime
    resting: bool = False


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
class JudgedBatch:
    """An `InboxBatch` whose mails were judged."""

    inbox: InboxId
    cursor: FolderCursor
    mails: tuple[JudgedMail, ...]


@dataclass(frozen=True, slots=True)
class FailedRead:
    """An inbox that could not be read. `refused`: for its login, which is a signal of its mailboxes."""

    inbox: InboxId
    reason: str
    refused: bool


@dataclass(frozen=True, slots=True)
class InboxNews:
    """What came from several inboxes, in the order in which each gave it: judged mail, ends that were reached, failures."""

    batches: tuple[JudgedBatch, ...] = ()
    read_to_end: tuple[InboxToRead, ...] = ()
    failed: tuple[FailedRead, ...] = ()


@dataclass(frozen=True, slots=True)
class UntiedMail:
    """A mail that was kept and parked, because nothing in it named a send that was known then."""

    inbound: InboundId
    mail: FetchedMail
