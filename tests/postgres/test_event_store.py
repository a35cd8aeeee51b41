"""What comes back about messages, on real PostgreSQL: each event once, in any order, tied to the attempt its tag names."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from news_of_sends import SOFT, about, apply, begun, enrollment, item, row, sent
from small_world import NOON, SmallWorld
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ingest_events import FeedItem, InboxRow
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.domain.delivery_event import DeliveryEvent, EventKind
from outreach_pipelines.domain.send_answer import Accepted


@pytest.fixture
def world(new_world: NewWorld) -> SmallWorld:
    return new_world(kind="ses")


def test_an_event_applied_twice_counts_once(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    delivered = item(EventKind.DELIVERED, key="same")

    first, second = apply(inbox, letter, delivered), apply(inbox, letter, delivered, delivered)

    assert (first.applied, first.repeated) == ({"delivered": 1}, 0)
    assert (second.applied, second.repeated) == ({}, 2)
    assert row(world, letter)["outcome"] == "delivered"
    assert world.sql("select * from app.event_inbox where tenant_id = %(t)s", t=world.tenant) == []


def test_two_appliers_at_once_apply_every_event_once(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    inbox.add([InboxRow(item(EventKind.OPENED, key=f"open {number % 40}"), about(letter)) for number in range(80)])
    store = PostgresEventStore(inbox.app)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: record_events(store, tenant=world.tenant, most=5), range(4)))

    assert sum(each.applied["opened"] for each in done) == 40
    assert sum(each.repeated for each in done) == 40


def test_a_message_in_doubt_is_accepted_by_its_send_event_and_its_sequence_goes_on(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world, subject="Hello Ada")
    messages.record_doubt(letter.claim, "timeout")

    apply(inbox, letter, item(EventKind.SENT))

    message = row(world, letter)
    assert (message["state"], message["accepted_at"], message["provider_message_id"]) == ("accepted", NOON, "ses-1")
    root = world.one(
        "select step, wire_message_id, subject from app.thread_root where enrollment_id = %(e)s", e=letter.enrollment_id
    )
    assert root == {"step": 1, "wire_message_id": "<ses-1@email.amazonses.com>", "subject": "Hello Ada"}
    after = enrollment(world, letter)
    # Three business days after Wednesday the 18th.
    assert (after["step"], after["state"], after["due_day"]) == (2, "active", date(2026, 11, 23))


def test_evidence_that_does_not_know_the_wire_name_leaves_the_thread_to_the_send_event(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world)
    nameless = DeliveryEvent("auto", EventKind.AUTO_REPLIED, NOON)
    apply(inbox, letter, FeedItem("r", "imap", "", nameless, None))
    roots = "select wire_message_id from app.thread_root where enrollment_id = %(e)s"
    before = world.sql(roots, e=letter.enrollment_id)

    apply(inbox, letter, item(EventKind.SENT))

    assert before == []
    assert world.one(roots, e=letter.enrollment_id) == {"wire_message_id": "<ses-1@email.amazonses.com>"}


def test_the_answer_of_a_call_that_evidence_overtook_changes_nothing(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world)
    apply(inbox, letter, item(EventKind.SENT), item(EventKind.BOUNCED, SOFT))
    before = enrollment(world, letter)

    found = messages.record_accepted(
        letter.claim, Accepted("ses-1", "<ses-1@email.amazonses.com>"), subject="Hello", next_due_day=NOON.date()
    )

    assert found == "known"
    assert enrollment(world, letter) == before


def test_a_message_taken_twice_after_a_wrong_release_is_counted(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    first = begun(messages, world)
    messages.record_doubt(first.claim, "timeout")
    world.sql("update app.message set state = 'planned', released_on_absence = 1 where message_id = %(m)s", m=message)
    world.sql("update app.send_attempt set outcome = 'absent' where message_id = %(m)s", m=message)
    world.sql("update app.mailbox set next_at = default where tenant_id = %(t)s", t=world.tenant)
    second = sent(messages, world)

    apply(inbox, first, item(EventKind.SENT), attempt=1)

    outcomes = world.sql(
        "select attempt, outcome from app.send_attempt where message_id = %(m)s order by attempt", m=message
    )
    assert second.claim.attempt == 2
    assert [each["outcome"] for each in outcomes] == ["accepted_twice", "accepted"]
    assert row(world, first)["state"] == "accepted"


def test_a_lost_reply_of_an_attempt_overtaken_by_evidence_of_an_earlier_one_is_settled_as_doubt(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    first = begun(messages, world)
    messages.record_doubt(first.claim, "timeout")
    world.sql("update app.message set state = 'planned' where message_id = %(m)s", m=message)
    world.sql("update app.send_attempt set outcome = 'absent' where message_id = %(m)s", m=message)
    world.sql("update app.mailbox set next_at = default where tenant_id = %(t)s", t=world.tenant)
    second = begun(messages, world)
    apply(inbox, first, item(EventKind.SENT), attempt=1)

    messages.record_doubt(second.claim, "timeout")

    outcomes = world.sql("select outcome from app.send_attempt where message_id = %(m)s order by attempt", m=message)
    assert [each["outcome"] for each in outcomes] == ["accepted", "in_doubt"]
    assert row(world, first)["state"] == "accepted"
