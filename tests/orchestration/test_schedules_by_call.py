"""Schedules, called as the daemon calls them, over plain stores: which runs they ask for at which moment."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from fakes import Due, Tenants

from assets.partitions import day_key, hour_key
from outreach_pipelines.application.give_out_shares import Decide
from outreach_pipelines.application.plan_sends import PLANNING_HOUR
from outreach_pipelines.definitions import defs
from outreach_pipelines.domain.account_shares import ShareGrant
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.tenant import TenantId, TenantSlug
from schedules.daily_plan import plan_tomorrow
from schedules.hourly_batches import reconcile_last_hour, send_next_hour
from schedules.local_clock import passes
from schedules.maintenance import unused_shares, upkeep
from schedules.nightly import REPORTING_HOUR, audit_dns_every_six_hours, report_yesterday, score_health_every_hour

HOUR = timedelta(hours=1)
# Dagster warns of the tags that it gives to runs of its own multi-dimensional partitions.
OF_DAGSTER = pytest.mark.filterwarnings("ignore:Non-compliant tag keys:DeprecationWarning")
ACME = TenantSlug("acme")
# The change-over nights of 2026 and 2027 (IANA time zone data), and nights of full summer and winter.
NIGHTS = [
    ("Pacific/Auckland", date(2027, 1, 15)),  # +13
    ("Pacific/Auckland", date(2026, 9, 26)),
    ("Pacific/Auckland", date(2027, 4, 3)),
    ("Pacific/Pago_Pago", date(2026, 7, 31)),  # -11
    ("Asia/Kathmandu", date(2026, 12, 31)),  # +5:45
    ("Australia/Adelaide", date(2026, 10, 3)),  # half hours
    ("Europe/London", date(2026, 10, 24)),
    ("Europe/London", date(2027, 3, 27)),
    ("America/New_York", date(2026, 10, 31)),
    ("America/New_York", date(2027, 3, 13)),
    ("Pacific/Easter", date(2026, 9, 5)),  # from 22:00 to 23:00
    ("Pacific/Easter", date(2027, 4, 3)),  # back from 22:00 to 21:00
    ("Africa/Cairo", date(2026, 10, 29)),  # back at midnight
]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", ["acme", "zulu", "t1"])
        yield instance


def requests(schedule: dg.ScheduleDefinition, at: datetime, **resources: object) -> list[dg.RunRequest]:
    """What one tick asks for, unresolved."""
    with dg.build_schedule_context(scheduled_execution_time=at, resources=resources) as context:
        asked = schedule(context)
    return [] if isinstance(asked, dg.SkipReason) else list(asked)  # type: ignore[arg-type]  # a list of requests


def ticks(cron_minute: int, first: date, days: int) -> Iterator[datetime]:
    start = datetime(first.year, first.month, first.day, 0, cron_minute, tzinfo=UTC)
    yield from (start + number * HOUR for number in range(24 * days))


@pytest.mark.parametrize(("zone", "night"), NIGHTS)
@pytest.mark.parametrize(("minute", "hour"), [(5, PLANNING_HOUR), (40, REPORTING_HOUR)])
def test_an_hour_of_the_day_passes_once_a_local_date(zone: str, night: date, minute: int, hour: int) -> None:
    local = [
        at.astimezone(ZoneInfo(zone)) for at in ticks(minute, night - timedelta(days=3), 7) if passes(at, zone, hour)
    ]

    days = [night + timedelta(days=number) for number in (-2, -1, 0, 1, 2)]
    assert [each.date() for each in local if each.date() in days] == days
    assert all(each.hour in (hour, hour + 1) for each in local)


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Pacific/Auckland", date(2027, 1, 15)),
        ("Pacific/Auckland", date(2026, 9, 26)),
        ("Pacific/Pago_Pago", date(2026, 7, 31)),
        ("Asia/Kathmandu", date(2026, 12, 31)),
        ("America/New_York", date(2026, 10, 31)),
        ("Pacific/Easter", date(2026, 9, 5)),
    ],
)
def test_the_next_local_day_is_planned_before_its_midnight(zone: str, night: date) -> None:
    evening = datetime.combine(night, time(21), ZoneInfo(zone)).astimezone(UTC)
    asked = [
        (at.astimezone(ZoneInfo(zone)), request.partition_key)
        for at in (evening.replace(minute=5) + number * HOUR for number in range(4))
        for request in requests(plan_tomorrow, at, tenants=Tenants.in_zones(zone))
    ]

    ((local, key),) = asked
    assert key == day_key(night + timedelta(days=1), TenantSlug("t1"))
    assert local.date() == night


def test_yesterday_is_reported_after_the_tenants_own_midnight() -> None:
    tenants = Tenants.in_zones("Pacific/Auckland", "Etc/UTC", "Pacific/Pago_Pago")

    asked = requests(report_yesterday, datetime(2026, 11, 18, 12, 40, tzinfo=UTC), tenants=tenants)

    # At +13 and at -11 the clock says 01:40, of the 19th and of the 18th; elsewhere it does not.
    assert [request.partition_key for request in asked] == [
        day_key(date(2026, 11, 18), TenantSlug("t1")),
        day_key(date(2026, 11, 17), TenantSlug("t3")),
    ]


@OF_DAGSTER
def test_the_plan_of_the_next_day_is_a_partition_at_that_moment(instance: dg.DagsterInstance) -> None:
    zone = _zone_where_it_is_22()
    resources = {"tenants": Tenants.in_zones(zone)}

    with (
        dg.partition_loading_context(dynamic_partitions_store=instance),
        dg.build_schedule_context(instance, datetime.now(UTC), resources, defs.get_repository_def()) as context,
    ):
        ticked = plan_tomorrow.evaluate_tick(context)

    assert ticked.run_requests is not None
    assert [request.tags["dagster/partition"] for request in ticked.run_requests] == [
        day_key(datetime.now(ZoneInfo(zone)).date() + timedelta(days=1), TenantSlug("t1"))
    ]


def test_only_tenants_with_messages_due_in_the_next_hour_are_asked_to_send() -> None:
    noon = datetime(2026, 11, 18, 12, tzinfo=UTC)
    due = Due(work={noon: ["acme"], noon - HOUR: ["zulu"], noon + HOUR: ["zulu"]})

    asked = requests(send_next_hour, noon - timedelta(minutes=4), due_hours=due)

    assert [request.partition_key for request in asked] == [hour_key(noon, ACME)]
    assert asked[0].tags["outreach/batch_tenant"] == "acme"


def test_the_last_hour_of_a_day_asks_for_the_first_one_of_the_next() -> None:
    midnight = datetime(2026, 12, 31, tzinfo=UTC) + timedelta(days=1)

    asked = requests(send_next_hour, midnight - timedelta(minutes=4), due_hours=Due(work={midnight: ["acme"]}))

    assert [request.partition_key for request in asked] == [hour_key(midnight, ACME)]


@OF_DAGSTER
def test_the_next_hour_is_a_partition_when_its_run_is_asked_for(instance: dg.DagsterInstance) -> None:
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0) + HOUR

    resources = {"due_hours": Due(work={hour: ["acme"]})}
    with (
        dg.partition_loading_context(dynamic_partitions_store=instance),
        dg.build_schedule_context(instance, now, resources, defs.get_repository_def()) as context,
    ):
        ticked = send_next_hour.evaluate_tick(context)

    assert ticked.run_requests is not None
    (request,) = ticked.run_requests
    assert request.tags["dagster/partition"] == hour_key(hour, ACME)


def test_an_hour_is_counted_after_it_has_ended() -> None:
    noon = datetime(2026, 11, 18, 12, tzinfo=UTC)

    asked = requests(reconcile_last_hour, noon + HOUR + timedelta(minutes=15), due_hours=Due(held={noon: ["acme"]}))

    assert [request.partition_key for request in asked] == [hour_key(noon, ACME)]


@pytest.mark.parametrize("schedule", [audit_dns_every_six_hours, score_health_every_hour])
def test_audit_and_health_are_of_the_tenants_own_today(schedule: dg.ScheduleDefinition) -> None:
    late = datetime(2026, 11, 18, 12, 10, tzinfo=UTC)

    asked = requests(schedule, late, tenants=Tenants.in_zones("Pacific/Auckland", "Pacific/Pago_Pago"))

    assert [request.partition_key for request in asked] == [
        day_key(date(2026, 11, 19), TenantSlug("t1")),
        day_key(date(2026, 11, 18), TenantSlug("t2")),
    ]


def test_a_tick_repeated_asks_for_the_same_runs_and_the_next_one_for_others() -> None:
    at, tenants = datetime(2026, 11, 18, 12, 25, tzinfo=UTC), Tenants.in_zones("Etc/UTC")

    keys = [requests(score_health_every_hour, moment, tenants=tenants)[0].run_key for moment in (at, at, at + HOUR)]

    assert keys[0] == keys[1] != keys[2]


def test_partitions_are_made_a_month_ahead() -> None:
    asked: list[int] = []

    class Upkeep:
        def heartbeat(self) -> bool:
            return True

        def ensure_partitions(self, days: int) -> int:
            asked.append(days)
            return 3

    result = upkeep.execute_in_process(resources={"maintenance": Upkeep()})

    assert result.success
    assert asked == [30]


def test_shares_are_given_out_once_a_day_and_told() -> None:
    account, grant = AccountId(7), ShareGrant(TenantId(2), 40, "left unused by tenant 1")

    class Shares:
        def give_out(self, decide: Decide) -> dict[AccountId, list[ShareGrant]]:
            return {account: [grant]}

    with dg.DagsterInstance.ephemeral() as instance:
        result = unused_shares.execute_in_process(instance=instance, resources={"share_store": Shares()})
        told = [entry.user_message for entry in instance.all_logs(result.run_id)]

    assert "account 7, tenant 2: +40 today; left unused by tenant 1" in told


def test_every_schedule_and_sensor_runs_without_being_switched_on() -> None:
    repository = defs.get_repository_def()

    schedules = {each.name: each.default_status for each in repository.schedule_defs}
    sensors = {each.name: each.default_status for each in repository.sensor_defs}

    assert set(schedules.values()) == {dg.DefaultScheduleStatus.RUNNING}
    assert set(sensors.values()) == {dg.DefaultSensorStatus.RUNNING}


def _zone_where_it_is_22() -> str:
    offset = (22 - datetime.now(UTC).hour + 11) % 24 - 11
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/UTC"
