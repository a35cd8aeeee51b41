"""Bringing inventories into the store: a tenant whole or not at all, and nothing twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.adapters.inventory_files import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.import_inventory import (
    FaultyInventory,
    InventoryFault,
    SoundInventory,
    TenantApplied,
    import_inventory,
)
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.inventory_item import ChangeKind, ItemChange, ItemDigest, ItemKey, ItemKind
from outreach_pipelines.domain.suppression import Suppression
from outreach_pipelines.domain.tenant import TenantSlug

EXAMPLES = Path(__file__).parents[2] / "examples"
KEY = bytes(range(32))


@dataclass
class GivenInventories:
    given: dict[TenantSlug, SoundInventory | FaultyInventory]

    def tenants(self) -> Sequence[TenantSlug]:
        return sorted(self.given)

    def load(self, tenant: TenantSlug) -> SoundInventory | FaultyInventory:
        return self.given[tenant]

    def change(self, tenant: str, **parts: object) -> None:
        sound = self.given[TenantSlug(tenant)]
        assert isinstance(sound, SoundInventory)
        self.given[TenantSlug(tenant)] = replace(sound, inventory=replace(sound.inventory, **parts))  # type: ignore[arg-type]  # parts are named by each test

    def inventory(self, tenant: str) -> TenantInventory:
        sound = self.given[TenantSlug(tenant)]
        assert isinstance(sound, SoundInventory)
        return sound.inventory


@dataclass
class InventoriesInMemory:
    digests: dict[TenantSlug, dict[ItemKey, ItemDigest]] = field(default_factory=dict)
    suppressions: dict[TenantSlug, Sequence[Suppression]] = field(default_factory=dict)
    writes: int = 0

    def known(self, tenant: TenantSlug) -> Mapping[ItemKey, ItemDigest]:
        return self.digests.get(tenant, {})

    def apply(
        self, inventory: TenantInventory, changes: Sequence[ItemChange], suppressions: Sequence[Suppression]
    ) -> None:
        slug = inventory.tenant.slug
        kept = self.digests.setdefault(slug, {})
        for change in changes:
            kept[change.item] = change.digest
            if change.kind is ChangeKind.WITHDRAWN:
                del kept[change.item]
        self.suppressions[slug] = suppressions
        self.writes += 1


@pytest.fixture
def source() -> GivenInventories:
    files = InventoryFiles(LocalObjectStore(EXAMPLES), read_table)
    return GivenInventories({slug: files.load(slug) for slug in files.tenants()})


@pytest.fixture
def store() -> InventoriesInMemory:
    return InventoriesInMemory()


def applied(source: GivenInventories, store: InventoriesInMemory) -> dict[str, TenantApplied]:
    outcome = import_inventory(source, store, suppression_key=KEY)
    return {tenant.tenant: tenant for tenant in outcome.tenants if isinstance(tenant, TenantApplied)}


def test_a_first_import_adds_every_part(source: GivenInventories, store: InventoriesInMemory) -> None:
    acme = applied(source, store)["acme"]

    kinds = [change.item.kind for change in acme.changes]
    assert {change.kind for change in acme.changes} == {ChangeKind.ADDED}
    assert (kinds.count(ItemKind.DOMAIN), kinds.count(ItemKind.MAILBOX), kinds.count(ItemKind.CAMPAIGN)) == (5, 20, 2)


def test_a_second_import_writes_nothing(source: GivenInventories, store: InventoriesInMemory) -> None:
    applied(source, store)

    again = applied(source, store)

    assert [tenant.changes for tenant in again.values()] == [(), (), ()]
    assert store.writes == 3


def test_only_what_changed_is_named(source: GivenInventories, store: InventoriesInMemory) -> None:
    applied(source, store)
    first, second, *others = source.inventory("kiwi").mailboxes
    source.change("kiwi", mailboxes=(replace(first, daily_cap=30), *others))

    kiwi = applied(source, store)["kiwi"]

    assert [(change.item.name, change.kind) for change in kiwi.changes] == [
        (first.address.canonical, ChangeKind.CHANGED),
        (second.address.canonical, ChangeKind.WITHDRAWN),
    ]


def test_a_changed_text_of_a_template_changes_its_campaign(
    source: GivenInventories, store: InventoriesInMemory
) -> None:
    applied(source, store)
    campaign = source.inventory("kiwi").campaigns[0]
    step = campaign.steps[0]
    variant = replace(step.variants[0], text=replace(step.variants[0].text, body="Another text."))
    source.change(
        "kiwi", campaigns=(replace(campaign, steps=(replace(step, variants=(variant,)), *campaign.steps[1:])),)
    )

    kiwi = applied(source, store)["kiwi"]

    assert [(change.item.kind, change.item.name) for change in kiwi.changes] == [(ItemKind.CAMPAIGN, "season-check")]


def test_a_faulty_tenant_keeps_its_state_and_stops_no_other(
    source: GivenInventories, store: InventoriesInMemory
) -> None:
    acme = TenantSlug("acme")
    source.given[acme] = FaultyInventory(acme, (InventoryFault("inventory/acme/tenant.yaml", 3, "zone", "Wrong."),))

    outcome = import_inventory(source, store, suppression_key=KEY)

    assert [refused.tenant for refused in outcome.refused] == ["acme"]
    assert sorted(store.digests) == ["kiwi", "nordwind"]


def test_tenants_at_odds_are_both_refused_with_file_and_line(
    source: GivenInventories, store: InventoriesInMemory
) -> None:
    greedy = replace(source.inventory("nordwind").accounts[0], share=source.inventory("acme").accounts[0].share)
    source.change("nordwind", accounts=(greedy, *source.inventory("nordwind").accounts[1:]))

    outcome = import_inventory(source, store, suppression_key=KEY)

    assert [refused.tenant for refused in outcome.refused] == ["acme", "nordwind"]
    fault = outcome.refused[0].faults[0]
    assert (fault.file, fault.field) == ("inventory/acme/tenant.yaml", "share")
    assert fault.line is not None
    assert sorted(store.digests) == ["kiwi"]


def test_no_suppressed_person_reaches_the_store_in_clear(source: GivenInventories, store: InventoriesInMemory) -> None:
    applied(source, store)

    stored = store.suppressions[TenantSlug("acme")]

    assert len(stored) == 5
    assert "@" not in repr([suppression.subject for suppression in stored])


def test_a_fault_reads_like_a_compilers() -> None:
    assert (
        str(InventoryFault("inventory/acme/tenant.yaml", 3, "zone", "Wrong."))
        == "inventory/acme/tenant.yaml:3: zone: Wrong."
    )
    assert (
        str(InventoryFault("inventory/acme/domains.csv", None, "", "Missing."))
        == "inventory/acme/domains.csv: Missing."
    )
