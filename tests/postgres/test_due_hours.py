from collections.abc import Iterator
from datetime import timedelta

import pytest
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.due_hours import PostgresDueHours


@pytest.fixture
def due_hours(ops: Engine) -> PostgresDueHours:
    return PostgresDueHours(ops)


@pytest.fixture
def world(world: SmallWorld) -> Iterator[SmallWorld]:
    yield world
    world.sql("truncate app.message cascade")


def due(due_hours: PostgresDueHours, hours: int = 0) -> list[int]:
    return [ref.id for ref in due_hours.tenants_due(NOON + hours * HOUR)]


def test_a_tenant_has_work_in_the_hour_of_its_message_and_while_its_window_lasts(
    due_hours: PostgresDueHours, world: SmallWorld
) -> None:
    world.message(1, due_at=NOON + timedelta(minutes=30))

    # The window of the message ends three hours after its slot, at half past three.
    assert [due(due_hours, hours) for hours in (-1, 0, 1, 3, 4)] == [
        [],
        [world.tenant],
        [world.tenant],
        [world.tenant],
        [],
    ]


def test_each_tenant_with_work_is_named_once(
    due_hours: PostgresDueHours, world: SmallWorld, new_world: NewWorld
) -> None:
    other = new_world()
    for tenant in (world, other):
        tenant.message(1)
        tenant.message(2)

    assert sorted(due(due_hours)) == sorted([world.tenant, other.tenant])


@pytest.mark.parametrize("state", ["accepted", "failed", "cancelled", "in_doubt"])
def test_messages_that_nobody_may_claim_are_no_work(due_hours: PostgresDueHours, world: SmallWorld, state: str) -> None:
    message = world.message(1)
    world.sql(
        "update app.message set state = %(s)s, reason = 'test', accepted_at = now() where message_id = %(m)s",
        s=state,
        m=message,
    )

    assert due(due_hours) == []
    assert [ref.id for ref in due_hours.tenants_with_messages(NOON)] == [world.tenant]


@pytest.mark.parametrize("status", ["draft", "revoked"])
def test_a_plan_that_is_not_released_gives_no_work(due_hours: PostgresDueHours, world: SmallWorld, status: str) -> None:
    world.message(1)
    world.sql(
        "update app.plan set status = %(s)s, released_at = case %(s)s when 'revoked' then released_at end where plan_id = %(p)s",
        s=status,
        p=world.plan,
    )

    assert due(due_hours) == []


def test_a_message_put_off_to_a_later_hour_is_that_hours_work(due_hours: PostgresDueHours, world: SmallWorld) -> None:
    message = world.message(1)
    world.sql("update app.message set not_before = %(at)s where message_id = %(m)s", at=NOON + HOUR, m=message)

    assert (due(due_hours, 0), due(due_hours, 1)) == ([], [world.tenant])


def test_messages_of_an_hour_are_counted_by_their_slot_alone(due_hours: PostgresDueHours, world: SmallWorld) -> None:
    world.message(1, due_at=NOON + timedelta(minutes=59))

    found = [[ref.id for ref in due_hours.tenants_with_messages(NOON + hours * HOUR)] for hours in (-1, 0, 1)]

    assert found == [[], [world.tenant], []]
