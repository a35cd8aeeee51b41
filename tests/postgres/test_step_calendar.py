from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from send_steps import claim
from small_world import NOON, SmallWorld, build_world
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.step_calendar import StepCalendar
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.domain.letter import Letter

WEDNESDAY = NOON
MONDAY_AFTER, TUESDAY_AFTER = date(2026, 11, 23), date(2026, 11, 24)


@pytest.fixture
def world(outreach_admin_url: str) -> Iterator[SmallWorld]:
    made = build_world(outreach_admin_url)
    yield made
    made.admin.close()


@pytest.fixture
def engine(outreach_database: DatabaseUrls) -> Iterator[Engine]:
    made = connect(outreach_database[Role.APP])
    yield made
    made.dispose()


def letter(engine: Engine, world: SmallWorld) -> Letter:
    world.message(1)
    (found,) = claim(PostgresMessageStore(engine), world)
    return found


def test_the_next_step_is_due_after_its_business_days(engine: Engine, world: SmallWorld) -> None:
    assert StepCalendar(engine)(letter(engine, world), WEDNESDAY) == MONDAY_AFTER


def test_acceptances_of_two_days_have_next_days_of_their_own(engine: Engine, world: SmallWorld) -> None:
    first, calendar = letter(engine, world), StepCalendar(engine)

    assert calendar(first, WEDNESDAY) == MONDAY_AFTER
    assert calendar(first, WEDNESDAY + timedelta(days=1)) == TUESDAY_AFTER


def test_a_change_of_a_campaigns_delays_is_seen_once_what_was_read_is_old(engine: Engine, world: SmallWorld) -> None:
    first = letter(engine, world)
    calendar, forgetful = StepCalendar(engine), StepCalendar(engine, known_seconds=0)
    before = calendar(first, WEDNESDAY), forgetful(first, WEDNESDAY)

    world.sql(
        "update app.campaign_step set delay_business_days = 4 where tenant_id = %(t)s and step = 2", t=world.tenant
    )

    assert before == (MONDAY_AFTER, MONDAY_AFTER)
    assert (calendar(first, WEDNESDAY), forgetful(first, WEDNESDAY)) == (MONDAY_AFTER, TUESDAY_AFTER)
