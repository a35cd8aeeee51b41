"""The Sent folder asked for one message, at the Dovecot of Debian: found, not found, or not told."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import imapclient
import pytest
from dovecot_server import running_dovecot
from transport_conformance import TAG

from outreach_pipelines.adapters.imap import ImapInboxReader
from outreach_pipelines.adapters.sent_folder import SentFolderLookup
from outreach_pipelines.application.inbox_mail import InboxId, InboxLogin, InboxToRead
from outreach_pipelines.domain.doubt import CouldNotLook, NotSeen, Seen, Sought
from outreach_pipelines.domain.inventory import InboxName
from outreach_pipelines.domain.reference import Fixed, SecretRef, SecretScheme, Setting
from outreach_pipelines.domain.secret import Secret

pytestmark = pytest.mark.needs_server("dovecot")

SENT_AT = datetime(2026, 11, 18, 12, tzinfo=UTC)
PASSWORD = "secret"
OURS = f"<{TAG}@mail.client.example>"
WANTED = Sought(TAG, OURS, "bo@mail.client.example", "ada@people.example", SENT_AT)
SPECIAL = 'namespace inbox {\n  mailbox "Sent Items" {\n    special_use = \\Sent\n    auto = create\n  }\n}\n'


class Known:
    """References that lead to the server's password."""

    def __init__(self, password: str) -> None:
        self.password = password

    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(self.password)

    def setting(self, setting: Setting) -> str:
        assert isinstance(setting, Fixed)
        return setting.value


@pytest.fixture(scope="module")
def port(new_server_folder: Callable[[str], Path]) -> Iterator[int]:
    with running_dovecot(new_server_folder("outreach-sent-"), more=SPECIAL) as port:
        yield port


@pytest.fixture
def folder(port: int) -> Iterator[imapclient.IMAPClient]:
    with imapclient.IMAPClient("127.0.0.1", port, ssl=False, timeout=10) as client:
        client.login("bo", "secret")
        yield client
        client.select_folder("Sent Items")
        client.delete_messages(client.search())
        client.expunge()


def lookup(port: int, *, password: str = PASSWORD, known: bool = True) -> SentFolderLookup:
    reference = SecretRef(SecretScheme.ENVIRONMENT, "INBOX_PASSWORD")
    login = InboxLogin(Fixed("127.0.0.1"), Fixed(str(port)), False, Fixed("bo"), reference)
    inbox = InboxToRead(InboxId(1), InboxName("replies"), login, (), SENT_AT)
    return SentFolderLookup(ImapInboxReader(Known(password)), lambda _: inbox if known else None)


def copy(message_id: str, *more: str) -> bytes:
    return "\r\n".join([f"Message-ID: {message_id}", "Subject: Tea", *more, "", "Hello.", ""]).encode()


async def test_what_lies_in_the_sent_folder_was_taken(port: int, folder: imapclient.IMAPClient) -> None:
    folder.append("Sent Items", copy(OURS), msg_time=SENT_AT)

    found = await lookup(port).look(WANTED)

    assert found == Seen(OURS.strip("<>"), OURS, SENT_AT)


@pytest.mark.parametrize("header", ["X-Google-Original-Message-ID", "X-Microsoft-Original-Message-ID"])
async def test_a_message_under_a_name_of_the_providers_own_is_known_by_ours_and_travels_by_theirs(
    port: int, folder: imapclient.IMAPClient, header: str
) -> None:
    folder.append("Sent Items", copy("<theirs@mail.example>", f"{header}: {OURS}"), msg_time=SENT_AT)

    found = await lookup(port).look(WANTED)

    assert found == Seen("theirs@mail.example", "<theirs@mail.example>", SENT_AT)


async def test_another_message_is_not_ours(port: int, folder: imapclient.IMAPClient) -> None:
    folder.append("Sent Items", copy("<other@mail.client.example>"), msg_time=SENT_AT)

    assert await lookup(port).look(WANTED) == NotSeen()


async def test_a_copy_in_another_folder_proves_nothing(port: int, folder: imapclient.IMAPClient) -> None:
    folder.append("INBOX", copy(OURS), msg_time=SENT_AT)

    assert await lookup(port).look(WANTED) == NotSeen()


async def test_a_refused_login_is_no_absence(port: int) -> None:
    found = await lookup(port, password="wrong").look(WANTED)

    assert isinstance(found, CouldNotLook)
    assert "login" in found.reason
    assert "wrong" not in found.reason


async def test_a_server_that_is_gone_or_has_no_such_inbox_is_no_absence(port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = int(taken.getsockname()[1])

    found = [await lookup(closed).look(WANTED), await lookup(port, known=False).look(WANTED)]

    assert [type(each) for each in found] == [CouldNotLook, CouldNotLook]


async def test_a_server_without_a_sent_folder_is_no_absence(new_server_folder: Callable[[str], Path]) -> None:
    with running_dovecot(new_server_folder("outreach-unsent-")) as bare:
        found = await lookup(bare).look(WANTED)

    assert found == CouldNotLook("the server names no Sent folder")


async def test_a_probe_asks_for_nothing_but_an_answer(port: int) -> None:
    assert await lookup(port).probe("bo@mail.client.example") is None
    assert isinstance(await lookup(port, password="wrong").probe("bo@mail.client.example"), CouldNotLook)
