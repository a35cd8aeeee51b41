"""Inboxes over IMAP, read only: folders are opened by EXAMINE and bodies fetched by PEEK, so that nothing changes there.

Belongs here: login, folders, UIDs, batches, and which ends of a dialogue mean "could not be read". Does not: what a mail
says (`domain/inbound`), where cursors are kept (`adapters/postgres/reply_store.py`).

Sources: RFC 9051 and RFC 3501 (IMAP4), RFC 6154 (special-use folders), RFC 8314 (implicit TLS).
"""

import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final, Protocol

from imapclient.exceptions import IMAPClientError, LoginError
from imapclient.imapclient import JUNK, IMAPClient, SocketTimeout

from outreach_pipelines.application.inbox_mail import (
    Extent,
    FetchedMail,
    FolderCursor,
    FolderName,
    InboxBatch,
    InboxLogin,
    InboxToRead,
)
from outreach_pipelines.domain.reference import SecretRef, Setting
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import SettingsFault, Unreadable

LARGEST_WHOLE: Final = 10 * 1024 * 1024  # bytes; the cap of domain/inbound
HEAD: Final = 256 * 1024  # bytes of a larger mail: its header, and the text that comes before what made it large
MOST_IN_BATCH: Final = 50
MOST_BYTES_IN_BATCH: Final = 10 * 1024 * 1024
MOST_LISTED: Final = 500
UIDS_IN_SEARCH: Final = 50_000
_INBOX: Final = FolderName("INBOX")
_LONGEST_REASON: Final = 300
# ValueError and its like: what imapclient's parser raises for answers that are not IMAP.
_FAULTS: Final = (IMAPClientError, OSError, ValueError, KeyError, TypeError, IndexError, AttributeError)


class References(Protocol):
    """Where references lead. Both raise `SettingsFault` when there is nothing."""

    def resolve(self, reference: SecretRef) -> Secret:
        """A secret; raises `Unreadable` when its keeper did not answer."""
        ...

    def setting(self, setting: Setting) -> str:
        """A host, port or name."""
        ...


@dataclass(frozen=True, slots=True)
class ImapInboxReader:
    """`InboxReader`: one connection an inbox and read. `trust` replaces the system's certificate authorities."""

    references: References
    trust: ssl.SSLContext | None = field(default=None, repr=False)
    connect_seconds: float = 10.0
    read_seconds: float = 30.0

    @contextmanager
    def open(self, inbox: InboxToRead) -> Iterator[Iterator[InboxBatch]]:
        """See `InboxReader.open`."""
        client = self._connected(inbox)
        try:
            self._log_in(client, inbox)
            yield _batches(client, inbox)
        finally:
            _leave(client)

    @contextmanager
    def session(self, inbox: InboxToRead, doing: str) -> Iterator[IMAPClient]:
        """A logged-in connection for a look elsewhere than at new mail; its faults are `Unreadable`, as those of `open`."""
        client = self._connected(inbox)
        try:
            self._log_in(client, inbox)
            with _answering(inbox, doing):
                yield client
        finally:
            _leave(client)

    def _connected(self, inbox: InboxToRead) -> IMAPClient:
        login = inbox.login
        host, port = self.references.setting(login.host), self.references.setting(login.port)
        if not login.tls and not _is_loopback(host):
            message = f"inbox {inbox.name}: {host} is not loopback, so its connection needs TLS"
            raise SettingsFault(message)
        if not port.isdecimal():
            message = f"inbox {inbox.name}: the port is no number"
            raise SettingsFault(message)
        with _answering(inbox, "connect"):
            client = IMAPClient(host, int(port), **self._security(login), timeout=self._timeout())
        client.normalise_times = False  # INTERNALDATE with its zone
        # Commands are short and each waits for its answer: held back for more, every one of them would cost 40 ms.
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def _security(self, login: InboxLogin) -> Mapping[str, Any]:
        if not login.tls:
            return {"ssl": False}
        return {"ssl": True, "ssl_context": self.trust or ssl.create_default_context()}

    def _timeout(self) -> SocketTimeout:
        return SocketTimeout(connect=self.connect_seconds, read=self.read_seconds)

    def _log_in(self, client: IMAPClient, inbox: InboxToRead) -> None:
        username = self.references.setting(inbox.login.username)
        password = self.references.resolve(inbox.login.password)
        with _answering(inbox, "login", password):
            # LOGIN cannot say what is not ASCII; SASL PLAIN is UTF-8 (RFC 4616).
            login = client.plain_login if client.has_capability("AUTH=PLAIN") else client.login
            login(username, password.reveal())


@dataclass(frozen=True, slots=True)
class _Listed:
    """A mail before its body is fetched; `size` in bytes."""

    uid: int
    size: int
    received_at: datetime


def _batches(client: IMAPClient, inbox: InboxToRead) -> Iterator[InboxBatch]:
    cursors = {cursor.folder: cursor for cursor in inbox.cursors}
    with _answering(inbox, "list"):
        folders = _folders(client)
    for folder in folders:
        with _answering(inbox, folder):
            start, uids = _opened(client, folder, cursors.get(folder))
        if start != cursors.get(folder):
            yield InboxBatch(start, ())
        for page in _pages(uids, MOST_LISTED):
            with _answering(inbox, folder):
                listed = _listing(client, page)
            for group in _groups(listed):
                with _answering(inbox, folder):
                    mails = _fetched(client, group)
                yield InboxBatch(FolderCursor(folder, start.uid_validity, group[-1].uid), mails)


