"""When an inbox counts as read, on real PostgreSQL: only what was read to its end, whatever breaks in between."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from inbox_reading import ByName, FakeInbox
from mail_back import kept, mail, send, sync, waiting
from small_world import SmallWorld

from outreach_pipelines.application.sync_replies import SyncedReplies, sync_replies
from outreach_pipelines.domain.tenant import TenantId


@pytest.fixture
def world(world: SmallWorld) -> SmallWorld:
    world.sql("update app.inbox set last_complete_read = null where tenant_id = %(t)s", t=world.tenant)
    return world


def inbox_row(world: SmallWorld) -> dict[str, object]:
    return world.one("select * from app.inbox where tenant_id = %(t)s", t=world.tenant)


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


def test_the_inbox_that_waited_longest_is_read_first(world, replies):
    for name, minutes in (("older", 50), ("newer", 10)):
        world.sql(
            """insert into app.inbox (tenant_id, name, host, port, username, secret_ref, receives, last_complete_read)
               values (%(t)s, %(n)s, 'h', '1', 'u', 'env:X', '{}', now() - make_interval(mins => %(m)s))""",
            t=world.tenant,
            n=name,
            m=minutes,
        )

    assert [inbox.name for inbox in replies.inboxes(world.tenant)] == ["in", "older", "newer"]


def test_a_sync_without_time_reads_nothing_and_takes_no_inbox_for_read(engine, world, replies):
    inbox = FakeInbox([mail(send(engine, world))])

    synced = sync_replies(inbox, replies, tenant=world.tenant, seconds=0.0)

    assert (synced, inbox_row(world)["last_complete_read"]) == (SyncedReplies(), None)
