"""Planning a day that is over: what it had stands; what is made in hindsight is for reading and tells nobody's story."""

from datetime import timedelta

import pytest
from day_plans import DAY, planned, statuses
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.postgres.story_reader import PostgresStoryReader
from outreach_pipelines.application.explain import Heading, explain_address
from outreach_pipelines.application.plan_sends import PastDay, plan_sends
from outreach_pipelines.application.stored_objects import ObjectStore
from outreach_pipelines.domain.address import AddressHash
from outreach_pipelines.errors import Refused

AFTERWARDS = NOON + timedelta(days=2)


@pytest.fixture
def store(engine: Engine) -> PostgresPlanStore:
    return PostgresPlanStore(engine)


def plan_chapters(engine: Engine, world: SmallWorld) -> list[str]:
    (row,) = world.sql(
        "select encode(address_hmac, 'hex') as hmac from app.lead where tenant_id = %(t)s", t=world.tenant
    )
    story = explain_address(PostgresStoryReader(engine), world.tenant, AddressHash(str(row["hmac"])))
    return [chapter.sentence for chapter in story.chapters if chapter.heading is Heading.PLAN]


def test_a_past_day_with_a_released_plan_tells_that_one_and_writes_nothing(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    before = planned(store, objects, world)
    world.at(AFTERWARDS)

    done = plan_sends(store, objects, tenant=world.tenant, day=DAY)

    assert isinstance(done, PastDay)
    assert (done.released.version, done.released.plan_hash) == (before.saved.version, before.plan.plan_hash)
    assert statuses(store, world) == [(before.saved.version, "released")]


def test_a_past_day_without_one_is_decided_in_hindsight_which_no_release_takes(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    world.at(AFTERWARDS)

    done = planned(store, objects, world)

    assert (done.release, done.plan.placements) == (None, ())
    assert statuses(store, world) == [(1, "hindsight")]
    with pytest.raises(Refused):
        store.release(world.tenant, done.saved.plan_id, "a test asks for it")


def test_hindsight_repeated_is_one_plan(store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld) -> None:
    world.enroll(1)
    world.at(AFTERWARDS)

    first, second = planned(store, objects, world), planned(store, objects, world)

    assert (first.saved.new, second.saved.new) == (True, False)


def test_the_released_version_is_listed_before_a_newer_draft(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    planned(store, objects, world)
    world.enroll(2)
    world.sql("update app.tenant set state = 'paused', pause_reason = 'x' where tenant_id = %(t)s", t=world.tenant)

    planned(store, objects, world)

    assert statuses(store, world) == [(1, "released"), (2, "draft")]


def test_hindsight_is_no_chapter_of_a_story_and_a_plan_that_was_blocked_is_one(
    store: PostgresPlanStore, objects: ObjectStore, engine: Engine, world: SmallWorld
) -> None:
    world.enroll(1)
    world.sql("update app.tenant set state = 'paused', pause_reason = 'x' where tenant_id = %(t)s", t=world.tenant)
    planned(store, objects, world)
    world.at(AFTERWARDS)
    planned(store, objects, world)

    told = plan_chapters(engine, world)

    assert statuses(store, world) == [(2, "hindsight"), (1, "draft")]
    assert [sentence.partition(":")[0] for sentence in told] == [f"{DAY} version 1 (draft)"]
