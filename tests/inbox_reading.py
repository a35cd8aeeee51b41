"""Inboxes of a test's own for the use case that reads them, and the key of its tags."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from small_world import NOON

from outreach_pipelines.application.inbox_mail import (
    Extent,
    FetchedMail,
    FolderCursor,
    FolderName,
    InboxBatch,
    InboxToRead,
)
from outreach_pipelines.domain.message_tag import MessageTag, read_tag
from outreach_pipelines.errors import Unreadable

KEY = b"a key of the tests"
RECEIVED = NOON + timedelta(minutes=30)
INBOX = FolderName("INBOX")


@dataclass(frozen=True)
class Tags:
    """The installation's key."""

    def read(self, tag: str) -> MessageTag | None:
        return read_tag(tag, KEY)


@dataclass
class FakeInbox:
    """An inbox with these mails, one a batch, that breaks after `breaks_after` of them."""

    mails: list[bytes] = field(default_factory=list)
    validity: int = 7
    breaks_after: int | None = None
    extent: Extent = Extent.WHOLE

    @contextmanager
    def open(self, inbox: InboxToRead) -> Iterator[Iterator[InboxBatch]]:
        yield self._batches({cursor.folder: cursor for cursor in inbox.cursors})

    def _batches(self, cursors: Mapping[FolderName, FolderCursor]) -> Iterator[InboxBatch]:
        cursor = cursors.get(INBOX)
        after = cursor.last_uid if cursor and cursor.uid_validity == self.validity else 0
        if self.breaks_after == 0:
            message = "inbox in, login: AUTHENTICATIONFAILED"
            raise Unreadable(message)
        for uid, raw in enumerate(self.mails, start=1):
            if uid <= after:
                continue
            if self.breaks_after is not None and uid > self.breaks_after:
                message = "inbox in, INBOX: abort socket error: EOF"
                raise Unreadable(message)
            mail = FetchedMail(uid, RECEIVED, len(raw), self.extent, raw)
            yield InboxBatch(FolderCursor(INBOX, self.validity, uid), (mail,))


@dataclass(frozen=True)
class ByName:
    """Several inboxes."""

    readers: Mapping[str, FakeInbox]

    def open(self, inbox: InboxToRead) -> AbstractContextManager[Iterator[InboxBatch]]:
        return self.readers[inbox.name].open(inbox)
