"""A tenant that would rather have a message twice than not at all: what a plain SMTP server may have taken goes once more."""

from datetime import timedelta

import pytest
from news_of_sends import about, apply, item
from planned_world import PlannedWorld
from send_steps import begin, claim
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.doubt_store import PostgresDoubtStore
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ports import Begun
from outreach_pipelines.domain.delivery_event import EventKind
from outreach_pipelines.domain.doubt import DoubtPolicy, GiveUp, GiveUpReason, Held, judge_doubt
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.domain.send_answer import Accepted

TAKEN = Accepted("queued", "<name@box.example>")
KEEPS_SENT = (
    """update app.provider_account set settings = '{"username": "u", "keeps_sent": "yes"}' where account_id = %(a)s"""
)
LATER = NOON + timedelta(minutes=5)


def choose_at_least_once(world: SmallWorld) -> None:
    world.sql("update app.sending_policy set smtp_at_least_once = true where tenant_id = %(t)s", t=world.tenant)


def doubted(messages: PostgresMessageStore, world: SmallWorld) -> Letter:
    """The answer to its first attempt was lost, longer ago than the horizon."""
    world.message(1)
    (letter,) = claim(messages, world)
    assert isinstance(begin(messages, letter), Begun)
    lose(messages, world, letter)
    return letter


def lose(messages: PostgresMessageStore, world: SmallWorld, letter: Letter) -> None:
    messages.record_doubt(letter.claim, "timeout")
    world.sql(
        "update app.message set state_at = state_at - interval '2 hours' where message_id = %(m)s",
        m=letter.claim.message_id,
    )
    messages.sweep(world.tenant, horizon_seconds=3600)


def again(messages: PostgresMessageStore, world: SmallWorld) -> Letter:
    """The second attempt, as a run makes it: under the tag that its claim names."""
    world.at(LATER)
    (letter,) = claim(messages, world)
    claimed = letter.claim
    tag = WireTag(f"tag{claimed.message_id}x{claimed.named}")
    assert isinstance(messages.begin(claimed, hour=NOON, epoch=messages.epoch(), tag=tag), Begun)
    return letter


def attempts(world: SmallWorld, letter: Letter) -> list[tuple[object, object]]:
    rows = world.sql("select tag, outcome from app.send_attempt where message_id = %(m)s order by attempt", m=letter.claim.message_id)  # fmt: skip
    return [(row["tag"], row["outcome"]) for row in rows]


def test_without_the_choice_it_is_unknown_and_not_sent_again(messages: PostgresMessageStore, world: SmallWorld) -> None:
    letter = doubted(messages, world)

    row = world.state(letter.claim.message_id)
    assert (row["state"], row["released_on_absence"]) == ("unknown", 0)


def test_by_choice_it_is_sent_once_more_under_the_tag_of_its_first_attempt(
    messages: PostgresMessageStore, world: SmallWorld
) -> None:
    choose_at_least_once(world)
    first = doubted(messages, world)
    row = world.state(first.claim.message_id)

    second = again(messages, world)

    assert (row["state"], row["released_on_absence"]) == ("planned", 1)
    assert str(row["reason"]).startswith("at least once: sent again under the same Message-ID")
    assert (second.claim.attempt, second.claim.named) == (2, 1)
    ((one, first_outcome), (two, _)) = attempts(world, second)
    assert one == two
    assert first_outcome == "unknown"


def test_a_second_lost_answer_is_the_last(messages: PostgresMessageStore, world: SmallWorld) -> None:
    choose_at_least_once(world)
    doubted(messages, world)
    second = again(messages, world)

    lose(messages, world, second)

    row = world.state(second.claim.message_id)
    assert (row["state"], row["released_on_absence"]) == ("unknown", 1)


