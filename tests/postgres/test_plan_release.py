"""From facts to released messages on real PostgreSQL: the real snapshot, the real planner, the real release."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from day_plans import MORNING, claim_all, draft, messages_of, planned, states
from small_world import HOUR, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.plan_sends import Release
from outreach_pipelines.application.stored_objects import ObjectStore
from outreach_pipelines.domain.send_plan.codec import decode_plan


@pytest.fixture
def store(engine: Engine) -> PostgresPlanStore:
    return PostgresPlanStore(engine)


def test_a_day_is_planned_and_released_as_messages_at_their_slots(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    enrolled = {world.enroll(number) for number in range(5)}

    done = planned(store, objects, world)

    assert done.release == Release(made=5, moved=0, kept=0, superseded=0, already=False)
    rows = messages_of(world)
    assert {row["enrollment_id"] for row in rows} == enrolled
    placements = {(e.enrollment_id, e.mailbox_id, e.due_at, e.window_start, e.window_end) for e in done.plan.placements}
    columns = ("enrollment_id", "mailbox_id", "due_at", "window_start", "window_end")
    assert {tuple(row[name] for name in columns) for row in rows} == placements
    assert all(row["not_before"] == row["window_start"] for row in rows)
    assert set(states(world)) == {"planned"}


def test_the_plan_that_was_stored_is_the_plan_that_was_released(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)

    done = planned(store, objects, world)

    assert decode_plan(objects.get(done.files.plan)) == done.plan


def test_a_draft_sends_nothing(store: PostgresPlanStore, engine: Engine, world: SmallWorld) -> None:
    world.enroll(1)

    draft(store, world)

    assert messages_of(world) == []
    assert claim_all(engine, world) == []


def test_releasing_twice_changes_nothing(store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld) -> None:
    world.enroll(1)
    done = planned(store, objects, world)
    before = messages_of(world)

    again = store.release(world.tenant, done.saved.plan_id, "once more")

    assert again.already
    assert messages_of(world) == before


def test_four_releases_at_once_make_each_message_once(store: PostgresPlanStore, world: SmallWorld) -> None:
    for number in range(10):
        world.enroll(number)
    saved = draft(store, world)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: store.release(world.tenant, saved.plan_id, "test"), range(4)))

    assert sorted(each.made for each in done) == [0, 0, 0, 10]
    assert len(messages_of(world)) == 10


def test_planning_twice_on_the_same_facts_saves_one_plan(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    for number in range(3):
        world.enroll(number)

    first, second = planned(store, objects, world), planned(store, objects, world)

    assert (first.saved.new, second.saved.new) == (True, False)
    assert first.saved.plan_id == second.saved.plan_id
    assert second.release is not None
    assert second.release.already
    assert len(messages_of(world)) == 3


def test_a_plan_can_be_made_after_somebody_complained_about_the_last_step(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    enrollment = world.enroll(1)
    world.sql(
        "update app.enrollment set state = 'complained', reason = 'complaint', step = 3, mailbox_id = %(m)s where enrollment_id = %(e)s",
        m=world.mailboxes[0], e=enrollment,
    )  # fmt: skip

    done = planned(store, objects, world)

    assert done.plan.placements == ()
    assert [str(each.bound_by) for each in done.plan.decisions] == ["unsubscribed"]


def test_each_released_message_lies_within_its_recipients_window(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    for number in range(20):
        world.enroll(number)

    planned(store, objects, world)

    starts = MORNING, MORNING + 8 * HOUR
    assert all(starts[0] <= row["due_at"] < starts[1] for row in messages_of(world))  # type: ignore[operator]  # a moment
