"""From an inbox to what follows, on real PostgreSQL: routed or parked, counted once, and never by a forged word."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from inbox_reading import RECEIVED, FakeInbox, Tags
from mail_back import accept, bounce, enrollment, kept, mail, send, sync, sync_and_record, waiting
from small_world import SmallWorld

from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.application.inbox_mail import (
    UntiedMail,
)
from outreach_pipelines.application.sync_replies import SyncedReplies
from outreach_pipelines.domain.tenant import TenantId


@dataclass(frozen=True)
class SecondLooker(PostgresReplyStore):
    """A store that looked before another sync did its work."""

    seen: Sequence[UntiedMail]

    def untied_with_thread(self, tenant: TenantId) -> Sequence[UntiedMail]:
        return self.seen


@pytest.fixture
def world(world: SmallWorld) -> SmallWorld:
    world.sql("update app.inbox set last_complete_read = null where tenant_id = %(t)s", t=world.tenant)
    return world


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
