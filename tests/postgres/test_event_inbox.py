"""Events that name no message of ours, or one that is not there, on real PostgreSQL: parked, kept waiting, and in nobody's way."""

from collections.abc import Sequence
from datetime import date

import pytest
from news_of_sends import about, apply, claimed, item, row, sent, suppressions
from small_world import NOON, SmallWorld
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ingest_events import FeedItem, InboxRow
from outreach_pipelines.application.record_events import AppliedEvent, WaitingEvent, record_events
from outreach_pipelines.domain.delivery_event import BounceFacts, EventKind
from outreach_pipelines.domain.inbound.verdict import BounceClass, SoftCause
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag


@pytest.fixture
def world(new_world: NewWorld) -> SmallWorld:
    return new_world(kind="ses")


def test_an_event_without_an_owner_is_parked_and_suppresses_nobody(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    complained = item(EventKind.COMPLAINED, key=f"forged {world.tenant}")
    inbox.add([InboxRow(complained, None)])

    record_events(PostgresEventStore(inbox.app), tenant=letter.claim.tenant)

    assert suppressions(world) == []
    parked = world.one(
        "select tenant_id, kind from app.event_inbox where dedupe_key = %(k)s", k=f"forged {world.tenant}"
    )
    assert parked == {"tenant_id": 0, "kind": "complained"}


def test_the_tag_of_another_tenants_message_moves_nothing_here(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld, new_world: NewWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    stranger = new_world()
    foreign = MessageTag(stranger.tenant, letter.claim.plan_day, letter.claim.message_id, 1)
    inbox.add([InboxRow(item(EventKind.COMPLAINED), foreign)])

    done = record_events(PostgresEventStore(inbox.app), tenant=stranger.tenant)
    assert done.unmatched == 1
    assert suppressions(world) == []


def test_garbage_is_parked_as_it_came_as_far_as_a_database_keeps_it(
    inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    raw = "\0 garbage \ud800 " + "x" * 200_000
    inbox.add([InboxRow(FeedItem(f"receipt {world.tenant}", "ses", raw, None, None, "not JSON"), None)])

    kept = world.one(
        "select tenant_id, kind, body from app.event_inbox where dedupe_key = %(k)s", k=f"receipt {world.tenant}"
    )

    assert (kept["tenant_id"], kept["kind"]) == (0, "unreadable")
    assert isinstance(kept["body"], dict)
    assert kept["body"]["fault"] == "not JSON"
    assert kept["body"]["raw"].startswith(" garbage ? xxx")


def test_words_of_a_server_that_no_database_keeps_do_not_stop_the_feed(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    odd = BounceFacts(BounceClass.SOFT, SoftCause.NETWORK, "4.4.1", "no \0 route \udfff", "rule")

    done = apply(inbox, letter, item(EventKind.BOUNCED, odd))

    assert done.applied == {"bounced:soft": 1}


def test_an_event_about_a_message_that_is_not_there_waits_and_holds_no_other_up(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    nowhere = MessageTag(world.tenant, NOON.date(), MessageId(10**12), 1)
    inbox.add([InboxRow(item(EventKind.DELIVERED), nowhere)])

    first = apply(inbox, letter, item(EventKind.DELIVERED))
    again = apply(inbox, letter, item(EventKind.OPENED))

    assert (first.unmatched, first.applied) == (1, {"delivered": 1})
    assert (again.unmatched, again.applied) == (0, {"opened": 1})


def test_what_finds_no_message_for_years_is_tried_ever_more_rarely_and_never_overflows(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    nowhere = MessageTag(world.tenant, NOON.date(), MessageId(10**12), 1)
    inbox.add([InboxRow(item(EventKind.DELIVERED), nowhere)])
    world.sql(
        "update app.event_inbox set received_at = received_at - interval '3 years' where tenant_id = %(t)s",
        t=world.tenant,
    )

    done = record_events(PostgresEventStore(inbox.app), tenant=world.tenant, batches=100)

    # 2 ** 21 minutes are four years.
    assert done.unmatched == 21


def test_the_tag_of_an_attempt_that_never_began_accepts_nothing(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = claimed(messages, world)

    apply(inbox, letter, item(EventKind.SENT), item(EventKind.REJECTED))

    assert (row(world, letter)["state"], row(world, letter)["reason"]) == ("claimed", None)


def test_a_crash_while_applying_leaves_the_event_to_the_next_run(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    inbox.add([InboxRow(item(EventKind.DELIVERED), about(letter))])
    store = PostgresEventStore(inbox.app)

    def fails(_: Sequence[WaitingEvent]) -> Sequence[AppliedEvent]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.apply_next(world.tenant, fails, most=10)
    done = record_events(store, tenant=world.tenant)

    assert done.applied == {"delivered": 1}


def test_a_probe_that_came_back_proves_its_account(inbox: PostgresEventInbox, world: SmallWorld) -> None:
    world.sql("update app.provider_account set proven_at = null where account_id = %(a)s", a=world.account)

    probe = world.one("insert into app.account_canary (account_id, configuration_set) values (%(a)s, '') returning canary_id", a=world.account)  # fmt: skip
    inbox.prove(MessageTag(world.tenant, date(1970, 1, 1), MessageId(int(str(probe["canary_id"]))), 0))

    proven = world.one(
        "select proven_at is not null as proven from app.provider_account where account_id = %(a)s", a=world.account
    )
    assert proven == {"proven": True}
