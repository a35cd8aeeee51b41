"""What is not certain: it waits for a person, nothing of it is lost, and nobody is suppressed by a guess."""

import pytest
from inbox_reading import FakeInbox
from mail_back import accept, bounce, enrollment, kept, mail, send, sync, sync_and_record, waiting
from small_world import SmallWorld

from outreach_pipelines.application.sync_replies import SyncedReplies

# A status that names no reason (RFC 3463 section 3.1, "other undefined status"), beside words that say nothing.
NO_REASON = """\
From: postmaster@mx.example.test
To: bounce+{tag}@{domain}
Subject: notice
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.test

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550 no

--x--
"""


@pytest.fixture
def world(world: SmallWorld) -> SmallWorld:
    world.sql("update app.inbox set last_complete_read = null where tenant_id = %(t)s", t=world.tenant)
    return world


def to_review(world: SmallWorld) -> list[object]:
    rows = world.sql(
        "select review from app.inbound_message where tenant_id = %(t)s and review is not null and reviewed_at is null order by inbound_id",
        t=world.tenant,
    )
    return [row["review"] for row in rows]


def suppressed(world: SmallWorld) -> int:
    return int(str(world.one("select count(*) as n from app.suppression where tenant_id = %(t)s", t=world.tenant)["n"]))


def test_a_bounce_whose_reason_nobody_knows_delays_the_next_step_and_waits_for_a_person(engine, world, replies):
    sent = send(engine, world)
    report = NO_REASON.format(tag=sent.tag, domain=sent.domain, recipient=sent.wire.recipient).encode()

    sync_and_record(engine, replies, world, report)

    assert to_review(world) == ["unknown_bounce"]
    assert (suppressed(world), enrollment(world, sent)["state"]) == (0, "active")
    assert enrollment(world, sent)["soft_bounces"] == 1


@pytest.mark.parametrize(
    ("text", "headers", "why"),
    [
        ("Please verify that you are a person.", {"Subject": "Please confirm your email"}, "for_people"),
        ("Who are you?", {"In_Reply_To": "<unknown@people.example>"}, "untied"),
    ],
)
def test_a_challenge_and_an_answer_to_nothing_known_wait_for_a_person(engine, world, replies, text, headers, why):
    sent = send(engine, world)

    sync_and_record(engine, replies, world, mail(sent, text, **headers))

    assert to_review(world) == [why]
    assert (suppressed(world), enrollment(world, sent)["state"]) == (0, "active")


def test_a_forged_bounce_waits_for_a_person(engine, world, replies):
    sent = send(engine, world)

    sync_and_record(engine, replies, world, bounce(sent).replace(sent.tag.encode(), b"a" * 39))

    assert (to_review(world), suppressed(world)) == (["untied"], 0)


def test_what_is_certain_and_what_is_our_own_wait_for_nobody(engine, world, replies):
    first, second, third = (send(engine, world, number) for number in (1, 2, 3))
    own = mail(third, From=third.wire.mailbox)

    synced = sync_and_record(engine, replies, world, mail(first), bounce(second), own)

    assert synced.messages == len(kept(world)) == 3
    assert to_review(world) == []


def test_a_mail_that_finds_its_send_later_waits_for_nobody_any_more(engine, world, replies):
    sent = send(engine, world, accepted=False)
    provider_id = "<0102fed-000000@eu-west-1.amazonses.com>"
    sync(replies, world, FakeInbox([mail(sent, In_Reply_To=provider_id)]))
    before = to_review(world)
    accept(engine, sent, provider_id)

    sync(replies, world, FakeInbox())

    assert (before, to_review(world)) == (["untied"], [])


def test_a_persons_verdict_is_not_undone_by_a_second_look(engine, world, replies):
    sent = send(engine, world, accepted=False)
    provider_id = "<0102fea-000000@eu-west-1.amazonses.com>"
    sync(replies, world, FakeInbox([mail(sent, In_Reply_To=provider_id)]))
    world.sql(
        "update app.inbound_message set reviewed_at = now(), reviewed_as = 'nothing', reviewed_by = 'ada' where tenant_id = %(t)s",
        t=world.tenant,
    )
    accept(engine, sent, provider_id)

    synced = sync(replies, world, FakeInbox())

    assert synced == SyncedReplies()
    assert (waiting(world), kept(world)[0]["reviewed_as"]) == ([], "nothing")
