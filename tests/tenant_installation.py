"""A database with an object store, filled by the real use cases. Its fixture is in `tenant_fixtures`."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import psycopg
from sqlalchemy import Engine

from outreach_pipelines.adapters.csv_file import CsvLeadFiles, read_table
from outreach_pipelines.adapters.inventory_files import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.enrollment_store import PostgresEnrollmentStore
from outreach_pipelines.adapters.postgres.inventory_store import PostgresInventoryStore
from outreach_pipelines.adapters.postgres.lead_store import PostgresLeadStore
from outreach_pipelines.application.enroll_leads import Enrolled, enroll_leads
from outreach_pipelines.application.import_inventory import (
    FaultyInventory,
    InventorySource,
    SoundInventory,
    TenantApplied,
    import_inventory,
)
from outreach_pipelines.application.import_leads import import_leads
from outreach_pipelines.application.stored_objects import object_key
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.inventory_item import ItemChange
from outreach_pipelines.domain.lead import LawfulBasis, LeadDefaults
from outreach_pipelines.domain.lead_file import ImportSummary
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug

EXAMPLES = Path(__file__).parents[1] / "examples"
KEY = bytes(range(32))
CONSENT = LeadDefaults(LawfulBasis.CONSENT, "form of 2026-10-01", "our web site")


@dataclass(frozen=True, slots=True)
class GivenInventories:
    """`InventorySource` of what a test made."""

    inventories: Mapping[TenantSlug, TenantInventory]

    def tenants(self) -> Sequence[TenantSlug]:
        return sorted(self.inventories)

    def load(self, tenant: TenantSlug) -> SoundInventory | FaultyInventory:
        return SoundInventory(self.inventories[tenant], {})


@dataclass(frozen=True, slots=True)
class Installation:
    """`sql` runs a statement as superuser, past row-level security."""

    app: Engine
    admin: psycopg.Connection[dict[str, object]]
    objects: LocalObjectStore

    def sql(self, statement: str, **values: object) -> list[dict[str, object]]:
        cursor = self.admin.execute(statement, values)  # type: ignore[arg-type]  # statements of the tests
        return cursor.fetchall() if cursor.description else []

    def values(self, statement: str, **values: object) -> list[object]:
        """The first column."""
        return [next(iter(row.values())) for row in self.sql(statement, **values)]

    def tenant(self, slug: str) -> TenantRef:
        (number,) = self.values("select id from app.tenant_directory where slug = %(slug)s", slug=slug)
        return TenantRef(TenantId(int(str(number))), TenantSlug(slug))

    def load(self, source: InventorySource, *, only: Sequence[TenantSlug] | None = None) -> Mapping[str, TenantApplied]:
        store = PostgresInventoryStore(self.app, self.objects)
        outcome = import_inventory(source, store, suppression_key=KEY, only=only)
        return {each.tenant: each for each in outcome.tenants if isinstance(each, TenantApplied)}

    def apply(self, inventory: TenantInventory) -> tuple[TenantRef, Sequence[ItemChange]]:
        slug = inventory.tenant.slug
        changes = self.load(GivenInventories({slug: inventory}))[slug].changes
        return self.tenant(slug), changes

    def upload(self, tenant: TenantRef, name: str, text: str) -> None:
        self.objects.put(object_key(f"uploads/{tenant.slug}/{name}"), text.encode())

    def import_leads(self, tenant: TenantRef) -> ImportSummary:
        """What was uploaded here, on the basis of consent."""
        return import_leads(CsvLeadFiles(self.objects), PostgresLeadStore(self.app, KEY), tenant, defaults=CONSENT)

    def import_examples(self, tenant: TenantRef) -> ImportSummary:
        """The tenant's files of `examples/`, whose rows state their own basis."""
        return import_leads(CsvLeadFiles(LocalObjectStore(EXAMPLES)), PostgresLeadStore(self.app, KEY), tenant)

    def enroll(self, tenant: TenantRef) -> Enrolled:
        return enroll_leads(PostgresEnrollmentStore(self.app), tenant=tenant.id)


@cache
def example(slug: str) -> TenantInventory:
    """A tenant of `examples/`."""
    loaded = InventoryFiles(LocalObjectStore(EXAMPLES), read_table).load(TenantSlug(slug))
    assert isinstance(loaded, SoundInventory)
    return loaded.inventory


def fresh(inventory: TenantInventory) -> TenantInventory:
    """The same under a slug that no other test uses."""
    slug = TenantSlug(f"t{secrets.token_hex(6)}")
    return replace(inventory, tenant=replace(inventory.tenant, slug=slug))
