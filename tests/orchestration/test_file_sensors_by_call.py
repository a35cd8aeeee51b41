"""Sensors of files, called as the daemon calls them: what they ask for, and what they remember."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import dagster as dg
import pytest
from fakes import Tenants
from tenant_installation import example

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.import_inventory import FaultyInventory, InventoryFault, SoundInventory
from outreach_pipelines.application.stored_objects import ETag, ObjectInfo, object_key
from outreach_pipelines.definitions import defs
from outreach_pipelines.domain.tenant import TenantSlug
from sensors.lead_uploads import inventory_files_changed, lead_files_uploaded


class TaggedByContent(LocalObjectStore):
    """As Amazon S3 does it (API reference, "Object", ETag): content that comes back has its old tag again."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for info in super().list(prefix):
            yield replace(info, etag=ETag(hashlib.sha256(self.get(info.key)).hexdigest()))


@dataclass(frozen=True)
class Inventories:
    """`InventorySource` in which these are faulty and all others sound."""

    broken: set[str]

    def tenants(self) -> Sequence[TenantSlug]:
        raise AssertionError

    def load(self, tenant: TenantSlug) -> SoundInventory | FaultyInventory:
        fault = InventoryFault(f"inventory/{tenant}/tenant.yaml", 3, "zone", "is no time zone")
        return FaultyInventory(tenant, (fault,)) if tenant in self.broken else SoundInventory(example("acme"), {})


@dataclass
class Watch:
    """One sensor over a folder, tick after tick, with its cursor and the partitions that it asks for."""

    sensor: dg.SensorDefinition
    instance: dg.DagsterInstance
    objects: LocalObjectStore
    tenants: tuple[str, ...] = ("acme",)
    broken: set[str] = field(default_factory=set)
    cursor: str | None = None
    results: list[dg.SensorResult] = field(default_factory=list)

    def tick(self) -> dg.SensorResult:
        resources: dict[str, object] = {
            "objects": self.objects,
            "tenants": Tenants.named(*self.tenants),
            "inventory_files": Inventories(self.broken),
        }
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


def test_a_broken_inventory_of_a_new_tenant_is_told_and_leaves_no_partition(inventory: Watch) -> None:
    inventory.tick()
    inventory.broken.add("newco")
    inventory.put("inventory/newco/tenant.yaml", "zone: Mars/Base")

    broken, still_broken = inventory.tick(), inventory.tick()
    inventory.broken.clear()
    mended = inventory.tick()

    for result in (broken, still_broken):
        assert (asked(result), result.dynamic_partitions_requests) == ([], [])
        assert "newco is no tenant until its inventory is mended: inventory/newco/tenant.yaml:3" in said(result)
    assert asked(mended) == ["newco"]
    assert list(inventory.instance.get_dynamic_partitions("tenants")) == ["acme", "newco"]


def test_a_broken_inventory_of_a_tenant_that_is_there_is_loaded_so_that_its_run_names_the_faults(
    inventory: Watch,
) -> None:
    inventory.tick()
    inventory.broken.add("acme")
    inventory.put("inventory/acme/tenant.yaml", "zone: Mars/Base")

    assert asked(inventory.tick()) == ["acme"]


def test_a_look_that_finds_nothing_new_says_so(inventory: Watch, uploads: Watch) -> None:
    inventory.tick()
    uploads.tick()

    assert said(inventory.tick()) == "no inventory file or template has changed"
    assert said(uploads.tick()) == "no lead file is new or has changed"


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
    assert isinstance(observed, dg.AssetMaterialization)
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
    uploads.put("uploads/nobody/fair.csv", "email\n")

    result = uploads.tick()

    assert list(result.asset_events) == []
    for name in ("uploads/acme/notes.txt", "uploads/acme/old/2025.csv", "uploads/nobody/fair.csv"):
        assert name in said(result)


def test_a_lead_file_is_known_by_its_suffix_in_whatever_case(uploads: Watch) -> None:
    uploads.tick()
    uploads.put("uploads/acme/FAIR.CSV", "email\nbo@example.test\n")

    assert [event.partition for event in uploads.tick().asset_events] == ["uploads/acme/FAIR.CSV"]


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


def said(result: dg.SensorResult) -> str:
    assert result.skip_reason is not None
    return str(result.skip_reason.skip_message)


def _version(event: object) -> str:
    assert isinstance(event, dg.AssetMaterialization)
    return (event.tags or {})["dagster/data_version"]
