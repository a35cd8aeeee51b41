"""From an inbox to what follows, on real PostgreSQL: routed or parked, counted once, and never by a forged word."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import pytest
from small_world import NOON, SmallWorld, build_world
from sqlalchemy import Engine

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.event_store import PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.inbox_mail import (
    Extent,
    FetchedMail,
    FolderCursor,
    FolderName,
    InboxBatch,
    InboxToRead,
    UntiedMail,
)
from outreach_pipelines.application.ports import Begun
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.application.sync_replies import SyncedReplies, sync_replies
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag, read_tag, write_tag
from outreach_pipelines.domain.send_answer import Accepted
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Unreadable
from outreach_pipelines.lab.bounces import BounceKind
from outreach_pipelines.lab.reports import abuse_report, delay_report, failure_report
from outreach_pipelines.lab.wire_message import WireMessage

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


@dataclass(frozen=True)
class SecondLooker(PostgresReplyStore):
    """A store that looked before another sync did its work."""

    seen: Sequence[UntiedMail]

    def untied_with_thread(self, tenant: TenantId) -> Sequence[UntiedMail]:
        return self.seen


@dataclass(frozen=True)
class Sent:
    """A message that left, as it stood on the wire."""

    message: int
    claim: ClaimedMessage
    tag: WireTag
    wire: WireMessage

    @property
    def domain(self) -> str:
        return self.wire.mailbox.rpartition("@")[2]


@pytest.fixture(scope="module")
def engine(outreach_database: DatabaseUrls) -> Iterator[Engine]:
    engine = connect(outreach_database[Role.APP], pool_size=4)
    yield engine
    engine.dispose()


@pytest.fixture
def world(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[SmallWorld]:
    world = build_world(outreach_admin_url)
    world.sql("update app.inbox set last_complete_read = null where tenant_id = %(t)s", t=world.tenant)
    yield world
    world.admin.close()


@pytest.fixture
def other(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[SmallWorld]:
    """Another tenant of the same database."""
    other = build_world(outreach_admin_url)
    yield other
    other.admin.close()


@pytest.fixture
def replies(engine: Engine, tmp_path: Path) -> PostgresReplyStore:
    return PostgresReplyStore(engine, LocalObjectStore(tmp_path), Tags())


def send(
    engine: Engine, world: SmallWorld, number: int = 1, *, wire_id: str | None = None, accepted: bool = True
) -> Sent:
    """Bring a message to the wire, under our Message-ID or under the provider's own."""
    store = PostgresMessageStore(engine)
    message = world.message(number, mailbox=world.mailboxes[number - 1])
    (letter,) = store.claim(world.tenant, hour=NOON, token=ClaimToken(uuid4()), most=1, ahead_seconds=0)
    claim = letter.claim
    tag = write_tag(MessageTag(world.tenant, claim.plan_day, claim.message_id, claim.attempt), KEY)
    assert isinstance(store.begin(claim, hour=NOON, epoch=store.epoch(), tag=tag), Begun)
    domain = letter.sender.address.rpartition("@")[2]
    message_id = wire_id or f"<{tag}@{domain}>"
    raw = f"From: {letter.sender.address}\r\nTo: {letter.recipient.address}\r\nSubject: Hello\r\nMessage-ID: {message_id}\r\n\r\nHow are you?\r\n"
    wire = WireMessage(
        "smtp-a",
        f"bounce+{tag}@{domain}",
        letter.recipient.address,
        letter.sender.address,
        message_id,
        tag,
        raw.encode(),
    )
    sent = Sent(message, claim, tag, wire)
    if accepted:
        accept(engine, sent, message_id)
    return sent


def accept(engine: Engine, sent: Sent, message_id: str) -> None:
    due = NOON.date() + timedelta(days=5)
    PostgresMessageStore(engine).record_accepted(
        sent.claim, Accepted("id-1", message_id), subject="Hello", next_due_day=due
    )


