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


def partitions(world: SmallWorld) -> set[str]:
    return {
        str(row["name"])
        for row in world.sql(
            "select relname as name from pg_class where relkind = 'r' and relname ~ '^message_[0-9]{8}$'"
        )
    }


def test_partitions_are_made_from_today_for_as_many_days_as_were_asked_for(
    maintenance: PostgresMaintenance, world: SmallWorld
) -> None:
    world.at(NOON + timedelta(days=100))
    today = NOON.date() + timedelta(days=100)

    maintenance.ensure_partitions(5)

    assert {f"message_{today + timedelta(days=n):%Y%m%d}" for n in range(5)} <= partitions(world)
    assert f"message_{today + timedelta(days=5):%Y%m%d}" not in partitions(world)


def test_partitions_are_made_once_however_many_ask(maintenance: PostgresMaintenance, world: SmallWorld) -> None:
    world.at(NOON + timedelta(days=200))

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: maintenance.ensure_partitions(3), range(4)))

    # Three days and the one before, with a partition of messages and one of attempts each.
    assert sorted(made) == [0, 0, 0, 8]


def test_a_new_partition_shows_a_tenant_no_other_tenants_rows(
    world: SmallWorld, maintenance: PostgresMaintenance
) -> None:
    world.at(NOON + timedelta(days=300))
    maintenance.ensure_partitions(1)

    (flags,) = world.sql(
        "select relrowsecurity as on, relforcerowsecurity as forced from pg_class where relname = %(n)s", n=f"message_{date(2026, 11, 18) + timedelta(days=300):%Y%m%d}"
    )  # fmt: skip

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
