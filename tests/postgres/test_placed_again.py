"""A person whom one version of the day leaves out is placed by a later one, on real PostgreSQL."""

import pytest
from planned_world import PlannedWorld
from small_world import SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.reconciliation_store import PostgresReconciliationStore


@pytest.fixture
def planned(world: SmallWorld, engine: Engine, ingest: Engine) -> PlannedWorld:
    return PlannedWorld(world, engine, ingest)


def test_who_was_left_out_between_is_written_to_by_the_plan_that_places_them_again(
    planned: PlannedWorld, engine: Engine
) -> None:
    person, other = planned.enrolled(1), planned.enrolled(2)
    planned.release([person, other])
    left_out = planned.message_of(person)
    planned.release([other])

    planned.release([person, other])

    again = planned.message_of(person)
    assert again != left_out
    assert [planned.world.state(each)["state"] for each in (left_out, again)] == ["superseded", "planned"]
    assert PostgresReconciliationStore(engine).faults(planned.world.tenant) == []


def test_who_was_written_to_before_is_not_placed_again_by_any_plan(planned: PlannedWorld) -> None:
    person, other = planned.enrolled(1), planned.enrolled(2)
    planned.release([person])
    planned.send()
    planned.release([other])

    planned.release([person])

    messages = planned.world.sql("select state from app.message where enrollment_id = %(e)s", e=person)
    assert [row["state"] for row in messages] == ["accepted"]