def mail(sent: Sent, text: str = "Yes, gladly.", **headers: str) -> bytes:
    """A mail from the recipient; `headers` replace In-Reply-To and the like."""
    letter = EmailMessage(policy=policy.SMTP)
    told = {
        "From": sent.wire.recipient,
        "To": sent.wire.mailbox,
        "Subject": "Re: Hello",
        "In-Reply-To": sent.wire.message_id,
    }
    for name, value in (told | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        letter[name] = value
    letter.set_content(text + "\n")
    return letter.as_bytes()


def bounce(sent: Sent) -> bytes:
    return failure_report(sent.wire, BounceKind.UNKNOWN_USER, now=RECEIVED).raw


def sync(store: PostgresReplyStore, world: SmallWorld, inbox: FakeInbox) -> SyncedReplies:
    return sync_replies(inbox, store, tenant=world.tenant)


def sync_and_record(engine: Engine, store: PostgresReplyStore, world: SmallWorld, *mails: bytes) -> SyncedReplies:
    synced = sync(store, world, FakeInbox(list(mails)))
    record_events(PostgresEventStore(engine), tenant=world.tenant)
    return synced


def waiting(world: SmallWorld) -> list[tuple[object, object]]:
    rows = world.sql(
        "select kind, message_id from app.event_inbox where tenant_id = %(t)s order by event_id", t=world.tenant
    )
    return [(row["kind"], row["message_id"]) for row in rows]


def kept(world: SmallWorld) -> list[dict[str, object]]:
    return world.sql("select * from app.inbound_message where tenant_id = %(t)s order by inbound_id", t=world.tenant)


def inbox_row(world: SmallWorld) -> dict[str, object]:
    return world.one("select * from app.inbox where tenant_id = %(t)s", t=world.tenant)


def suppressions(world: SmallWorld) -> list[object]:
    return [
        row["kind"] for row in world.sql("select kind from app.suppression where tenant_id = %(t)s", t=world.tenant)
    ]


def enrollment(world: SmallWorld, sent: Sent) -> dict[str, object]:
    return world.one(
        "select e.* from app.enrollment e join app.message m using (tenant_id, enrollment_id) where m.message_id = %(m)s",
        m=sent.message,
    )


def test_a_reply_to_our_message_id_stops_the_sequence(engine, world, replies):
    sent = send(engine, world)

    synced = sync_and_record(engine, replies, world, mail(sent))

    assert (synced.messages, synced.parked, synced.by_class) == (1, 0, {"human_reply": 1})
    assert enrollment(world, sent)["state"] == "replied"
    assert world.state(sent.message)["replied_at"] == RECEIVED


def test_a_reply_to_the_message_id_that_the_provider_gave_finds_its_thread(engine, world, replies):
    sent = send(engine, world, wire_id="<0102abc-000000@eu-west-1.amazonses.com>")

    sync_and_record(engine, replies, world, mail(sent))

    assert enrollment(world, sent)["state"] == "replied"
    (row,) = kept(world)
    assert (row["message_id"], row["reply_text"], row["routed"]) == (sent.message, "Yes, gladly.", True)


def test_a_reply_that_came_before_the_evidence_of_its_send_is_routed_once_that_is_there(engine, world, replies):
    sent = send(engine, world, accepted=False)
    provider_id = "<0102fed-000000@eu-west-1.amazonses.com>"
    inbox = FakeInbox([mail(sent, In_Reply_To=provider_id)])
    before = sync(replies, world, inbox)
    first_look_again = sync(replies, world, inbox)
    accept(engine, sent, provider_id)

    after = [sync(replies, world, inbox), sync(replies, world, inbox)]

    assert (before.parked, first_look_again.unparked) == (1, 0)
    assert [each.unparked for each in after] == [1, 0]
    assert waiting(world) == [("replied", sent.message)]
    (row,) = kept(world)
    assert (row["routed"], row["park_reason"], row["message_id"]) == (True, None, sent.message)


def test_two_second_looks_at_once_route_a_mail_once(engine, world, replies):
    sent = send(engine, world, accepted=False)
    provider_id = "<0102feb-000000@eu-west-1.amazonses.com>"
    sync(replies, world, FakeInbox([mail(sent, In_Reply_To=provider_id)]))
    accept(engine, sent, provider_id)
    seen_by_both = replies.untied_with_thread(world.tenant)
    late = SecondLooker(engine, replies.objects, Tags(), seen_by_both)

    done = [sync(store, world, FakeInbox()).unparked for store in (late, late)]

    assert (len(seen_by_both), done) == (1, [1, 0])
    assert waiting(world) == [("replied", sent.message)]


def test_the_raw_mail_is_kept_in_the_object_store(engine, world, replies):
    raw = mail(send(engine, world))

    sync(replies, world, FakeInbox([raw]))

    assert replies.objects.get(kept(world)[0]["object_key"]) == raw
    assert str(kept(world)[0]["object_key"]).startswith(f"inbound/{world.tenant}/")


def test_a_second_sync_counts_nothing_again(engine, world, replies):
    inbox = FakeInbox([mail(send(engine, world))])
    sync(replies, world, inbox)

    again = sync(replies, world, inbox)

    assert again == SyncedReplies()
    assert len(waiting(world)) == len(kept(world)) == 1


def test_uids_given_anew_count_nothing_again_and_new_mail_once(engine, world, replies):
    first, second = send(engine, world, 1), send(engine, world, 2)
    sync(replies, world, FakeInbox([mail(first)]))

    again = sync(replies, world, FakeInbox([mail(second), mail(first)], validity=8))

    assert again.messages == 1
    assert waiting(world) == [("replied", first.message), ("replied", second.message)]
    cursor = world.one("select uid_validity, last_uid from app.imap_cursor where tenant_id = %(t)s", t=world.tenant)
    assert cursor == {"uid_validity": 8, "last_uid": 2}


def test_a_cursor_starts_again_where_uids_were_given_anew(engine, world, replies):
    sync(replies, world, FakeInbox([mail(send(engine, world, 1)), b"two", b"three"]))
    moved = FakeInbox([mail(send(engine, world, 2))], validity=8)
    sync(replies, world, moved)
    moved.mails.append(mail(send(engine, world, 3)))

    assert sync(replies, world, moved).messages == 1


def test_a_thread_outlives_its_message_rows(engine, world, replies):
    sent = send(engine, world)
    for table in ("send_attempt", "message"):
        world.sql(
            f"delete from app.{table} where tenant_id = %(t)s and message_id = %(m)s", t=world.tenant, m=sent.message
        )

    synced = sync(replies, world, FakeInbox([bounce(sent), mail(sent)]))

    assert (synced.messages, synced.parked) == (2, 0)


def test_a_hard_bounce_of_our_message_suppresses_its_recipient(engine, world, replies):
    sent = send(engine, world)

    synced = sync_and_record(engine, replies, world, bounce(sent))

    assert synced.by_class == {"delivery_report": 1}
    assert suppressions(world) == ["hard_bounce"]
    assert (enrollment(world, sent)["state"], world.state(sent.message)["outcome"]) == ("bounced", "hard_bounced")


def test_a_bounce_shows_that_a_message_in_doubt_was_accepted(engine, world, replies):
    sent = send(engine, world, accepted=False)

    sync_and_record(engine, replies, world, bounce(sent))

    assert (world.state(sent.message)["state"], suppressions(world)) == ("accepted", ["hard_bounce"])


def test_a_forged_bounce_suppresses_nobody(engine, world, replies):
    sent = send(engine, world)
    forged = bounce(sent).replace(sent.tag.encode(), b"a" * 39)

    synced = sync_and_record(engine, replies, world, forged)

    assert (synced.messages, synced.parked) == (1, 1)
    assert kept(world)[0]["park_reason"] == "untied"
    assert (waiting(world), suppressions(world)) == ([], [])


def test_a_bounce_for_a_message_that_never_left_is_parked(engine, world, replies):
    sent = send(engine, world)
    never = write_tag(MessageTag(world.tenant, NOON.date(), MessageId(sent.message + 1_000), 1), KEY)

    sync_and_record(engine, replies, world, bounce(sent).replace(sent.tag.encode(), never.encode()))

    assert (kept(world)[0]["park_reason"], suppressions(world)) == ("never_sent", [])


def test_the_tag_of_another_tenant_is_parked_and_reaches_nobody(engine, world, replies, other):
    theirs = send(engine, other)

    synced = sync_and_record(engine, replies, world, bounce(theirs), mail(theirs))
    record_events(PostgresEventStore(engine), tenant=other.tenant)

    assert (synced.messages, synced.parked) == (2, 2)
    assert {row["park_reason"] for row in kept(world)} == {"foreign_tag"}
    assert (suppressions(other), enrollment(other, theirs)["state"]) == ([], "active")


def test_the_thread_of_another_tenant_is_unknown_here(engine, world, replies, other):
    theirs = send(engine, other, wire_id="<0102def-000000@eu-west-1.amazonses.com>")

    sync_and_record(engine, replies, world, mail(theirs))

    assert kept(world)[0]["park_reason"] == "untied"
    assert enrollment(other, theirs)["state"] == "active"


def test_a_report_of_delay_is_no_bounce(engine, world, replies):
    sent = send(engine, world)

    sync(replies, world, FakeInbox([delay_report(sent.wire, now=RECEIVED).raw]))

    assert waiting(world) == [("delayed", sent.message)]


def test_a_complaint_suppresses(engine, world, replies):
    sent = send(engine, world)

    sync_and_record(engine, replies, world, abuse_report(sent.wire, now=RECEIVED).raw)

    assert suppressions(world) == ["complaint"]


def test_mail_to_the_unsubscribe_address_is_a_request_whatever_it_says(engine, world, replies):
    sent = send(engine, world)
    click = mail(
        sent,
        "sent by my mail program",
        To=f"Unsubscribe+{sent.tag.upper()}@{sent.domain}",
        Subject="hello",
        In_Reply_To="<x@y.example>",
    )

    synced = sync_and_record(engine, replies, world, click)

    assert (suppressions(world), synced.by_class) == (["unsubscribe"], {"unsubscribe_request": 1})


def test_somebody_who_asks_to_be_taken_off_is_unsubscribed(engine, world, replies):
    sent = send(engine, world)

    sync_and_record(engine, replies, world, mail(sent, "Please take me off your list."))

    assert suppressions(world) == ["unsubscribe"]


def test_an_absence_lasts_to_the_day_before_the_return(engine, world, replies):
    sent = send(engine, world)
    note = mail(
        sent,
        "I am out of office, back on 7 December 2026.",
        Subject="Automatic reply: Hello",
        Auto_Submitted="auto-replied",
    )

    sync_and_record(engine, replies, world, note)

    assert str(enrollment(world, sent)["out_of_office_until"]) == "2026-12-06"
    assert enrollment(world, sent)["state"] == "active"


def test_who_left_the_company_gets_no_more_and_is_not_counted_as_a_bounce(engine, world, replies):
    sent = send(engine, world)
    note = mail(
        sent, "Ada is no longer with the company.", Subject="Automatic reply: Hello", Auto_Submitted="auto-replied"
    )

    sync_and_record(engine, replies, world, note)

    assert (enrollment(world, sent)["state"], suppressions(world)) == ("finished", [])


def test_our_own_mail_in_the_inbox_is_no_reply(engine, world, replies):
    sent = send(engine, world)

    synced = sync_and_record(engine, replies, world, mail(sent, From=sent.wire.mailbox))

    assert (synced.parked, kept(world)[0]["park_reason"]) == (1, "own_mail")
    assert enrollment(world, sent)["state"] == "active"


def test_a_challenge_waits_for_a_person_beside_the_send_it_asks_about(engine, world, replies):
    sent = send(engine, world)
    challenge = mail(sent, "Please verify that you are a person.", Subject="Please confirm your email")

    sync(replies, world, FakeInbox([challenge]))

    (row,) = kept(world)
    assert (row["class"], row["park_reason"], row["message_id"]) == ("challenge", "for_people: challenge", sent.message)
    assert waiting(world) == []


@pytest.mark.parametrize(
    "raw", [b"", b"\0\xff\xfe", b"(" * 100_000, b"Subject: =?utf-16?B?2AA=?=\r\n\r\n\xed\xa0\x80", b"A: b\r\n" * 2_000]
)
def test_a_poisoned_mail_is_parked_and_the_ones_behind_it_are_read(engine, world, replies, raw):
    sent = send(engine, world)

    synced = sync(replies, world, FakeInbox([raw, mail(sent)]))

    assert (synced.messages, synced.parked) == (2, 1)
    assert waiting(world) == [("replied", sent.message)]


def test_a_reply_too_large_to_fetch_is_judged_by_its_head(engine, world, replies):
    sent = send(engine, world)

    sync(replies, world, FakeInbox([mail(sent)], extent=Extent.HEAD))

    (row,) = kept(world)
    assert (row["class"], row["confidence"]) == ("human_reply", "low")
    assert waiting(world) == [("replied", sent.message)]


def test_an_inbox_that_was_read_to_its_end_is_fresh_also_when_nothing_was_new(world, replies):
    world.sql("update app.inbox set last_error = 'was down' where tenant_id = %(t)s", t=world.tenant)
    before = datetime.now(UTC)

    sync(replies, world, FakeInbox())

    row = inbox_row(world)
    assert before - timedelta(seconds=5) < row["last_complete_read"] <= datetime.now(UTC) + timedelta(seconds=5)
    assert row["last_error"] is None


def test_an_inbox_that_refuses_the_login_is_not_fresh(world, replies):
    synced = sync(replies, world, FakeInbox(breaks_after=0))

    row = inbox_row(world)
    assert (synced.unreadable_inboxes, row["last_complete_read"]) == (1, None)
    assert (row["last_error"], row["last_error_at"] is None) == ("inbox in, login: AUTHENTICATIONFAILED", False)


def test_a_read_cut_in_the_middle_is_not_complete_and_goes_on_where_it_was(engine, world, replies):
    first, second = send(engine, world, 1), send(engine, world, 2)
    mails = [mail(first), mail(second)]

    cut = sync(replies, world, FakeInbox(mails, breaks_after=1))
    fresh_after_cut = inbox_row(world)["last_complete_read"]
    rest = sync(replies, world, FakeInbox(mails))

    assert (cut.messages, cut.unreadable_inboxes, fresh_after_cut) == (1, 1, None)
    assert (rest.messages, rest.unreadable_inboxes) == (1, 0)
    assert waiting(world) == [("replied", first.message), ("replied", second.message)]


def test_a_sync_that_stops_at_its_most_is_not_complete(engine, world, replies):
    first, second = send(engine, world, 1), send(engine, world, 2)
    inbox = FakeInbox([mail(first), mail(second)])

    sync_replies(inbox, replies, tenant=world.tenant, most=1)
    fresh_after_first = inbox_row(world)["last_complete_read"]
    sync_replies(inbox, replies, tenant=world.tenant, most=1)

    assert fresh_after_first is None
    assert (len(kept(world)), inbox_row(world)["last_complete_read"] is None) == (2, False)


def test_reading_the_inbox_that_gets_the_bounces_proves_the_smtp_account(world, replies):
    world.sql("update app.provider_account set proven_at = null where account_id = %(a)s", a=world.account)
    domain = world.one("select name from app.sending_domain where domain_id = %(d)s", d=world.domain)["name"]
    world.sql("update app.inbox set receives = %(r)s where tenant_id = %(t)s", r=[f"box0@{domain}"], t=world.tenant)
    sync(replies, world, FakeInbox())
    proven_by_an_inbox_without_bounces = world.one(
        "select proven_at from app.provider_account where account_id = %(a)s", a=world.account
    )["proven_at"]
    world.sql("update app.inbox set receives = %(r)s where tenant_id = %(t)s", r=[f"*@{domain}"], t=world.tenant)

    sync(replies, world, FakeInbox())

    assert proven_by_an_inbox_without_bounces is None
    assert (
        world.one("select proven_at from app.provider_account where account_id = %(a)s", a=world.account)["proven_at"]
        is not None
    )


def test_an_inbox_that_cannot_be_read_hinders_no_other(engine, world, replies):
    sent = send(engine, world)
    world.sql(
        """insert into app.inbox (tenant_id, name, host, port, username, secret_ref, receives)
           values (%(t)s, 'other', 'h', '1', 'u', 'env:X', '{}')""",
        t=world.tenant,
    )
    readers = {"in": FakeInbox(breaks_after=0), "other": FakeInbox([mail(sent)])}

    synced = sync_replies(ByName(readers), replies, tenant=world.tenant)

    assert (synced.messages, synced.unreadable_inboxes) == (1, 1)
    fresh = world.sql(
        "select name from app.inbox where tenant_id = %(t)s and last_complete_read is not null", t=world.tenant
    )
    assert fresh == [{"name": "other"}]


def test_two_syncs_at_once_count_each_mail_once(engine, world, replies):
    mails = [mail(send(engine, world, number)) for number in (1, 2, 3)]

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: sync(replies, world, FakeInbox(mails)), range(2)))

    assert sum(synced.messages for synced in both) == 3
    assert len(waiting(world)) == 3


def test_a_tenant_without_inboxes_has_nothing_to_read(replies):
    assert sync_replies(FakeInbox(), replies, tenant=TenantId(999_999)) == SyncedReplies()


def test_a_retired_inbox_is_not_asked(world, replies):
    world.sql("update app.inbox set retired_at = clock_timestamp() where tenant_id = %(t)s", t=world.tenant)

    assert sync(replies, world, FakeInbox(breaks_after=0)).unreadable_inboxes == 0