def test_a_provider_whose_records_can_be_asked_is_asked_and_the_choice_changes_nothing(
    messages: PostgresMessageStore, world: SmallWorld, engine: Engine
) -> None:
    choose_at_least_once(world)
    world.sql(KEEPS_SENT, a=world.account)

    letter = doubted(messages, world)

    assert world.state(letter.claim.message_id)["state"] == "in_doubt"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(KEEPS_SENT, id="a provider whose records can be asked"),
        pytest.param("update app.send_attempt set lost_from = 1 where tenant_id = %(t)s", id="attempts that a restored database does not know"),
        pytest.param("update app.message set window_start = window_start - interval '1 day', window_end = due_at + interval '1 second' where tenant_id = %(t)s", id="a window that has passed"),
        pytest.param("insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, plan_day, message_id, attempt, body) "
                     "select tenant_id, 'test', 'one', 'delivered', clock_timestamp(), plan_day, message_id, 1, '{}' from app.message where tenant_id = %(t)s", id="news that waits to be read"),
    ],
)  # fmt: skip
def test_by_choice_it_is_still_not_sent_again_after(
    messages: PostgresMessageStore, world: SmallWorld, engine: Engine, change: str
) -> None:
    choose_at_least_once(world)
    world.message(1)
    (letter,) = claim(messages, world)
    begin(messages, letter)
    messages.record_doubt(letter.claim, "timeout")
    world.at(LATER)
    world.sql(change, t=world.tenant, a=world.account)

    PostgresDoubtStore(engine).give_up(about(letter), GiveUpReason.NOTHING_WILL_TELL)

    row = world.state(letter.claim.message_id)
    assert (row["state"], row["released_on_absence"]) == ("unknown", 0)


def test_news_of_either_copy_is_news_of_the_one_message(
    messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    choose_at_least_once(world)
    first = doubted(messages, world)
    second = again(messages, world)
    messages.record_accepted(second.claim, TAKEN, subject="Hello", next_due_day=None)

    apply(inbox, first, item(EventKind.DELIVERED))

    row = world.state(second.claim.message_id)
    assert (row["state"], row["outcome"]) == ("accepted", "delivered")
    assert [outcome for _, outcome in attempts(world, second)] == ["unknown", "accepted"]


def test_news_of_the_first_copy_stops_the_second_that_has_not_left(
    messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    choose_at_least_once(world)
    first = doubted(messages, world)

    apply(inbox, first, item(EventKind.DELIVERED))
    world.at(LATER)

    assert claim(messages, world) == []
    assert world.state(first.claim.message_id)["state"] == "accepted"
    assert [outcome for _, outcome in attempts(world, first)] == ["accepted"]


def test_a_window_that_passes_before_the_second_attempt_leaves_it_unknown(
    messages: PostgresMessageStore, world: SmallWorld
) -> None:
    choose_at_least_once(world)
    letter = doubted(messages, world)
    world.at(NOON + 4 * HOUR)

    messages.sweep(world.tenant, horizon_seconds=3600)

    row = world.state(letter.claim.message_id)
    assert (row["state"], row["reason"]) == ("unknown", "window_passed before it was sent again")
    ended = world.one("select state, reason from app.enrollment where enrollment_id = %(e)s", e=letter.enrollment_id)
    assert ended == {"state": "finished", "reason": "send_unknown"}


@pytest.mark.parametrize("placed", [True, False])
def test_a_new_plan_keeps_what_is_to_be_sent_once_more_and_makes_no_other_message_of_it(
    messages: PostgresMessageStore, world: SmallWorld, engine: Engine, ingest: Engine, *, placed: bool
) -> None:
    choose_at_least_once(world)
    planned = PlannedWorld(world, engine, ingest)
    person, other = planned.enrolled(1), planned.enrolled(2)
    planned.release([person])
    (letter,) = claim(messages, world)
    begin(messages, letter)
    lose(messages, world, letter)

    plan = planned.release([person, other] if placed else [other], due_at=NOON + timedelta(minutes=4))

    rows = world.sql("select message_id, state, plan_id from app.message where enrollment_id = %(e)s", e=person)
    assert rows == [{"message_id": letter.claim.message_id, "state": "planned", "plan_id": plan}]


def test_the_list_of_doubt_says_what_will_come_of_it(
    messages: PostgresMessageStore, world: SmallWorld, engine: Engine
) -> None:
    choose_at_least_once(world)
    world.message(1)
    (letter,) = claim(messages, world)
    begin(messages, letter)
    messages.record_doubt(letter.claim, "timeout")

    (doubt,) = PostgresDoubtStore(engine).open_doubts(world.tenant).attempts
    verdict = judge_doubt(
        doubt.doubt, now=doubt.doubt.intended_at + 2 * HOUR, queue=Held(0, 0, 0, 0), policy=DoubtPolicy()
    )

    assert doubt.about == about(letter)
    assert isinstance(verdict, GiveUp)
    assert "sent once more" in verdict.sentence
