"""What is new in the folders of a logged-in IMAP connection, in bounded batches, with as few packets as that takes.

Belongs here: folders, UIDs, sizes, bodies. Does not: connection, login and faults (`imap`), words of the protocol
(`imap_session`), what a mail says (`domain/inbound`), where cursors are kept (`adapters/postgres/reply_store.py`).

Folders are listed and asked for UIDVALIDITY, UIDNEXT and the number of their mails in one packet, and opened only when there is
something above the cursor; a few new mails come with the opening. That costs an idle inbox no more than CONDSTORE would:
HIGHESTMODSEQ (RFC 7162) also moves with flags, of which nothing is wanted here.
Folders are opened by EXAMINE and bodies fetched by PEEK, so that nothing changes there.

Sources: RFC 9051 and RFC 3501 (IMAP4), RFC 6154 (special-use folders).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

from outreach_pipelines.adapters.imap_session import (
    JUNK,
    LIST,
    FolderState,
    ImapSession,
    ListedFolder,
    examine,
    fetch,
    fetched_in,
    folders_in,
    state_of_opened,
    states_in,
    status,
)
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


def new_mail(session: ImapSession, inbox: InboxToRead) -> Iterator[InboxBatch]:
    """What lies above the cursors of INBOX and of the junk folder, where there is one: a reply taken for junk is a reply."""
    cursors = {cursor.folder: cursor for cursor in inbox.cursors}
    for folder, state in _folders(session, cursors):
        cursor = cursors.get(folder)
        if state is None or state.uid_next is None:
            yield from _of_opened(session, folder, cursor, session.examine(folder), ())
        elif state.mails and state.uid_next - 1 > _above(cursor, state):
            yield from _of_opened(session, folder, cursor, *_opened(session, folder, cursor, state))
        else:
            yield from _end(folder, cursor, cursor, state)


def _folders(session: ImapSession, cursors: Iterable[FolderName]) -> Iterator[tuple[FolderName, FolderState | None]]:
    """With their states, where the server tells them; both are asked in one packet, as the cursors name the folders."""
    expected = [_INBOX, *(folder for folder in cursors if folder != _INBOX)]
    answers = session.line.ask(LIST, *map(status, expected))
    answers.insist(0)
    states = states_in(answers)
    for folder in _wanted(folders_in(answers)):
        # An unknown folder may have come, and a known one may have gone: its refusal says nothing.
        known = states if folder in expected else states_in(session.line.ask(status(folder)))
        yield folder, known.get(folder)


def _wanted(listed: Sequence[ListedFolder]) -> Sequence[FolderName]:
    marked = (each.name for each in listed if JUNK in each.flags)
    named = (each.name for each in listed if each.name.replace(".", "/").rpartition("/")[2].lower() in _JUNK_NAMES)
    junk = next(marked, None) or next(named, None)
    return (_INBOX,) if junk in (None, _INBOX) else (_INBOX, FolderName(junk))


def _above(cursor: FolderCursor | None, state: FolderState) -> int:
    """The highest UID that was taken: none yet where they were given anew."""
    return cursor.last_uid if cursor and cursor.uid_validity == state.uid_validity else 0


def _opened(
    session: ImapSession, folder: FolderName, cursor: FolderCursor | None, state: FolderState
) -> tuple[FolderState, Sequence[_Begun]]:
    """The folder, opened, and its first new mails, where they are so few that they need no search: in one packet."""
    above, last = _above(cursor, state), (state.uid_next or 1) - 1
    if last - above > MOST_IN_BATCH:
        return session.examine(folder), ()
    # UIDs that are gone are passed over (RFC 9051 section 6.4.9).
    answers = session.line.ask_all(examine(folder), fetch(range(above + 1, last + 1), _WANTED))
    opened = state_of_opened(answers)
    # Given anew in between, the same UIDs are of other mails, or of the same ones: all is asked for again.
    return opened, _begun_above(fetched_in(answers), above) if opened.uid_validity == state.uid_validity else ()


def _of_opened(
    session: ImapSession,
    folder: FolderName,
    cursor: FolderCursor | None,
    opened: FolderState,
    begun: Sequence[_Begun],
) -> Iterator[InboxBatch]:
    above = begun[-1].uid if begun else _above(cursor, opened)
    stands = cursor
    pages = (_fetched(session, uids, above=above) for uids in _pages(session, above, opened))
    for page in chain([begun], pages):
        for mails in _bounded(session, page):
            stands = FolderCursor(folder, opened.uid_validity, mails[-1].uid)
            yield InboxBatch(stands, tuple(mails))
    yield from _end(folder, cursor, stands, opened)


def _end(
    folder: FolderName, cursor: FolderCursor | None, stands: FolderCursor | None, state: FolderState
) -> Iterator[InboxBatch]:
    """What comes from now on has the next UID, or one above."""
    last = max(_above(stands, state), _above(cursor, state), (state.uid_next or 0) - 1)
    end = FolderCursor(folder, state.uid_validity, last)
    if end != stands:
        yield InboxBatch(end, ())


def _pages(session: ImapSession, last_uid: int, opened: FolderState) -> Iterator[Sequence[int]]:
    """UIDs above `last_uid`, at most a batch at a time."""
    uid_next = opened.uid_next
    if opened.mails == 0:
        return
    if uid_next is not None and uid_next - 1 - last_uid <= MOST_IN_BATCH:
        # So few that they need no search.
        if uid_next - 1 > last_uid:
            yield range(last_uid + 1, uid_next)
        return
    for window in _windows(last_uid + 1, uid_next):
        uids = session.search("UID", window)
        for first in range(0, len(uids), MOST_IN_BATCH):
            yield uids[first : first + MOST_IN_BATCH]


def _windows(first: int, uid_next: int | None) -> Iterator[str]:
    """Ranges of UIDs whose answer, a single line, is short enough (`LONGEST_LINE`)."""
    if uid_next is None:
        yield f"{first}:*"
        return
    for low in range(first, uid_next, UIDS_IN_SEARCH):
        yield f"{low}:{min(low + UIDS_IN_SEARCH, uid_next) - 1}"


def _fetched(session: ImapSession, uids: Sequence[int], *, above: int) -> Sequence[_Begun]:
    return _begun_above(session.fetch(uids, _WANTED), above)


def _begun_above(answers: Mapping[int, Mapping[bytes, Any]], above: int) -> Sequence[_Begun]:
    """In the order of UIDs, without what is gone. N:* names the last mail also where its UID is below N (RFC 9051, seq-range)."""
    return [_begun(uid, answers[uid]) for uid in sorted(answers) if uid > above and _HEAD_ANSWERED in answers[uid]]


def _begun(uid: int, facts: Mapping[bytes, Any]) -> _Begun:
    given = facts.get(b"INTERNALDATE")
    received_at = given if isinstance(given, datetime) and given.tzinfo is not None else datetime.now(UTC)
    size = int(facts[b"RFC822.SIZE"])
    # NIL stands for no bytes at all in some servers, and for a body that cannot be had in others: that one is no empty mail.
    head = facts[_HEAD_ANSWERED] if size else facts[_HEAD_ANSWERED] or b""
    return _Begun(uid, size, received_at.astimezone(UTC), head)


def _bounded(session: ImapSession, begun: Iterable[_Begun]) -> Iterator[Sequence[FetchedMail]]:
    """Whole mails, as many at a time as are held in memory without care."""
    group: list[FetchedMail] = []
    room = MOST_BYTES_IN_BATCH
    for each in begun:
        wanted = HEAD if each.is_whole or each.size > LARGEST_WHOLE else each.size
        if group and wanted > room:
            yield group
            group, room = [], MOST_BYTES_IN_BATCH
        mail = _completed(session, each)
        if mail is not None:
            group.append(mail)
            room -= len(mail.raw)
    if group:
        yield group


def _completed(session: ImapSession, begun: _Begun) -> FetchedMail | None:
    """None for a mail that was deleted meanwhile."""
    if begun.is_whole:
        return FetchedMail(begun.uid, begun.received_at, begun.size, Extent.WHOLE, begun.head)
    if begun.size > LARGEST_WHOLE:
        return FetchedMail(begun.uid, begun.received_at, begun.size, Extent.HEAD, begun.head)
    raw = session.fetch([begun.uid], ["BODY.PEEK[]"]).get(begun.uid, {}).get(b"BODY[]")
    return None if raw is None else FetchedMail(begun.uid, begun.received_at, begun.size, Extent.WHOLE, raw)
