"""Sensors, called as the daemon calls them, on an instance of the test's own: what they ask for, and what they remember."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.partitions import hour_key
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.stored_objects import ETag, ObjectInfo, object_key
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.definitions import defs
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug
from schedules.in_process import JobRunner
from schedules.orphans import fail_orphaned_runs
from sensors.batch_watchdog import LIVING, batch_watchdog
from sensors.lead_uploads import inventory_files_changed, lead_files_uploaded

HALF_PAST = datetime(2026, 11, 18, 12, 30, tzinfo=UTC)
NOON = HALF_PAST.replace(minute=0)
ACME = TenantSlug("acme")
MADE_LIVING = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
DEAD = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS]


@dataclass(frozen=True)
class Tenants:
    """`TenantDirectory` of these."""

    slugs: tuple[str, ...]

    def all(self) -> Sequence[TenantRow]:
        return [TenantRow(TenantRef(TenantId(1), TenantSlug(slug)), "Etc/UTC", paused=False) for slug in self.slugs]

    def of(self, slug: TenantSlug) -> TenantId:
        return TenantId(1)


@dataclass(frozen=True)
class Due:
    """`DueHours`: these have work in the hour from noon."""

    slugs: tuple[str, ...] = ("acme",)

    def tenants_due(self, hour: datetime) -> Sequence[TenantRef]:
        return [TenantRef(TenantId(1), TenantSlug(slug)) for slug in self.slugs if hour == NOON]

    def tenants_with_messages(self, hour: datetime) -> Sequence[TenantRef]:
        return []


@dataclass(frozen=True)
class Standing:
    """`Clock` that stands."""

    moment: datetime = HALF_PAST
    stepped: bool = False

    def now(self) -> datetime:
        return self.moment

    async def wait_until(self, moment: datetime, stop: asyncio.Event) -> None:
        """There is nothing to wait for."""


class TaggedByContent(LocalObjectStore):
    """As Amazon S3 does it (API reference, "Object", ETag): content that comes back has its old tag again."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for info in super().list(prefix):
            yield replace(info, etag=ETag(hashlib.sha256(self.get(info.key)).hexdigest()))


@dataclass
class Watch:
    """One sensor over a folder, tick after tick, with its cursor and the partitions that it asks for."""

    sensor: dg.SensorDefinition
    instance: dg.DagsterInstance
    objects: LocalObjectStore
    tenants: tuple[str, ...] = ("acme",)
    cursor: str | None = None
    results: list[dg.SensorResult] = field(default_factory=list)

    def tick(self) -> dg.SensorResult:
        resources: dict[str, object] = {"objects": self.objects, "tenants": Tenants(self.tenants)}
        wanted = {name: resources[name] for name in self.sensor.required_resource_keys}
        with dg.build_sensor_context(self.instance, self.cursor, resources=wanted, definitions=defs) as context:
            result = self.sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
        return result

    def put(self, key: str, text: str) -> None:
        self.objects.put(object_key(key), text.encode())


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def inventory(instance: dg.DagsterInstance, tmp_path: Path) -> Watch:
    watch = Watch(inventory_files_changed, instance, TaggedByContent(tmp_path))
    watch.put("inventory/acme/tenant.yaml", "slug: acme")
    return watch


@pytest.fixture
def uploads(instance: dg.DagsterInstance, tmp_path: Path) -> Watch:
    instance.add_dynamic_partitions("tenants", ["acme"])
    watch = Watch(lead_files_uploaded, instance, LocalObjectStore(tmp_path))
    watch.put("uploads/acme/fair.csv", "email\nada@example.test\n")
    return watch


def asked(result: dg.SensorResult) -> list[str | None]:
    return [request.partition_key for request in result.run_requests or []]


def test_a_new_inventory_makes_its_tenant_and_is_loaded(inventory: Watch) -> None:
    result = inventory.tick()

    assert asked(result) == ["acme"]
    assert list(inventory.instance.get_dynamic_partitions("tenants")) == ["acme"]


def test_an_inventory_that_stands_still_is_not_loaded_again(inventory: Watch) -> None:
    inventory.tick()

    result = inventory.tick()

    assert asked(result) == []
    assert not result.dynamic_partitions_requests


