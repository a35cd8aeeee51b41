"""What a routed mail means for its person, on real PostgreSQL, and that a forged or foreign one means nothing."""

import pytest
from inbox_reading import KEY, RECEIVED, FakeInbox
from mail_back import bounce, enrollment, kept, mail, send, sync, sync_and_record, waiting
from small_world import NOON, SmallWorld
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.event_store import PostgresEventStore
from outreach_pipelines.application.inbox_mail import (
    Extent,
)
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, write_tag
from outreach_pipelines.lab.reports import abuse_report, delay_report


@pytest.fixture
def world(world: SmallWorld) -> SmallWorld:
    world.sql("update app.inbox set last_complete_read = null where tenant_id = %(t)s", t=world.tenant)
    return world


@pytest.fixture
def other(new_world: NewWorld) -> SmallWorld:
    """Another tenant of the same database."""
    return new_world()


def suppressions(world: SmallWorld) -> list[object]:
    return [
        row["kind"] for row in world.sql("select kind from app.suppression where tenant_id = %(t)s", t=world.tenant)
    ]


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
