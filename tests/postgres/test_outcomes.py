"""T3: what an answer, its lack, or a late one does to an attempt and its message."""

from datetime import timedelta

import pytest
from send_steps import begin, claim
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ports import NotBegun
from outreach_pipelines.domain.send_answer import Accepted, RefusalAction, RefusalVerdict, Refused

TAKEN = Accepted("queue-1", "<first@box.example>")
BUSY, RETRY_NOW = Refused("451", "4.3.0", "busy"), RefusalVerdict(RefusalAction.RETRY, 0, "smtp_for_now")


@pytest.fixture
def store(engine: Engine) -> PostgresMessageStore:
    return PostgresMessageStore(engine)


def test_a_definite_refusal_gives_the_cap_back_and_keeps_the_pace(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)

    store.record_refused(
        letter.claim, Refused("451", "4.3.0", "busy"), RefusalVerdict(RefusalAction.RETRY, 60, "smtp_for_now")
    )

    assert world.state(message)["state"] == "retry_wait"
    assert world.one("select sent from app.mailbox_day where tenant_id = %(t)s", t=world.tenant)["sent"] == 0
    assert world.one("select next_at from app.mailbox where mailbox_id = %(m)s", m=world.mailboxes[0])[
        "next_at"
    ] == NOON + timedelta(seconds=120)


def test_a_lost_reply_is_doubt_that_no_run_claims_again(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)

    store.record_doubt(letter.claim, "timeout")

    assert world.state(message)["state"] == "in_doubt"
    assert claim(store, world) == []


def test_an_answer_of_an_earlier_attempt_says_nothing_of_the_call_under_way(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (first,) = claim(store, world)
    begin(store, first)
    store.record_refused(first.claim, BUSY, RETRY_NOW)
    world.at(NOON + timedelta(minutes=2))
    (second,) = claim(store, world)
    begin(store, second)

    settled = store.record_refused(first.claim, BUSY, RETRY_NOW)
    store.record_doubt(first.claim, "timeout")

    assert settled is False
    row = world.state(message)
    assert (row["state"], row["token"]) == ("sending", second.claim.token)
    attempts = world.sql("select outcome from app.send_attempt where message_id = %(m)s order by attempt", m=message)
    assert [each["outcome"] for each in attempts] == ["refused", "open"]


def test_a_refusal_or_a_lost_reply_after_evidence_of_acceptance_changes_nothing(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)
    store.record_accepted(letter.claim, TAKEN, subject="Hello", next_due_day=None)

    settled = store.record_refused(letter.claim, BUSY, RETRY_NOW)
    store.record_doubt(letter.claim, "timeout")

    assert settled is False
    assert world.state(message)["state"] == "accepted"
    attempt = world.one("select outcome from app.send_attempt where message_id = %(m)s", m=message)
    assert attempt["outcome"] == "accepted"


def test_a_refused_second_attempt_does_not_undo_the_acceptance_of_the_first(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (first,) = claim(store, world)
    begin(store, first)
    store.record_doubt(first.claim, "timeout")
    # Wrongly taken for absent.
    world.sql("update app.send_attempt set outcome = 'absent' where message_id = %(m)s", m=message)
    world.sql("update app.message set state = 'planned' where message_id = %(m)s", m=message)
    world.at(NOON + timedelta(minutes=2))
    (second,) = claim(store, world)
    begin(store, second)
    store.record_accepted(first.claim, TAKEN, subject="Hello", next_due_day=None)

    settled = store.record_refused(second.claim, BUSY, RETRY_NOW)

    assert settled is False
    assert world.state(message)["state"] == "accepted"


def test_a_late_answer_settles_what_the_sweeper_had_put_in_doubt(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)
    world.sql(
        "update app.message set lease_until = clock_timestamp() - interval '1 second' where tenant_id = %(t)s",
        t=world.tenant,
    )
    store.sweep(world.tenant, horizon_seconds=3600)

    found = store.record_accepted(letter.claim, TAKEN, subject="Hello", next_due_day=None)

    assert (found, world.state(message)["state"]) == ("accepted", "accepted")


def test_acceptance_is_recorded_once_however_often_it_is_seen(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)

    found = [store.record_accepted(letter.claim, TAKEN, subject="Hello", next_due_day=None) for _ in range(3)]

    assert found == ["accepted", "known", "known"]


@pytest.mark.parametrize(
    ("action", "scope"), [(RefusalAction.STOP_PATH, "path"), (RefusalAction.STOP_TENANT, "account")]
)
def test_a_provider_that_stops_us_is_obeyed_at_the_next_intent_and_never_gone_round(
    store: PostgresMessageStore, world: SmallWorld, action: RefusalAction, scope: str
) -> None:
    first, second = world.message(1), world.message(2, due_at=NOON + timedelta(minutes=10))
    (letter,) = claim(store, world)
    begin(store, letter)

    store.record_refused(
        letter.claim, Refused("SendingPausedException", "", "paused"), RefusalVerdict(action, 900, "rule")
    )

    world.at(NOON + timedelta(minutes=10))
    outcome = begin(store, claim(store, world)[-1])
    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "path_held"
    holds = world.sql("select scope_key from app.hold where tenant_id = %(t)s", t=world.tenant)
    assert [str(hold["scope_key"]).partition(":")[0] for hold in holds] == [scope]
    assert [world.state(each)["state"] for each in (first, second)] == ["retry_wait", "planned"]
