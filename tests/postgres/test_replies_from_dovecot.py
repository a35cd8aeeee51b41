"""From a real IMAP server to real PostgreSQL: UIDs given anew, lines that break, junk, copies of our own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imapclient
import pytest
from dovecot_server import running_dovecot
from mail_back import kept, mail, send, waiting
from small_world import SmallWorld

from outreach_pipelines.adapters.imap import ImapInboxReader
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.application.sync_replies import SyncedReplies, sync_replies
from outreach_pipelines.domain.reference import Fixed, SecretRef, Setting
from outreach_pipelines.domain.secret import Secret

pytestmark = pytest.mark.needs_server("dovecot")


class References:
    """Everybody's password is `secret`."""

    def resolve(self, _reference: SecretRef) -> Secret:
        return Secret("secret")

    def setting(self, setting: Setting) -> str:
        assert isinstance(setting, Fixed)
        return setting.value


@dataclass(frozen=True)
class Mailserver:
    """A Dovecot and anna's maildir in it."""

    port: int
    maildir: Path

    def put(self, *raws: bytes, folder: str = "INBOX") -> None:
        with imapclient.IMAPClient("127.0.0.1", self.port, ssl=False, timeout=10) as client:
            client.login("anna", "secret")
            if not client.folder_exists(folder):
                client.create_folder(folder)
            for raw in raws:
                client.append(folder, raw)

    def number_anew(self) -> None:
        """As after a restore of the server: the mails are there, under other UIDs and another UIDVALIDITY."""
        header = (self.maildir / "dovecot-uidlist").read_text().split()
        for file in self.maildir.glob("dovecot*"):
            file.unlink()
        validity = int(header[1].removeprefix("V")) + 1_000
        (self.maildir / "dovecot-uidlist").write_text(f"3 V{validity} N1\n")


@pytest.fixture
def server(new_server_folder: Callable[[str], Path]) -> Iterator[Mailserver]:
    folder = new_server_folder("outreach-dovecot-")
    with running_dovecot(folder) as port:
        yield Mailserver(port, folder / "mail" / "anna")


@pytest.fixture
def world(world: SmallWorld, server: Mailserver) -> SmallWorld:
    world.sql(
        """update app.inbox set host = '127.0.0.1', port = %(p)s, tls = 'none', username = 'anna', last_complete_read = null
            where tenant_id = %(t)s""",
        t=world.tenant,
        p=str(server.port),
    )
    return world


def sync(store: PostgresReplyStore, world: SmallWorld) -> SyncedReplies:
    return sync_replies(ImapInboxReader(References()), store, tenant=world.tenant)


def cursors(world: SmallWorld) -> list[tuple[object, object, object]]:
    rows = world.sql(
        "select folder, uid_validity, last_uid from app.imap_cursor where tenant_id = %(t)s order by folder",
        t=world.tenant,
    )
    return [(row["folder"], row["uid_validity"], row["last_uid"]) for row in rows]


def test_mail_under_new_uids_is_counted_once_and_what_is_new_beside_it_is_found(engine, world, replies, server):
    first, second = send(engine, world, 1), send(engine, world, 2)
    server.put(mail(first))
    sync(replies, world)
    before = cursors(world)
    server.number_anew()
    server.put(mail(second))

    again = sync(replies, world)

    assert cursors(world) != before
    assert (again.messages, again.parked) == (1, 0)
    assert waiting(world) == [("replied", first.message), ("replied", second.message)]
    assert sync(replies, world) == SyncedReplies()


def test_a_folder_without_mail_whose_uids_were_given_anew_is_not_taken_for_read(engine, world, replies, server):
    server.put(*(b"Subject: %d\r\n\r\nHello\r\n" % number for number in range(5)))
    sync(replies, world)
    for file in (*server.maildir.glob("cur/*"), *server.maildir.glob("new/*")):
        file.unlink()
    server.number_anew()
    sync(replies, world)

    server.put(mail(send(engine, world)))

    assert sync(replies, world).messages == 1


def test_the_reply_in_the_junk_folder_is_a_reply_and_is_written_down_as_found_there(engine, world, replies, server):
    sent = send(engine, world)
    server.put(mail(sent), folder="Junk")

    sync(replies, world)

    (row,) = kept(world)
    assert (row["folder"], row["routed"], row["message_id"]) == ("Junk", True, sent.message)
    assert waiting(world) == [("replied", sent.message)]


def test_a_copy_of_our_own_letter_is_no_reply_in_the_inbox_and_is_not_looked_for_in_sent(
    engine, world, replies, server
):
    sent = send(engine, world)
    server.put(sent.wire.raw)
    server.put(sent.wire.raw, folder="Sent")

    synced = sync(replies, world)

    (row,) = kept(world)
    assert (row["folder"], row["park_reason"], row["review"]) == ("INBOX", "own_mail", None)
    assert (synced.messages, waiting(world)) == (1, [])


def test_a_refused_login_is_a_signal_once_an_hour_and_rests_from_the_third_one_on(world, replies, server):
    class Wrong(References):
        def resolve(self, _reference: SecretRef) -> Secret:
            return Secret("wrong")

    done = [sync_replies(ImapInboxReader(Wrong()), replies, tenant=world.tenant).unreadable_inboxes for _ in range(4)]

    row = world.one(
        "select failures, rests_until > now() as rests, last_error from app.inbox where tenant_id = %(t)s",
        t=world.tenant,
    )
    checks = world.sql(
        "select outcome, inbox_id is not null as of_inbox from app.login_check where tenant_id = %(t)s", t=world.tenant
    )
    assert (done, row["failures"], row["rests"]) == ([1, 1, 1, 0], 3, True)
    assert checks == [{"outcome": "refused", "of_inbox": True}]
    assert "wrong" not in str(row["last_error"])


def test_a_login_that_works_again_clears_what_was_counted(world, replies, server):
    world.sql("update app.inbox set failures = 2, last_error = 'x' where tenant_id = %(t)s", t=world.tenant)

    sync(replies, world)

    row = world.one("select failures, rests_until, last_error from app.inbox where tenant_id = %(t)s", t=world.tenant)
    assert row == {"failures": 0, "rests_until": None, "last_error": None}


def test_a_server_that_is_away_is_no_signal_of_the_login(world, replies, server):
    world.sql("update app.inbox set port = '1' where tenant_id = %(t)s", t=world.tenant)

    assert sync(replies, world).unreadable_inboxes == 1

    assert world.sql("select 1 from app.login_check where tenant_id = %(t)s", t=world.tenant) == []
