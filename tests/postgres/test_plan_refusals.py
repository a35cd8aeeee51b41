"""Plans that are not released, on real PostgreSQL: days that are over, blockers, plans of others or overtaken."""

from datetime import timedelta

import pytest
from day_plans import DAY, draft, messages_of, planned, statuses
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.stored_objects import ObjectStore
from outreach_pipelines.domain.message import PlanId
from outreach_pipelines.errors import NotFound, Refused


@pytest.fixture
def store(engine: Engine) -> PostgresPlanStore:
    return PostgresPlanStore(engine)


def test_a_past_day_gets_decisions_and_no_messages(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    world.at(NOON + timedelta(days=2))

    done = planned(store, objects, world)

    assert done.release is None
    assert done.blockers == ("the day is over: this plan is for reading",)
    assert messages_of(world) == []
    (row,) = store.plans(world.tenant, DAY)
    assert (row.status, row.placed, row.not_placed_by) == ("hindsight", 0, {"past_day": 1})


def test_a_past_day_without_candidates_is_released_no_more_than_one_with_them(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.at(NOON + timedelta(days=2))

    assert planned(store, objects, world).blockers == ("the day is over: this plan is for reading",)


def test_the_database_itself_refuses_to_release_a_day_that_is_over(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.enroll(1)
    saved = draft(store, world)
    world.at(NOON + timedelta(days=1, hours=12))

    with pytest.raises(Refused, match="2026-11-19 is over"):
        store.release(world.tenant, saved.plan_id, "test")


def test_a_day_is_over_by_the_tenants_own_calendar(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.sql("update app.tenant set zone = 'Pacific/Kiritimati' where tenant_id = %(t)s", t=world.tenant)
    world.at(NOON + timedelta(hours=22))  # ten o'clock of the 19th in London, midnight of the 20th there

    assert planned(store, objects, world).blockers == ("the day is over: this plan is for reading",)


def test_a_plan_of_another_tenant_or_of_nobody_is_not_found(store: PostgresPlanStore, world: SmallWorld) -> None:
    with pytest.raises(NotFound):
        store.release(world.tenant, PlanId(10**9), "test")


def test_only_the_newest_version_of_a_day_may_be_released(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.enroll(1)
    first = draft(store, world)
    world.enroll(2)
    draft(store, world)

    with pytest.raises(Refused, match="newer version"):
        store.release(world.tenant, first.plan_id, "test")


def test_facts_that_change_and_change_back_while_the_plan_is_blocked_give_a_plan_that_may_be_released(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    enrollment = world.enroll(1)
    draft(store, world)
    world.sql(
        "update app.enrollment set due_day = %(d)s where enrollment_id = %(e)s", d=DAY + timedelta(days=7), e=enrollment
    )
    draft(store, world)
    world.sql("update app.enrollment set due_day = null where enrollment_id = %(e)s", e=enrollment)

    done = planned(store, objects, world)

    assert (done.saved.version, done.saved.new) == (3, True)
    assert done.release is not None
    assert done.release.made == 1


@pytest.mark.parametrize(
    ("change", "blocker"),
    [
        ("update app.tenant set state = 'paused', pause_reason = 'test' where tenant_id = %(t)s", "the tenant is paused"),
        ("update app.domain_account set state = 'not_ready', definite_state = 'not_ready' where tenant_id = %(t)s", "no sending domain is ready for any account"),
    ],
)  # fmt: skip
def test_a_blocker_keeps_the_plan_a_draft_and_is_told(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld, change: str, blocker: str
) -> None:
    world.enroll(1)
    world.sql(change, t=world.tenant)

    done = planned(store, objects, world)

    assert (done.release, done.blockers) == (None, (blocker,))
    assert statuses(store, world) == [(1, "draft")]
    assert messages_of(world) == []


def test_a_campaign_paused_after_planning_blocks_the_release(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.enroll(1)
    saved = draft(store, world)
    world.sql("update app.campaign set state = 'paused' where tenant_id = %(t)s", t=world.tenant)

    assert store.blockers(world.tenant, saved.plan_id) == ["the plan places messages of campaign c, which is paused"]


def test_a_campaign_that_was_paused_before_planning_places_nothing_and_blocks_nothing(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    world.enroll(1)
    world.sql("update app.campaign set state = 'paused' where tenant_id = %(t)s", t=world.tenant)

    saved = draft(store, world)

    assert store.blockers(world.tenant, saved.plan_id) == []


def test_no_tenant_sees_the_plans_of_another(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld, new_world: NewWorld
) -> None:
    other = new_world()
    world.enroll(1)
    done = planned(store, objects, world)

    assert store.plans(other.tenant, DAY) == []
    with pytest.raises(NotFound):
        store.release(other.tenant, done.saved.plan_id, "test")
