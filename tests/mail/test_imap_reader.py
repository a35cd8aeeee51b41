"""Inboxes over IMAP against the lab's server, through a proxy that cuts lines, and against Dovecot where there is one."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import imapclient
import pytest
from dovecot_server import running_dovecot

from outreach_pipelines.adapters.imap import ImapInboxReader
from outreach_pipelines.adapters.imap_mail import HEAD, LARGEST_WHOLE, MOST_IN_BATCH
from outreach_pipelines.application.inbox_mail import (
    Extent,
    FetchedMail,
    FolderCursor,
    InboxBatch,
    InboxId,
    InboxLogin,
    InboxToRead,
)
from outreach_pipelines.domain.inventory import InboxName
from outreach_pipelines.domain.reference import Fixed, FromEnvironment, SecretRef, SecretScheme, Setting
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import SettingsFault, Unreadable

pytest_plugins = ("lab_fixtures",)

RECEIVED = datetime(2024, 5, 6, 10, 30, tzinfo=timezone(timedelta(hours=1)))
PASSWORD = SecretRef(SecretScheme.ENVIRONMENT, "INBOX_PASSWORD")


@dataclass(frozen=True)
class Known:
    """References that lead to the lab's password, or to another one."""

    password: str = "secret"

    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(self.password)

    def setting(self, setting: Setting) -> str:
        match setting:
            case Fixed(value):
                return value
            case FromEnvironment(name):
                message = f"the environment variable {name} is not set"
                raise SettingsFault(message)


def inbox_at(port: int, *cursors: FolderCursor, username: str = "anna", host: str = "127.0.0.1") -> InboxToRead:
    login = InboxLogin(Fixed(host), Fixed(str(port)), False, Fixed(username), PASSWORD)
    return InboxToRead(InboxId(1), InboxName("replies"), login, cursors, datetime.now(UTC))


def read(
    inbox: InboxToRead, reader: ImapInboxReader | None = None, *, into: list[InboxBatch] | None = None
) -> list[InboxBatch]:
    """All batches; those that came before a fault are in `into`."""
    taken = [] if into is None else into
    with (reader or ImapInboxReader(Known())).open(inbox) as batches:
        for batch in batches:
            taken.append(batch)
    return taken


def mails(batches: list[InboxBatch]) -> list[FetchedMail]:
    return [mail for batch in batches for mail in batch.mails]


def cursors(batches: list[InboxBatch]) -> tuple[FolderCursor, ...]:
    """Where the next read starts."""
    return tuple({batch.cursor.folder: batch.cursor for batch in batches}.values())


def letter(number: int, *, size: int = 0) -> bytes:
    return f"From: ben@people.example\r\nSubject: {number}\r\n\r\nHello\r\n{'x' * size}".encode()


@pytest.fixture(scope="module", params=["lab", pytest.param("dovecot", marks=pytest.mark.needs_server("dovecot"))])
def port(request: pytest.FixtureRequest, new_server_folder: Callable[[str], Path]) -> Iterator[int]:
    """Of one server after the other; in each, anna's password is `secret`."""
    if request.param == "lab":
        yield request.getfixturevalue("lab").ports["imap"]
        return
    with running_dovecot(new_server_folder("outreach-dovecot-")) as port:
        yield port


@pytest.fixture
def client(port: int) -> Iterator[imapclient.IMAPClient]:
    """A person at the inbox: puts mail there, and sees what the reader left."""
    with imapclient.IMAPClient("127.0.0.1", port, ssl=False, timeout=10) as client:
        client.login("anna", "secret")
        yield client
        for folder in ("INBOX", "Junk"):
            if client.folder_exists(folder):
                client.select_folder(folder)
                client.delete_messages(client.search())
                client.expunge()
        client.select_folder("INBOX")
        if client.folder_exists("Junk"):
            client.delete_folder("Junk")


@pytest.fixture
def put(client: imapclient.IMAPClient) -> Callable[..., None]:
    def put(*raws: bytes, folder: str = "INBOX") -> None:
        for raw in raws:
            client.append(folder, raw, msg_time=RECEIVED)

    return put


def test_mail_comes_whole_with_the_time_at_which_the_inbox_took_it(port, put):
    put(letter(1), letter(2))

    found = mails(read(inbox_at(port)))

    assert [mail.raw for mail in found] == [letter(1), letter(2)]
    assert {mail.received_at for mail in found} == {RECEIVED}
    assert {mail.extent for mail in found} == {Extent.WHOLE}


def test_an_empty_inbox_is_read_to_its_end_and_has_a_cursor(port, client):
    (batch,) = read(inbox_at(port))

    assert (batch.cursor.folder, batch.mails) == ("INBOX", ())


def test_a_second_read_begins_above_the_first(port, put):
    put(letter(1), letter(2))
    first = read(inbox_at(port))
    nothing_new = read(inbox_at(port, *cursors(first)))
    put(letter(3))

    second = read(inbox_at(port, *cursors(first)))

    assert nothing_new == []
    assert [mail.raw for mail in mails(second)] == [letter(3)]


def test_reading_marks_nothing_as_seen(port, put, client):
    put(letter(1))

    read(inbox_at(port))

    client.select_folder("INBOX", readonly=True)
    assert all(b"\\Seen" not in flags for flags in client.get_flags(client.search()).values())


