"""What is new in the folders of a logged-in IMAP connection, in bounded batches, with as few commands as that takes.

Belongs here: folders, UIDs, sizes, bodies. Does not: connection, login and faults (`imap`), what a mail says
(`domain/inbound`), where cursors are kept (`adapters/postgres/reply_store.py`).

A folder is asked for UIDVALIDITY and UIDNEXT first, and opened only when there is something above the cursor. That costs an
idle inbox no more than CONDSTORE would: HIGHESTMODSEQ (RFC 7162) also moves with flags, of which nothing is wanted here.
Folders are opened by EXAMINE and bodies fetched by PEEK, so that nothing changes there.

Sources: RFC 9051 and RFC 3501 (IMAP4), RFC 6154 (special-use folders).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from imapclient.imapclient import JUNK, IMAPClient

from outreach_pipelines.application.inbox_mail import (
    Extent,
    FetchedMail,
    FolderCursor,
    FolderName,
    InboxBatch,
    InboxToRead,
)

LARGEST_WHOLE: Final = 10 * 1024 * 1024  # bytes; the cap of domain/inbound
HEAD: Final = 256 * 1024  # bytes that are fetched of each mail at first: nearly all are smaller
MOST_IN_BATCH: Final = 50
MOST_BYTES_IN_BATCH: Final = 10 * 1024 * 1024
UIDS_IN_SEARCH: Final = 50_000
_INBOX: Final = FolderName("INBOX")
_JUNK_NAMES: Final = frozenset({"junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail"})
_WANTED: Final = ["RFC822.SIZE", "INTERNALDATE", f"BODY.PEEK[]<0.{HEAD}>"]
_HEAD_ANSWERED: Final = b"BODY[]<0>"


def new_mail(client: IMAPClient, inbox: InboxToRead) -> Iterator[InboxBatch]:
    """What lies above the cursors of INBOX and of the junk folder, where there is one: a reply taken for junk is a reply."""
    cursors = {cursor.folder: cursor for cursor in inbox.cursors}
    for folder in _folders(client):
        cursor = cursors.get(folder)
        if cursor is None or _has_news(client, cursor):
            yield from _of_folder(client, folder, cursor)


def _folders(client: IMAPClient) -> Sequence[FolderName]:
    listed = [(flags, name) for flags, _, name in client.list_folders() if isinstance(name, str)]
    marked = (name for flags, name in listed if JUNK in flags)
    named = (name for _, name in listed if name.replace(".", "/").rpartition("/")[2].lower() in _JUNK_NAMES)
    junk = next(marked, None) or next(named, None)
    return (_INBOX,) if junk in (None, _INBOX) else (_INBOX, FolderName(junk))


def _has_news(client: IMAPClient, cursor: FolderCursor) -> bool:
    """The next UID is foretold (RFC 9051 section 2.3.1.1), so that an idle folder is never opened."""
    status = client.folder_status(cursor.folder, ["UIDVALIDITY", "UIDNEXT"])
    known = status.get(b"UIDVALIDITY") == cursor.uid_validity and b"UIDNEXT" in status
    return not known or int(status[b"UIDNEXT"]) > cursor.last_uid + 1


def _of_folder(client: IMAPClient, folder: FolderName, cursor: FolderCursor | None) -> Iterator[InboxBatch]:
    opened = client.select_folder(folder, readonly=True)
    validity, uid_next = int(opened[b"UIDVALIDITY"]), opened.get(b"UIDNEXT")
    above = cursor.last_uid if cursor and cursor.uid_validity == validity else 0
    stands = cursor
    for uids in _pages(client, above, uid_next) if opened[b"EXISTS"] else ():
        for mails in _bounded(client, _fetched(client, uids, above=above)):
            stands = FolderCursor(folder, validity, mails[-1].uid)
            yield InboxBatch(stands, tuple(mails))
    # What comes from now on has the next UID, or one above.
    last = stands.last_uid if stands and stands.uid_validity == validity else above
    end = FolderCursor(folder, validity, max(last, (uid_next or 0) - 1))
    if end != stands:
        yield InboxBatch(end, ())


def _pages(client: IMAPClient, last_uid: int, uid_next: int | None) -> Iterator[Sequence[int]]:
    """UIDs above `last_uid`, at most a batch at a time."""
    if uid_next is not None and uid_next - 1 - last_uid <= MOST_IN_BATCH:
        # So few that they need no search; UIDs that are gone are passed over (RFC 9051 section 6.4.9).
        if uid_next - 1 > last_uid:
            yield range(last_uid + 1, uid_next)
        return
    for window in _windows(last_uid + 1, uid_next):
        uids = sorted(client.search(["UID", window]))
        for first in range(0, len(uids), MOST_IN_BATCH):
            yield uids[first : first + MOST_IN_BATCH]


def _windows(first: int, uid_next: int | None) -> Iterator[str]:
    """Ranges of UIDs whose answer, a single line, is short enough for imaplib (1,000,000 bytes)."""
    if uid_next is None:
        yield f"{first}:*"
        return
    for low in range(first, uid_next, UIDS_IN_SEARCH):
        yield f"{low}:{min(low + UIDS_IN_SEARCH, uid_next) - 1}"


@dataclass(frozen=True, slots=True)
class _Begun:
    """A mail, and its first HEAD bytes; `size` in bytes is the server's word."""

    uid: int
    size: int
    received_at: datetime
    head: bytes

    @property
    def is_whole(self) -> bool:
        """Fewer bytes came than were asked for. Exchange is known to give a `size` that is only near."""
        return len(self.head) < HEAD


