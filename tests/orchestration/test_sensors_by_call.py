"""The watchdog of batches, called as the daemon calls it, and the runs it leans on: living, dead, orphaned, ranged."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from fakes import Due, Standing

from assets.partitions import hour_key
from outreach_pipelines.definitions import defs
from outreach_pipelines.domain.tenant import TenantSlug
from schedules.in_process import JobRunner
from schedules.orphans import fail_orphaned_runs
from sensors.attempts import LIVING
from sensors.batch_watchdog import batch_watchdog

HALF_PAST = datetime(2026, 11, 18, 12, 30, tzinfo=UTC)
NOON = HALF_PAST.replace(minute=0)
ACME = TenantSlug("acme")
MADE_LIVING = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
DEAD = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.mark.parametrize("status", DEAD)
def test_a_tenant_whose_run_ended_with_work_left_gets_another_within_the_hour(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    _a_run_of_noon(instance, status)

    (request,) = _watchdog(instance)

    assert request.partition_key == hour_key(NOON, ACME)
    assert request.run_key == f"send|{hour_key(NOON, ACME)}|2"


@pytest.mark.parametrize("status", MADE_LIVING)
def test_a_tenant_whose_run_lives_gets_no_other(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    _a_run_of_noon(instance, dg.DagsterRunStatus.FAILURE)
    _a_run_of_noon(instance, status)

    assert _watchdog(instance) == []


def test_a_run_that_waits_in_the_queue_lives() -> None:
    # An instance without a queue cannot hold one.
    assert dg.DagsterRunStatus.QUEUED in LIVING


def test_each_run_that_dies_is_followed_by_one_under_a_new_key(instance: dg.DagsterInstance) -> None:
    keys = []
    for _ in range(3):
        keys += [request.run_key for request in _watchdog(instance)]
        _a_run_of_noon(instance, dg.DagsterRunStatus.FAILURE)

    assert len(set(keys)) == 3


def test_a_run_of_another_hour_or_tenant_is_no_run_of_this_one(instance: dg.DagsterInstance) -> None:
    _a_run_of_noon(instance, dg.DagsterRunStatus.STARTED, slug=TenantSlug("kiwi"))
    _a_run_of_noon(instance, dg.DagsterRunStatus.STARTED, hour=NOON - timedelta(hours=1))

    assert [request.partition_key for request in _watchdog(instance)] == [hour_key(NOON, ACME)]


def test_a_batch_that_dies_at_once_is_not_started_for_ever(instance: dg.DagsterInstance) -> None:
    for _ in range(20):
        _a_run_of_noon(instance, dg.DagsterRunStatus.FAILURE)

    assert _watchdog(instance) == []


def test_nothing_is_started_in_the_last_minutes_of_the_hour(instance: dg.DagsterInstance) -> None:
    assert _watchdog(instance, NOON + timedelta(minutes=58)) == []


def test_runs_that_ended_with_their_machine_fail_and_free_their_slots(instance: dg.DagsterInstance) -> None:
    left = [_a_run_of_noon(instance, status) for status in (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)]  # fmt: skip
    waiting = _a_run_of_noon(instance, dg.DagsterRunStatus.NOT_STARTED)
    done = _a_run_of_noon(instance, dg.DagsterRunStatus.SUCCESS)

    failed = fail_orphaned_runs(instance, created_before=datetime.now(UTC) + timedelta(seconds=1))

    assert sorted(failed) == sorted(left)
    assert {_status(instance, run) for run in left} == {dg.DagsterRunStatus.FAILURE}
    assert [_status(instance, run) for run in (waiting, done)] == [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.SUCCESS,
    ]


def test_runs_of_the_stack_that_stands_are_no_orphans(instance: dg.DagsterInstance) -> None:
    _a_run_of_noon(instance, dg.DagsterRunStatus.STARTED)

    failed = fail_orphaned_runs(instance, created_before=datetime.now(UTC) - timedelta(minutes=1))

    assert list(failed) == []


def test_a_range_follows_the_order_in_which_tenants_came(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("tenants", ["zulu", "acme", "kiwi"])
    runner = JobRunner(defs, instance)

    keys = [
        runner._span([hour_key(NOON, TenantSlug(slug)) for slug in slugs]) for slugs in (("kiwi", "zulu"), ("acme",))
    ]
    plain = runner._span(["acme", "kiwi", "zulu"])

    assert keys == [
        (hour_key(NOON, TenantSlug("zulu")), hour_key(NOON, TenantSlug("kiwi"))),
        (hour_key(NOON, ACME),) * 2,
    ]
    assert plain == ("zulu", "kiwi")


def _watchdog(instance: dg.DagsterInstance, now: datetime = HALF_PAST) -> list[dg.RunRequest]:
    resources = {"due_hours": Due({NOON: ["acme"]}), "clock": Standing(now)}
    with dg.build_sensor_context(instance, resources=resources, definitions=defs) as context:
        result = batch_watchdog(context)
    return list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []


def _a_run_of_noon(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, *, slug: TenantSlug = ACME, hour: datetime = NOON
) -> str:
    job = defs.resolve_job_def("send_hour")
    tags = {**job.tags, "dagster/partition": hour_key(hour, slug)}
    return instance.create_run_for_job(job, status=status, tags=tags).run_id


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status
