from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.maintenance import PostgresMaintenance
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.tenant_directory import PostgresTenantDirectory
from outreach_pipelines.application.maintain import sweep_all
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import NotFound


@pytest.fixture
def maintenance(ops: Engine) -> PostgresMaintenance:
    return PostgresMaintenance(ops)


@pytest.fixture
def world(world: SmallWorld) -> Iterator[SmallWorld]:
    yield world
    world.sql("update app.environment set heartbeat_at = clock_timestamp()")


def beat_age(world: SmallWorld) -> timedelta:
    age = world.one("select clock_timestamp() - heartbeat_at as age from app.environment")["age"]
    assert isinstance(age, timedelta)
    return age


def set_beat(world: SmallWorld, ago: timedelta) -> None:
    world.sql("update app.environment set heartbeat_at = clock_timestamp() - %(ago)s", ago=ago)


def test_a_heartbeat_tells_the_guard_that_time_goes_on(maintenance: PostgresMaintenance, world: SmallWorld) -> None:
    set_beat(world, timedelta(hours=5))

    assert maintenance.heartbeat()
    assert beat_age(world) < timedelta(minutes=1)


@pytest.mark.parametrize("ago", [timedelta(hours=73), -timedelta(minutes=1)])
def test_a_clock_that_has_jumped_waits_for_a_person(
    maintenance: PostgresMaintenance, world: SmallWorld, ago: timedelta
) -> None:
    set_beat(world, ago)

    beaten = maintenance.heartbeat()
    stood = beat_age(world)
    maintenance.confirm_clock()

    assert not beaten
    assert abs(stood - ago) < timedelta(minutes=1)
    assert maintenance.heartbeat()


def partitions(world: SmallWorld) -> dict[date, date]:
    """The first day of each partition of messages, and the first day after it."""
    rows = world.sql("select first_day, end_day from app.partition_days('app.message')")
    return {row["first_day"]: row["end_day"] for row in rows}


def test_partitions_of_a_week_are_made_for_as_many_days_as_were_asked_for(
    maintenance: PostgresMaintenance, world: SmallWorld
) -> None:
    monday = date(2027, 3, 1)
    world.at(NOON.replace(year=2027, month=3, day=3))

    maintenance.ensure_partitions(8)

    made = partitions(world)
    assert made[monday] == monday + timedelta(days=7)
    assert made[monday + timedelta(days=7)] == monday + timedelta(days=14)
    assert monday + timedelta(days=14) not in made


def test_partitions_are_made_once_however_many_ask(maintenance: PostgresMaintenance, world: SmallWorld) -> None:
    world.at(NOON.replace(year=2027, month=6, day=9))

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: maintenance.ensure_partitions(3), range(4)))

    # One week, with a partition of messages and one of attempts.
    assert sorted(made) == [0, 0, 0, 2]


def test_a_week_is_made_around_the_days_that_have_partitions(
    maintenance: PostgresMaintenance, world: SmallWorld
) -> None:
    wednesday = date(2027, 8, 4)
    for table in ("message", "send_attempt"):
        world.sql(
            f"create table app.{table}_20270804 partition of app.{table} for values from ('2027-08-04') to ('2027-08-05')"
        )
    world.at(NOON.replace(year=2027, month=8, day=3))

    maintenance.ensure_partitions(4)

    made = partitions(world)
    monday = wednesday - timedelta(days=2)
    assert made[monday] == wednesday
    assert made[wednesday] == wednesday + timedelta(days=1)
    assert made[wednesday + timedelta(days=1)] == monday + timedelta(days=7)


def test_a_new_partition_shows_a_tenant_no_other_tenants_rows(
    world: SmallWorld, maintenance: PostgresMaintenance
) -> None:
    world.at(NOON.replace(year=2027, month=10, day=13))
    maintenance.ensure_partitions(1)

    (flags,) = world.sql(
        "select relrowsecurity as on, relforcerowsecurity as forced from pg_class where relname = 'message_20271011'"
    )

    assert flags == {"on": True, "forced": True}


def test_one_sweep_settles_every_tenants_leases_windows_and_ended_sequences(
    maintenance: PostgresMaintenance,
    messages: PostgresMessageStore,
    ops: Engine,
    world: SmallWorld,
    new_world: NewWorld,
) -> None:
    other = new_world()
    expired = world.message(1, due_at=NOON - timedelta(hours=4))
    stopped = other.message(1)
    other.sql("update app.enrollment set state = 'replied' where tenant_id = %(t)s", t=other.tenant)

    first = sweep_all(maintenance, PostgresTenantDirectory(ops), messages, horizon_seconds=3600)
    second = sweep_all(maintenance, PostgresTenantDirectory(ops), messages, horizon_seconds=3600)

    assert (first.swept, first.clock_ok, second.swept) == (2, True, 0)
    assert (world.state(expired)["reason"], other.state(stopped)["reason"]) == ("window_passed", "enrollment_replied")


def test_what_a_revoked_plan_left_planned_is_cancelled(messages: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)
    world.sql("update app.plan set status = 'revoked' where plan_id = %(p)s", p=world.plan)

    swept = messages.sweep(world.tenant, horizon_seconds=3600)

    assert swept.cancelled == 1
    assert (world.state(message)["state"], world.state(message)["reason"]) == ("cancelled", "plan_revoked")


def test_doubt_of_a_provider_that_tells_nothing_later_ends_as_unknown_after_the_horizon(
    messages: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1, state="in_doubt")
    world.sql(
        """insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, domain_id, tag, begun_policy_at, mailbox_day, outcome, ended_at)
           values (%(t)s, %(day)s, %(m)s, 1, %(a)s, %(b)s, %(d)s, 'tag', %(now)s, %(day)s, 'in_doubt', now())""",
        t=world.tenant, day=NOON.date(), m=message, a=world.account, b=world.mailboxes[0], d=world.domain, now=NOON,
    )  # fmt: skip
    world.sql(
        "update app.message set attempt = 1, state_at = clock_timestamp() - interval '59 minutes' where message_id = %(m)s",
        m=message,
    )

    early = messages.sweep(world.tenant, horizon_seconds=3600)
    late = messages.sweep(world.tenant, horizon_seconds=3500)

    assert (early.given_up, late.given_up) == (0, 1)
    assert world.state(message)["state"] == "unknown"


def test_tenants_are_listed_with_their_zone_and_found_by_name(ops: Engine, world: SmallWorld) -> None:
    directory = PostgresTenantDirectory(ops)
    world.sql("update app.tenant set state = 'paused', pause_reason = 'test' where tenant_id = %(t)s", t=world.tenant)

    (mine,) = [row for row in directory.all() if row.ref.id == world.tenant]

    assert (mine.zone, mine.paused) == ("Etc/UTC", True)
    assert directory.of(mine.ref.slug) == world.tenant
    with pytest.raises(NotFound):
        directory.of(TenantSlug("nobody"))