def _fetched(client: IMAPClient, uids: Sequence[int], *, above: int) -> Sequence[_Begun]:
    """In the order of UIDs, without what is gone. N:* names the last mail also where its UID is below N (RFC 9051, seq-range)."""
    answers: Mapping[int, Mapping[bytes, Any]] = client.fetch(uids, _WANTED)
    return [_begun(uid, answers[uid]) for uid in sorted(answers) if uid > above and _HEAD_ANSWERED in answers[uid]]


def _begun(uid: int, facts: Mapping[bytes, Any]) -> _Begun:
    given = facts.get(b"INTERNALDATE")
    received_at = given if isinstance(given, datetime) and given.tzinfo is not None else datetime.now(UTC)
    size = int(facts[b"RFC822.SIZE"])
    # NIL stands for no bytes at all in some servers, and for a body that cannot be had in others: that one is no empty mail.
    head = facts[_HEAD_ANSWERED] if size else facts[_HEAD_ANSWERED] or b""
    return _Begun(uid, size, received_at.astimezone(UTC), head)


def _bounded(client: IMAPClient, begun: Iterable[_Begun]) -> Iterator[Sequence[FetchedMail]]:
    """Whole mails, as many at a time as are held in memory without care."""
    group: list[FetchedMail] = []
    room = MOST_BYTES_IN_BATCH
    for each in begun:
        wanted = HEAD if each.is_whole or each.size > LARGEST_WHOLE else each.size
        if group and wanted > room:
            yield group
            group, room = [], MOST_BYTES_IN_BATCH
        mail = _completed(client, each)
        if mail is not None:
            group.append(mail)
            room -= len(mail.raw)
    if group:
        yield group


def _completed(client: IMAPClient, begun: _Begun) -> FetchedMail | None:
    """None for a mail that was deleted meanwhile."""
    if begun.is_whole:
        return FetchedMail(begun.uid, begun.received_at, begun.size, Extent.WHOLE, begun.head)
    if begun.size > LARGEST_WHOLE:
        return FetchedMail(begun.uid, begun.received_at, begun.size, Extent.HEAD, begun.head)
    raw = client.fetch([begun.uid], ["BODY.PEEK[]"]).get(begun.uid, {}).get(b"BODY[]")
    return None if raw is None else FetchedMail(begun.uid, begun.received_at, begun.size, Extent.WHOLE, raw)
