"""A model is not the SQL: the same schedules, through the production stores on real PostgreSQL."""

from collections.abc import Iterator
from functools import partial

import pytest

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls
from outreach_pipelines.proof.memory_system import found_in_memory
from outreach_pipelines.proof.postgres_system import found_in_postgres
from outreach_pipelines.proof.runner import run_chunk, tell_failure
from outreach_pipelines.proof.schedule import Placement, Schedule
from outreach_pipelines.proof.virtual_database import VirtualDatabase, virtual_database
from outreach_pipelines.proof.world import Founding, live

SCHEDULES = 200


@pytest.fixture(scope="module")
def database(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[VirtualDatabase]:
    database = virtual_database(outreach_admin_url, outreach_database)
    yield database
    database.app.dispose()
    database.ingest.dispose()


@pytest.fixture(scope="module")
def found(database: VirtualDatabase) -> Founding:
    return partial(found_in_postgres, database)


def test_no_schedule_breaks_a_promise_on_real_postgresql(found: Founding) -> None:
    lived = run_chunk(range(SCHEDULES), found)

    assert lived.failing == [], tell_failure(lived.failing[0], found)


def test_a_calm_hour_is_the_same_in_memory_and_in_postgresql(found: Founding) -> None:
    placements = tuple(Placement(0, 30.0 * each, 3600.0, follow_up=each > 1) for each in range(4))
    calm = Schedule(1, placements, 1, 40, 120.0, "ses", 0.0, (0.0, 60.0), ())

    in_memory, in_postgres = (live(calm, each) for each in (found_in_memory, found))

    assert [each.state for each in in_postgres.messages] == [each.state for each in in_memory.messages]
    assert [each.recipient for each in in_postgres.journal.taken] == [
        each.recipient for each in in_memory.journal.taken
    ]
