"""One inbox for many mailboxes: whose a mail is, and for whom the inbox counts as read."""

import pytest
from inbox_reading import FakeInbox
from mail_back import bounce, kept, mail, send, sync
from small_world import SmallWorld


@pytest.fixture
def world(world: SmallWorld) -> SmallWorld:
    world.sql("update app.inbox set last_complete_read = null where tenant_id = %(t)s", t=world.tenant)
    return world


def test_each_mail_is_news_of_the_mailbox_that_sent_whatever_address_it_came_to(engine, world, replies):
    by_thread, by_delivery, by_report = (send(engine, world, number) for number in (1, 2, 3))
    catch_all = f"all@{by_thread.domain}"
    mails = [
        mail(by_thread, To=catch_all),
        mail(
            by_delivery,
            To=catch_all,
            Delivered_To=f"bounce+{by_delivery.tag}@{by_delivery.domain}",
            In_Reply_To="<x@y.example>",
        ),
        bounce(by_report),
    ]

    synced = sync(replies, world, FakeInbox(mails))

    assert (synced.messages, synced.parked) == (3, 0)
    assert {(row["message_id"], row["mailbox_id"]) for row in kept(world)} == set(
        zip((by_thread.message, by_delivery.message, by_report.message), world.mailboxes, strict=True)
    )


def test_reading_it_to_its_end_counts_for_every_mailbox_behind_it(world, replies):
    sync(replies, world, FakeInbox())

    fresh = world.sql(
        """select b.mailbox_id from app.mailbox b join app.inbox i using (tenant_id, inbox_id)
            where b.tenant_id = %(t)s and i.last_complete_read > now() - interval '1 minute' order by 1""",
        t=world.tenant,
    )
    assert tuple(row["mailbox_id"] for row in fresh) == world.mailboxes


def test_a_mail_that_two_inboxes_hold_is_one_piece_of_news(engine, world, replies):
    sent = send(engine, world)
    world.sql(
        """insert into app.inbox (tenant_id, name, host, port, username, secret_ref, receives)
           values (%(t)s, 'copy', 'h', '1', 'u', 'env:X', '{}')""",
        t=world.tenant,
    )

    synced = sync(replies, world, FakeInbox([mail(sent)]))

    keys = world.sql("select distinct dedupe_key from app.event_inbox where tenant_id = %(t)s", t=world.tenant)
    assert (synced.messages, len(kept(world)), len(keys)) == (2, 2, 1)
