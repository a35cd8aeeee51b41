"""After a restore to a point in time, on real PostgreSQL: what may have left in the lost time is doubted and not repeated."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from news_of_sends import SOFT, item
from send_steps import begin, claim
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.doubt_store import PostgresDoubtStore
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.fence_store import PostgresFenceStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ingest_events import InboxRow
from outreach_pipelines.application.ports import Begun
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.application.recover import Recovered, Restore, recover
from outreach_pipelines.application.rule_on_doubt import Ruling
from outreach_pipelines.application.stored_objects import ObjectKey
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.delivery_event import EventKind
from outreach_pipelines.domain.doubt import Absent, DoubtPolicy, EvidenceRule, Held, Wait, judge_doubt
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.tenant import TenantRef, TenantSlug
from outreach_pipelines.errors import Refused

MINUTE = timedelta(minutes=1)
CLEAN = Held(0, 0, 0, 0)


@pytest.fixture
def store(ops: Engine, engine: Engine) -> PostgresFenceStore:
    return PostgresFenceStore(ops, engine)


def a_tag(about: MessageTag) -> WireTag:
    return WireTag(f"tag{about.message}x{about.attempt}")


def restore(
    store: PostgresFenceStore,
    world: SmallWorld,
    files: Path,
    *,
    to: datetime = NOON,
    until: datetime = NOON + 30 * MINUTE,
) -> Recovered:
    row = TenantRow(TenantRef(world.tenant, TenantSlug("acme")), "Etc/UTC", paused=False)
    asked = Restore(restored_to=to, until=until, reason="a lost disk", by="ada")
    return recover(store, LocalObjectStore(files), [row], a_tag, asked, lease=None)


def doubted(done: Recovered) -> list[MessageId]:
    return [lost.message for lost in done.tenants[0].in_doubt]


def attempts(world: SmallWorld, message: int) -> list[dict[str, object]]:
    return world.sql("select * from app.send_attempt where message_id = %(m)s order by attempt", m=message)


def news(inbox: PostgresEventInbox, world: SmallWorld, message: int, attempt: int, kind: EventKind) -> None:
    bounce = SOFT if kind is EventKind.BOUNCED else None
    inbox.add([InboxRow(item(kind, bounce), MessageTag(world.tenant, NOON.date(), MessageId(message), attempt))])
    record_events(PostgresEventStore(inbox.app), tenant=world.tenant)


def test_what_was_due_in_the_lost_time_is_in_doubt_and_what_is_due_later_is_not(
    store: PostgresFenceStore, world: SmallWorld, tmp_path: Path
) -> None:
    due = world.message(1, due_at=NOON + 10 * MINUTE)
    overdue = world.message(2, due_at=NOON - HOUR)
    passed = world.message(3, due_at=NOON - 4 * HOUR)
    later = world.message(4, due_at=NOON + 31 * MINUTE)
    closed = world.message(5, due_at=NOON + 10 * MINUTE, state="cancelled")

    done = restore(store, world, tmp_path)

    assert doubted(done) == [due, overdue]
    states = [world.state(each)["state"] for each in (due, overdue, passed, later, closed)]
    assert states == ["in_doubt", "in_doubt", "planned", "planned", "cancelled"]


def test_an_intent_under_way_and_a_doubt_of_before_are_doubted_anew(
    store: PostgresFenceStore, messages: PostgresMessageStore, world: SmallWorld, tmp_path: Path
) -> None:
    sending = world.message(1)
    (letter,) = claim(messages, world)
    assert isinstance(begin(messages, letter), Begun)

    done = restore(store, world, tmp_path, to=NOON + 5 * HOUR, until=NOON + 6 * HOUR)

    assert doubted(done) == [sending]
    assert [(row["attempt"], row["outcome"], row["lost_from"]) for row in attempts(world, sending)] == [
        (1, "in_doubt", None),
        (101, "in_doubt", 2),
    ]


def test_a_claim_of_the_lost_time_had_not_begun_its_attempt(
    store: PostgresFenceStore, messages: PostgresMessageStore, world: SmallWorld, tmp_path: Path
) -> None:
    message = world.message(1)
    claim(messages, world)

    restore(store, world, tmp_path)

    (row,) = attempts(world, message)
    assert (row["lost_from"], row["attempt"], row["tag"]) == (1, 100, f"tag{message}x1")


def test_a_restore_that_is_told_twice_doubts_once(store: PostgresFenceStore, world: SmallWorld, tmp_path: Path) -> None:
    message = world.message(1)

    first = restore(store, world, tmp_path)
    second = restore(store, world, tmp_path)

    assert (doubted(first), doubted(second)) == ([message], [])
    assert len(attempts(world, message)) == 1
    assert second.epoch == first.epoch + 1


@pytest.mark.parametrize("attempt", [1, 2, 100])
def test_evidence_of_any_attempt_of_the_lost_time_shows_that_the_message_was_sent(
    store: PostgresFenceStore, inbox: PostgresEventInbox, world: SmallWorld, tmp_path: Path, attempt: int
) -> None:
    message = world.message(1)
    restore(store, world, tmp_path)

    news(inbox, world, message, attempt, EventKind.DELIVERED)

    assert world.state(message)["state"] == "accepted"
    assert [row["outcome"] for row in attempts(world, message)] == ["accepted"]


def test_what_a_restore_forgot_is_never_believed_to_be_absent(
    store: PostgresFenceStore, engine: Engine, world: SmallWorld, tmp_path: Path
) -> None:
    world.message(1)
    restore(store, world, tmp_path)
    (attempt,) = PostgresDoubtStore(engine).open_doubts(world.tenant).attempts

    looked = tuple(attempt.doubt.intended_at + n * 2 * HOUR for n in (1, 2))
    at_mailgun = replace(attempt.doubt, rule=EvidenceRule.LOOK_UP, unseen_at=looked, last_look=looked[1])

    verdict = judge_doubt(at_mailgun, now=looked[1] + HOUR, queue=CLEAN, policy=DoubtPolicy())

    plain = judge_doubt(replace(at_mailgun, supposed=False), now=looked[1] + HOUR, queue=CLEAN, policy=DoubtPolicy())
    assert attempt.doubt.supposed
    assert (type(verdict), type(plain)) == (Wait, Absent)


def test_a_person_who_knows_that_it_was_not_sent_lets_it_go_under_a_number_that_was_never_used(
    store: PostgresFenceStore, engine: Engine, messages: PostgresMessageStore, world: SmallWorld, tmp_path: Path
) -> None:
    message = world.message(1)
    restore(store, world, tmp_path)
    rulings = PostgresDoubtStore(engine)
    attempt = rulings.attempt_to_rule(world.tenant, NOON.date(), MessageId(message))
    assert attempt is not None

    came = rulings.rule(attempt, Ruling.NOT_SENT, reason="the provider's log ends before it", by="ada")
    (letter,) = claim(messages, world)

    assert came == "released"
    assert letter.claim.attempt == 101
    assert isinstance(begin(messages, letter), Begun)


def test_lost_sends_count_against_the_days_caps_until_they_are_ruled_out(
    store: PostgresFenceStore, engine: Engine, world: SmallWorld, tmp_path: Path
) -> None:
    message = world.message(1)
    restore(store, world, tmp_path)
    counted = world.one("select sent from app.mailbox_day where mailbox_id = %(m)s", m=world.mailboxes[0])["sent"]
    rulings = PostgresDoubtStore(engine)
    attempt = rulings.attempt_to_rule(world.tenant, NOON.date(), MessageId(message))
    assert attempt is not None

    rulings.rule(attempt, Ruling.NOT_SENT, reason="none left", by="ada")

    given_back = world.one("select sent from app.mailbox_day where mailbox_id = %(m)s", m=world.mailboxes[0])["sent"]
    assert (counted, given_back) == (1, 0)


def test_numbers_of_the_lost_time_are_not_given_out_again(
    store: PostgresFenceStore, world: SmallWorld, tmp_path: Path
) -> None:
    before = world.message(1, due_at=NOON + 5 * HOUR)

    restore(store, world, tmp_path)

    assert world.message(2, due_at=NOON + 5 * HOUR) > before + 1_000_000


def test_a_restore_that_reaches_less_far_than_was_asked_for_is_taken_as_far_as_it_reaches(
    store: PostgresFenceStore, world: SmallWorld, tmp_path: Path
) -> None:
    world.sql("update app.environment set heartbeat_at = %(at)s", at=NOON - HOUR)
    missed = world.message(1, due_at=NOON - 3 * HOUR)

    done = restore(store, world, tmp_path, to=NOON + HOUR, until=NOON + HOUR)
    world.sql("update app.environment set heartbeat_at = clock_timestamp()")

    assert done.restored_to == NOON - HOUR
    assert doubted(done) == [missed]


def test_a_restore_into_the_future_is_refused(store: PostgresFenceStore, world: SmallWorld, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="restore point"):
        restore(store, world, tmp_path, until=NOON + timedelta(days=400))


def test_a_tenant_whose_plans_were_lost_is_held_for_a_person(
    store: PostgresFenceStore, messages: PostgresMessageStore, world: SmallWorld, tmp_path: Path
) -> None:
    objects = LocalObjectStore(tmp_path)
    for key in ("2026-11-18/plan-lost", "2026-11-18/snapshot-lost", "2026-11-10/plan-old", "2026-12-24/plan-far"):
        objects.put(ObjectKey(f"plans/acme/{key}.json"), b"{}")
    world.message(1, due_at=NOON + 40 * MINUTE)

    done = restore(store, world, tmp_path)
    world.at(NOON + 40 * MINUTE)
    (letter,) = claim(messages, world)
    outcome = begin(messages, letter)

    assert done.tenants[0].lost_plans == ["plans/acme/2026-11-18/plan-lost.json"]
    assert not isinstance(outcome, Begun)
    assert outcome.reason == "held: restored"


def test_a_tenant_whose_plans_are_all_known_goes_on(
    store: PostgresFenceStore, messages: PostgresMessageStore, world: SmallWorld, tmp_path: Path
) -> None:
    LocalObjectStore(tmp_path).put(ObjectKey("plans/acme/2026-11-18/plan-known.json"), b"{}")
    world.sql(
        "update app.plan set plan_key = 'plans/acme/2026-11-18/plan-known.json' where plan_id = %(p)s", p=world.plan
    )
    world.message(1, due_at=NOON + 40 * MINUTE)

    restore(store, world, tmp_path)
    world.at(NOON + 40 * MINUTE)
    (letter,) = claim(messages, world)

    assert isinstance(begin(messages, letter), Begun)
