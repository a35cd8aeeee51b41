"""What a tenant sends with, loaded from its inventory files, and the lead files it uploads."""

import dagster as dg

from assets.content_version import set_content_version
from assets.partitions import LEAD_FILES, TENANTS
from outreach_pipelines.application.import_inventory import (
    FaultyInventory,
    InventorySource,
    InventoryStore,
    TenantApplied,
    TenantOutcome,
    import_inventory,
)
from outreach_pipelines.domain.tenant import TenantSlug

# The line a failed run opens with; the page shows all of them.
_SHOWN = 3

lead_uploads = dg.AssetSpec(
    "lead_uploads",
    group_name="intake",
    partitions_def=LEAD_FILES,
    kinds={"csv", "s3"},
    owners=["team:operations"],
    description="Lead files below uploads/TENANT/. The sensor lead_files_uploaded reports each one; nothing here changes a file.",
)


@dg.asset(
    partitions_def=TENANTS,
    group_name="intake",
    kinds={"yaml", "postgres"},
    owners=["team:operations"],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def tenant_inventory(
    context: dg.AssetExecutionContext,
    inventory_files: dg.ResourceParam[InventorySource],
    inventory_store: dg.ResourceParam[InventoryStore],
    address_key: dg.ResourceParam[bytes],
) -> None:
    """Tenant, domains, mailboxes, inboxes and campaigns as their files say. Loading again changes nothing; a faulty tenant keeps its state."""
    wanted = [TenantSlug(key) for key in context.partition_keys]
    outcomes = import_inventory(inventory_files, inventory_store, suppression_key=address_key, only=wanted).tenants
    for outcome in outcomes:
        context.add_asset_metadata(_metadata(outcome), partition_key=outcome.tenant)
    set_content_version(
        context, tenant_inventory.key, [each.content for each in outcomes if isinstance(each, TenantApplied)]
    )
    refused = [str(fault) for outcome in outcomes if isinstance(outcome, FaultyInventory) for fault in outcome.faults]
    if refused:
        raise dg.Failure(
            description="nothing of these tenants was applied: " + _first(refused),
            metadata={"faults": dg.MetadataValue.md("\n".join(f"- {fault}" for fault in refused))},
        )


def _first(refused: list[str]) -> str:
    more = len(refused) - _SHOWN
    return "; ".join(refused[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _metadata(outcome: TenantOutcome) -> dict[str, dg.MetadataValue | int]:
    if isinstance(outcome, FaultyInventory):
        return {"faults": len(outcome.faults)}
    rows = [
        dg.TableRecord({"part": change.item.kind.value, "name": change.item.name, "change": change.kind.value})
        for change in outcome.changes
    ]
    table = dg.MetadataValue.table(rows or [dg.TableRecord({"part": "-", "name": "-", "change": "no change"})])
    return {"changes": len(outcome.changes), "warnings": len(outcome.warnings), "what changed": table}