def test_a_changed_file_or_template_loads_its_tenant_alone(inventory: Watch) -> None:
    inventory.put("inventory/kiwi/tenant.yaml", "slug: kiwi")
    inventory.tick()

    inventory.put("inventory/acme/tenant.yaml", "slug: acme # paused")
    after_file = asked(inventory.tick())
    inventory.put("templates/kiwi/first.txt", "Hello")
    after_template = asked(inventory.tick())

    assert (after_file, after_template) == (["acme"], ["kiwi"])


def test_texts_kept_by_content_ask_for_no_load(inventory: Watch) -> None:
    inventory.tick()
    inventory.put(f"templates/by-sha256/{'a' * 64}", "Hello")

    assert asked(inventory.tick()) == []


def test_a_change_taken_back_is_loaded_too(inventory: Watch) -> None:
    keys = []
    for text in ("slug: acme", "slug: acme # changed", "slug: acme", "slug: acme # changed"):
        inventory.put("inventory/acme/tenant.yaml", text)
        keys += [request.run_key for request in inventory.tick().run_requests or []]

    # Dagster starts no second run for a run key: one that comes back would leave the changed inventory in force.
    assert len(set(keys)) == 4


def test_a_tick_that_is_repeated_asks_for_the_same_run(inventory: Watch) -> None:
    before = inventory.cursor
    first = inventory.tick().run_requests or []
    inventory.cursor = before

    again = inventory.tick().run_requests or []

    assert [request.run_key for request in first] == [request.run_key for request in again]


def test_a_file_beside_the_tenants_folders_is_no_tenant(inventory: Watch) -> None:
    inventory.put("inventory/README.md", "How to write an inventory")

    assert asked(inventory.tick()) == ["acme"]


def test_a_new_lead_file_is_observed_once_and_imported(uploads: Watch) -> None:
    first, second = uploads.tick(), uploads.tick()

    assert asked(first) == ["acme"]
    (observed,) = first.asset_events
    assert isinstance(observed, dg.AssetObservation)
    assert (observed.partition, observed.metadata["bytes"].value) == ("uploads/acme/fair.csv", 23)
    assert (asked(second), list(second.asset_events)) == ([], [])


def test_a_changed_lead_file_is_observed_again_under_another_version(uploads: Watch) -> None:
    (first,) = uploads.tick().asset_events
    uploads.put("uploads/acme/fair.csv", "email\nada@example.test\nbo@example.test\n")

    result = uploads.tick()

    (second,) = result.asset_events
    assert asked(result) == ["acme"]
    assert _version(first) != _version(second)


def test_files_of_one_tenant_are_one_import(uploads: Watch) -> None:
    uploads.put("uploads/acme/second.csv", "email\nbo@example.test\n")

    result = uploads.tick()

    assert asked(result) == ["acme"]
    assert len(result.asset_events) == 2


def test_what_is_no_lead_file_is_left_alone(uploads: Watch) -> None:
    uploads.tick()
    uploads.put("uploads/acme/notes.txt", "no leads")
    uploads.put("uploads/acme/old/2025.csv", "email\n")

    assert list(uploads.tick().asset_events) == []


@pytest.mark.parametrize("known_as_partition", [False, True])
def test_a_file_of_a_tenant_whose_inventory_is_not_applied_waits(uploads: Watch, *, known_as_partition: bool) -> None:
    uploads.tick()
    if known_as_partition:
        uploads.instance.add_dynamic_partitions("tenants", ["newco"])
    uploads.put("uploads/newco/first.csv", "email\nada@example.test\n")

    early = uploads.tick()
    uploads.instance.add_dynamic_partitions("tenants", ["newco"])
    uploads.tenants = ("acme", "newco")
    later = uploads.tick()

    assert (asked(early), list(early.asset_events)) == ([], [])
    assert asked(later) == ["newco"]
    assert len(later.asset_events) == 1


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


def _version(event: object) -> str:
    assert isinstance(event, dg.AssetObservation)
    return (event.tags or {})["dagster/data_version"]


def _watchdog(instance: dg.DagsterInstance, now: datetime = HALF_PAST) -> list[dg.RunRequest]:
    resources = {"due_hours": Due(), "clock": Standing(now)}
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
