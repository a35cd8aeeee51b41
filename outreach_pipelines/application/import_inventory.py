"""Bring the tenants' inventories into the store: read, check, compare, apply; a tenant whole or not at all.

What fits together is `domain.inventory_check`'s, what changed `domain.inventory_item`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from outreach_pipelines.domain.address_keys import tenant_address_key
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.inventory_check import Misfit, Severity, misfits_between
from outreach_pipelines.domain.inventory_item import ItemChange, ItemDigest, ItemKey, all_of, changes, digests_of
from outreach_pipelines.domain.suppression import Suppression, hashed
from outreach_pipelines.domain.tenant import TenantSlug


@dataclass(frozen=True, slots=True)
class InventoryFault:
    """`file` as its key in the object store; `line` from 1, `None` for the whole file; `field` may be empty."""

    file: str
    line: int | None
    field: str
    sentence: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.field + ': ' if self.field else ''}{self.sentence}"


@dataclass(frozen=True, slots=True)
class SoundInventory:
    """`places` tells on which line of which file each part stands."""

    inventory: TenantInventory
    places: Mapping[ItemKey, tuple[str, int]]
    warnings: tuple[InventoryFault, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultyInventory:
    """Nothing of this tenant is to be applied. `faults` are all that were found, warnings among them."""

    tenant: TenantSlug
    faults: tuple[InventoryFault, ...]


class InventorySource(Protocol):
    def tenants(self) -> Sequence[TenantSlug]:
        """Every tenant that has a folder, sorted."""
        ...

    def load(self, tenant: TenantSlug) -> SoundInventory | FaultyInventory:
        """Read and check all files of one tenant."""
        ...


class InventoryStore(Protocol):
    def known(self, tenant: TenantSlug) -> Mapping[ItemKey, ItemDigest]:
        """The parts last applied, with their digests, without those withdrawn; empty for a new tenant."""
        ...

    def apply(
        self, inventory: TenantInventory, changes: Sequence[ItemChange], suppressions: Sequence[Suppression]
    ) -> None:
        """One transaction: upsert what was added or changed, retire what was withdrawn, remember the digests.

        `suppressions` are the inventory's own, hashed, in its order. One already there keeps its earlier `since`; none
        is ever taken away by an import.
        """
        ...


@dataclass(frozen=True, slots=True)
class TenantApplied:
    """`changes` is empty when the files say what the store knows. `content` is equal as long as every part is."""

    tenant: TenantSlug
    changes: tuple[ItemChange, ...]
    warnings: tuple[InventoryFault, ...]
    content: str = ""


TenantOutcome = TenantApplied | FaultyInventory


@dataclass(frozen=True, slots=True)
class InventoryImport:
    tenants: tuple[TenantOutcome, ...]

    @property
    def refused(self) -> tuple[FaultyInventory, ...]:
        return tuple(outcome for outcome in self.tenants if isinstance(outcome, FaultyInventory))


def import_inventory(
    source: InventorySource,
    store: InventoryStore,
    *,
    suppression_key: bytes,
    only: Sequence[TenantSlug] | None = None,
) -> InventoryImport:
    """Load, check and apply `only` these tenants, or every one. All are read, since they must fit each other.

    Idempotent; a faulty tenant keeps its former state and stops no other one; one without a folder is faulty.
    `suppression_key` is the installation's, from which each tenant's own is derived (`domain.address_keys`).
    """
    there = source.tenants()
    wanted = frozenset(there if only is None else only)
    loaded = {slug: source.load(slug) for slug in sorted({*there, *wanted})}
    sound = [each for each in loaded.values() if isinstance(each, SoundInventory)]
    between = misfits_between([each.inventory for each in sound])
    settled = (_settled(each, between, store, suppression_key) for slug, each in loaded.items() if slug in wanted)
    return InventoryImport(tuple(settled))


def _settled(
    loaded: SoundInventory | FaultyInventory, between: Sequence[Misfit], store: InventoryStore, key: bytes
) -> TenantOutcome:
    if isinstance(loaded, FaultyInventory):
        return loaded
    faults = located(between, loaded.places)
    if faults:
        return FaultyInventory(loaded.inventory.tenant.slug, (*faults, *loaded.warnings))
    return _applied(loaded, store, key)


def _applied(loaded: SoundInventory, store: InventoryStore, key: bytes) -> TenantApplied:
    inventory = loaded.inventory
    slug = inventory.tenant.slug
    parts = digests_of(inventory)
    found = changes(store.known(slug), parts)
    if found:
        own_key = tenant_address_key(key, slug)
        store.apply(inventory, found, [hashed(listed, own_key) for listed in inventory.suppressions])
    return TenantApplied(slug, tuple(found), loaded.warnings, all_of(parts))


def located(found: Sequence[Misfit], places: Mapping[ItemKey, tuple[str, int]]) -> tuple[InventoryFault, ...]:
    """The misfits of parts that stand in these files, with file and line."""
    return tuple(
        InventoryFault(*places[misfit.item], misfit.field, misfit.sentence, misfit.severity)
        for misfit in found
        if misfit.item in places
    )