def test_uids_given_anew_make_the_folder_be_read_from_its_start(port, put):
    put(letter(1), letter(2))
    (cursor,) = cursors(read(inbox_at(port)))
    old = replace(cursor, uid_validity=cursor.uid_validity - 1, last_uid=10_000)

    again = read(inbox_at(port, old))

    assert cursors(again) == (cursor,)
    assert [mail.raw for mail in mails(again)] == [letter(1), letter(2)]


def test_a_reply_that_was_taken_for_junk_is_read_too(port, put, client):
    client.create_folder("Junk")
    put(letter(1))
    put(letter(2), folder="Junk")

    found = read(inbox_at(port))

    assert [(batch.cursor.folder, mail.raw) for batch in found for mail in batch.mails] == [
        ("INBOX", letter(1)),
        ("Junk", letter(2)),
    ]


def test_batches_are_bounded_and_each_moves_the_cursor(port, put):
    put(*(letter(number) for number in range(MOST_IN_BATCH + 1)))

    batches = [batch for batch in read(inbox_at(port)) if batch.mails]

    assert [len(batch.mails) for batch in batches] == [MOST_IN_BATCH, 1]
    assert [batch.cursor.last_uid for batch in batches] == [batch.mails[-1].uid for batch in batches]


def test_of_a_mail_over_the_cap_only_the_head_is_fetched(port, put):
    put(letter(1, size=LARGEST_WHOLE), letter(2))

    large, small = mails(read(inbox_at(port)))

    assert (large.extent, large.raw) == (Extent.HEAD, letter(1, size=LARGEST_WHOLE)[:HEAD])
    assert large.size == len(letter(1, size=LARGEST_WHOLE))
    assert small.raw == letter(2)


def test_a_wrong_password_is_unreadable_and_is_not_told(port):
    with pytest.raises(Unreadable, match="login") as told:
        read(inbox_at(port), ImapInboxReader(Known("wrong-password")))

    assert "wrong-password" not in str(told.value)


def test_revoked_credentials_are_unreadable(lab):
    lab.fault(fault="revoke_credentials", account="anna", count=1)

    with pytest.raises(Unreadable, match="login"):
        read(inbox_at(lab.ports["imap"]))


def test_a_refused_connection_is_unreadable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])

    with pytest.raises(Unreadable, match="connect"):
        read(inbox_at(port))


def test_a_server_that_says_nothing_is_unreadable():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreadable, match="connect"):
        read(inbox_at(int(silent.getsockname()[1])), ImapInboxReader(Known(), connect_seconds=0.2, read_seconds=0.2))


def test_a_server_that_speaks_something_else_is_unreadable():
    with answering(b"220 mail.example.test ESMTP\r\n") as port, pytest.raises(Unreadable, match="connect"):
        read(inbox_at(port))


def test_without_tls_only_loopback_is_spoken_to():
    with pytest.raises(SettingsFault, match="TLS"):
        read(inbox_at(143, host="imap.example.test"))


def test_a_setting_that_is_missing_is_no_empty_inbox(port):
    inbox = inbox_at(port)

    with pytest.raises(SettingsFault):
        read(replace(inbox, login=replace(inbox.login, host=FromEnvironment("IMAP_HOST"))))


@pytest.mark.parametrize("bytes_before_cut", [20, 800, 6_000_000, 15_000_000])
def test_wherever_the_line_is_cut_what_was_given_is_whole_and_the_next_read_has_the_rest(port, put, bytes_before_cut):
    sent = [letter(number, size=200_000) for number in range(2 * MOST_IN_BATCH + 5)]
    put(*sent)
    taken: list[InboxBatch] = []

    with cutting(port, bytes_before_cut) as proxy, pytest.raises(Unreadable):
        read(inbox_at(proxy), into=taken)
    rest = read(inbox_at(port, *cursors(taken)))

    assert len(mails(rest)) > 0
    assert [mail.raw for mail in (*mails(taken), *mails(rest))] == sent


def test_a_fault_of_who_takes_the_mail_is_not_taken_for_one_of_the_inbox(port, put):
    put(letter(1))

    with pytest.raises(OSError, match="disk full"):
        read(inbox_at(port), into=FullDisk())


class FullDisk(list[InboxBatch]):
    """Takes nothing."""

    def append(self, batch: InboxBatch) -> None:
        message = "disk full"
        raise OSError(message)


@contextmanager
def answering(greeting: bytes) -> Iterator[int]:
    """A server that says `greeting` and hangs up."""

    def serve(server: socket.socket) -> None:
        peer, _ = server.accept()
        with peer:
            peer.sendall(greeting)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield int(server.getsockname()[1])
        thread.join()


@contextmanager
def cutting(port: int, bytes_before_cut: int) -> Iterator[int]:
    """A proxy to `port` that cuts both lines once the server has said so much."""

    def serve(server: socket.socket) -> None:
        client, _ = server.accept()
        with client, socket.create_connection(("127.0.0.1", port)) as upstream:
            forward = threading.Thread(target=pump, args=(client, upstream))
            forward.start()
            left = bytes_before_cut
            while left and (data := upstream.recv(min(65_536, left))):
                left -= len(data)
                client.sendall(data)
            for line in (client, upstream):
                with closing(line):
                    line.shutdown(socket.SHUT_RDWR)
            forward.join()

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                target.sendall(data)
        except OSError:
            return  # it was cut

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield int(server.getsockname()[1])
        thread.join()