def _folders(client: IMAPClient) -> Sequence[FolderName]:
    """INBOX, and the junk folder where there is one: a reply that was taken for junk is a reply."""
    junk = client.find_special_folder(JUNK)
    return (_INBOX,) if junk in (None, _INBOX) else (_INBOX, FolderName(junk))


def _opened(client: IMAPClient, folder: FolderName, cursor: FolderCursor | None) -> tuple[FolderCursor, Sequence[int]]:
    """Where reading starts, and the UIDs above, in order."""
    opened = client.select_folder(folder, readonly=True)
    validity = int(opened[b"UIDVALIDITY"])
    start = cursor if cursor and cursor.uid_validity == validity else FolderCursor(folder, validity, 0)
    if not opened[b"EXISTS"]:
        return start, ()
    # The next UID is foretold (RFC 9051 section 2.3.1.1), so that an idle folder costs no search.
    windows = _windows(start.last_uid + 1, opened.get(b"UIDNEXT"))
    found = {uid for window in windows for uid in client.search(["UID", window])}
    # N:* names the last mail also where its UID is below N (RFC 9051 section 9, seq-range).
    return start, sorted(uid for uid in found if uid > start.last_uid)


def _windows(first: int, uid_next: int | None) -> Iterator[str]:
    """Ranges of UIDs whose answer, a single line, is short enough for imaplib (1,000,000 bytes)."""
    if uid_next is None:
        yield f"{first}:*"
        return
    for low in range(first, uid_next, UIDS_IN_SEARCH):
        yield f"{low}:{min(low + UIDS_IN_SEARCH, uid_next) - 1}"


def _pages(uids: Sequence[int], length: int) -> Iterator[Sequence[int]]:
    return (uids[start : start + length] for start in range(0, len(uids), length))


def _listing(client: IMAPClient, uids: Sequence[int]) -> Sequence[_Listed]:
    """Sizes and times in the order of `uids`, without what was deleted meanwhile."""
    found = client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
    return [_listed(uid, found[uid]) for uid in uids if b"RFC822.SIZE" in found.get(uid, {})]


def _listed(uid: int, facts: Mapping[bytes, Any]) -> _Listed:
    given = facts.get(b"INTERNALDATE")
    received_at = given if isinstance(given, datetime) and given.tzinfo is not None else datetime.now(UTC)
    return _Listed(uid, int(facts[b"RFC822.SIZE"]), received_at.astimezone(UTC))


def _groups(listed: Sequence[_Listed]) -> Iterator[Sequence[_Listed]]:
    """In the order of UIDs; each bounded by number and by bytes."""
    group: list[_Listed] = []
    room = MOST_BYTES_IN_BATCH
    for each in listed:
        if group and (len(group) == MOST_IN_BATCH or _wanted(each) > room):
            yield group
            group, room = [], MOST_BYTES_IN_BATCH
        group.append(each)
        room -= _wanted(each)
    if group:
        yield group


def _wanted(mail: _Listed) -> int:
    return mail.size if mail.size <= LARGEST_WHOLE else HEAD


def _fetched(client: IMAPClient, group: Sequence[_Listed]) -> tuple[FetchedMail, ...]:
    """In the order of `group`, without what was deleted since it was listed."""
    whole = [each.uid for each in group if each.size <= LARGEST_WHOLE]
    large = [each.uid for each in group if each.size > LARGEST_WHOLE]
    bodies = _bodies(client, whole, "BODY.PEEK[]", b"BODY[]", Extent.WHOLE)
    bodies |= _bodies(client, large, f"BODY.PEEK[]<0.{HEAD}>", b"BODY[]<0>", Extent.HEAD)
    found = ((each, *bodies[each.uid]) for each in group if each.uid in bodies)
    return tuple(FetchedMail(each.uid, each.received_at, each.size, extent, raw) for each, extent, raw in found)


def _bodies(
    client: IMAPClient, uids: Sequence[int], wanted: str, answered_as: bytes, extent: Extent
) -> dict[int, tuple[Extent, bytes]]:
    if not uids:
        return {}
    answers = client.fetch(uids, [wanted])
    return {uid: (extent, facts[answered_as]) for uid, facts in answers.items() if answered_as in facts}


@contextmanager
def _answering(inbox: InboxToRead, doing: str, password: Secret | None = None) -> Iterator[None]:
    """Every end of the dialogue but a full answer is `Unreadable`; a server that repeats the password is not quoted."""
    try:
        yield
    except LoginError as refused:
        raise _unreadable(inbox, doing, str(refused), password) from None
    except _FAULTS as fault:
        # Codec errors quote what they cannot encode.
        said = "" if isinstance(fault, ValueError) else str(fault)
        raise _unreadable(inbox, doing, f"{type(fault).__name__} {said}", password) from (None if password else fault)


def _unreadable(inbox: InboxToRead, doing: str, said: str, password: Secret | None) -> Unreadable:
    if password is not None:
        said = said.replace(password.reveal(), "********")
    return Unreadable(f"inbox {inbox.name}, {doing}: {said.strip()[:_LONGEST_REASON]}")


def _leave(client: IMAPClient) -> None:
    """Politely where the server still listens; the connection ends in any case."""
    with suppress(*_FAULTS):
        client.logout()
    with suppress(*_FAULTS):
        client.shutdown()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
