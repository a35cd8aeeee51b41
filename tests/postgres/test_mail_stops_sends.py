"""From a mail in an inbox to the next message that does not leave, or leaves later, on real PostgreSQL."""

from uuid import uuid4

import pytest
from inbox_reading import RECEIVED
from mail_back import Sent, enrollment, mail, send, sync_and_record
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.domain.letter import ClaimToken, Letter
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.lab.bounces import BounceKind
from outreach_pipelines.lab.reports import failure_report


@pytest.fixture
def world(world: SmallWorld) -> SmallWorld:
    world.sql("update app.inbox set last_complete_read = clock_timestamp() where tenant_id = %(t)s", t=world.tenant)
    return world


def follow_up(engine: Engine, world: SmallWorld, sent: Sent) -> tuple[int, Letter]:
    """The second message to the same person, claimed by a run."""
    message = world.message(2, step=2)
    world.sql(
        """update app.message f set enrollment_id = m.enrollment_id, lead_id = m.lead_id, recipient_hmac = m.recipient_hmac, domain_hmac = m.domain_hmac
             from app.message m where f.message_id = %(f)s and m.message_id = %(m)s""",
        f=message, m=sent.message,
    )  # fmt: skip
    world.sql("update app.mailbox set next_at = '-infinity' where tenant_id = %(t)s", t=world.tenant)
    store = PostgresMessageStore(engine)
    (letter,) = store.claim(world.tenant, hour=NOON, token=ClaimToken(uuid4()), most=1, ahead_seconds=0)
    return message, letter


def begin(engine: Engine, letter: Letter) -> None:
    store = PostgresMessageStore(engine)
    store.begin(letter.claim, hour=NOON, epoch=store.epoch(), tag=WireTag(f"tag{letter.claim.message_id}"))


def test_without_news_the_follow_up_leaves(engine, world):
    message, letter = follow_up(engine, world, send(engine, world))

    begin(engine, letter)

    assert world.state(message)["state"] == "sending"


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [("Yes, gladly.", "cancelled", "replied"), ("Please take me off your list.", "suppressed", "unsubscribe")],
)
def test_an_answer_stops_the_follow_up_that_a_run_has_claimed_already(engine, world, replies, text, state, reason):
    sent = send(engine, world)
    message, letter = follow_up(engine, world, sent)

    sync_and_record(engine, replies, world, mail(sent, text))
    begin(engine, letter)

    row = world.state(message)
    assert (row["state"], reason in str(row["reason"])) == (state, True), row["reason"]


def test_an_absence_keeps_back_the_follow_up_that_a_run_has_claimed_already(engine, world, replies):
    sent = send(engine, world)
    message, letter = follow_up(engine, world, sent)
    note = mail(
        sent,
        "I am out of office, back on 7 December 2026.",
        Subject="Automatic reply: Hello",
        Auto_Submitted="auto-replied",
    )

    sync_and_record(engine, replies, world, note)
    begin(engine, letter)

    assert world.state(message)["state"] != "sending"
    assert (str(enrollment(world, sent)["due_day"]) >= "2026-12-07", enrollment(world, sent)["state"]) == (
        True,
        "active",
    )


def test_a_block_counts_against_the_path_and_suppresses_nobody(engine, world, replies):
    sent = send(engine, world)

    sync_and_record(engine, replies, world, failure_report(sent.wire, BounceKind.BLOCKED, now=RECEIVED).raw)

    (news,) = world.sql(
        """select e.class, e.cause is not null as has_cause, a.mailbox_id, a.account_id from app.message_event e
             join app.send_attempt a using (tenant_id, plan_day, message_id, attempt) where e.tenant_id = %(t)s""",
        t=world.tenant,
    )
    assert news == {
        "class": "block",
        "has_cause": True,
        "mailbox_id": world.mailboxes[0],
        "account_id": world.account,
    }
    assert world.sql("select 1 from app.suppression where tenant_id = %(t)s", t=world.tenant) == []
    assert enrollment(world, sent)["state"] == "active"
