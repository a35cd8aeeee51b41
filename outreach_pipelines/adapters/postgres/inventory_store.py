"""What inventories were applied, on PostgreSQL.

Belongs here: the transaction, the texts that must be kept before it, the suppressions. Does not: which rows a part
becomes (`inventory_rows`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from outreach_pipelines.adapters.postgres.copying import copy_rows
from outreach_pipelines.adapters.postgres.inventory_rows import ChangedParts
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.adapters.templates import attachment_key, template_key
from outreach_pipelines.application.stored_objects import ObjectStore
from outreach_pipelines.domain.address import Address
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.inventory_item import ItemChange, ItemDigest, ItemKey, ItemKind
from outreach_pipelines.domain.suppression import ListedSuppression, Suppression
from outreach_pipelines.domain.tenant import TenantId, TenantSlug

_SQL = statements("inventory")
_STAGE = ("subject", "subject_hmac", "kind", "source", "since")


@dataclass(frozen=True, slots=True)
class PostgresInventoryStore:
    """`InventoryStore` as role outreach_app. What the files say of a mailbox or campaign wins over its row."""

    engine: Engine
    objects: ObjectStore

    def known(self, tenant: TenantSlug) -> Mapping[ItemKey, ItemDigest]:
        """See `InventoryStore.known`."""
        number = self._number(tenant)
        if number is None:
            return {}
        with tenant_session(self.engine, number) as connection:
            rows = connection.execute(_SQL["known_items"]).all()
        return {ItemKey(ItemKind(row.kind), row.name): ItemDigest(row.digest) for row in rows}

    def apply(
        self, inventory: TenantInventory, changes: Sequence[ItemChange], suppressions: Sequence[Suppression]
    ) -> None:
        """See `InventoryStore.apply`. A text is in the object store before a row names it."""
        changed = ChangedParts(inventory, changes)
        for template in changed.templates:
            self.objects.put(template_key(template.digest), template.body.encode(), only_if_absent=True)
        for file in changed.attachments:
            self.objects.put(attachment_key(file.sha256), file.body, only_if_absent=True)
        with tenant_session(self.engine, self._number_made(inventory.tenant.slug)) as connection:
            connection.execute(_SQL["lock"])
            for statement, rows in changed.writes():
                if rows:
                    connection.execute(_SQL[statement], rows)
            if changed.has(ItemKind.SUPPRESSIONS) and suppressions:
                _suppress(connection, inventory.suppressions, suppressions)

    def _number(self, slug: TenantSlug) -> TenantId | None:
        with self.engine.connect() as connection:
            found = connection.execute(_SQL["tenant_id"], {"slug": slug}).scalar_one_or_none()
        return None if found is None else TenantId(found)

    def _number_made(self, slug: TenantSlug) -> TenantId:
        found = self._number(slug)
        if found is None:
            with self.engine.begin() as connection:
                connection.execute(_SQL["add_to_directory"], {"slug": slug})
                found = TenantId(connection.execute(_SQL["tenant_id"], {"slug": slug}).scalar_one())
        return found


def _suppress(connection: Connection, listed: Sequence[ListedSuppression], hashed: Sequence[Suppression]) -> None:
    connection.execute(_SQL["stage_suppressions"])
    rows = (_stage_row(*pair) for pair in zip(listed, hashed, strict=True))
    copy_rows(connection, "suppression_stage", _STAGE, rows)
    connection.execute(_SQL["expect_many_rows"])
    connection.execute(_SQL["wait_for_intents"])
    connection.execute(_SQL["insert_suppressions"])
    connection.execute(_SQL["end_suppressed"])


def _stage_row(listed: ListedSuppression, hashed: Suppression) -> tuple[object, ...]:
    subject = "address" if isinstance(listed.subject, Address) else "domain"
    return subject, bytes.fromhex(hashed.subject), hashed.kind.value, hashed.source, hashed.since
