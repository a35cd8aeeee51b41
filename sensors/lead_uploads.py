"""Files as they come: inventories to load, lead files to report and import.

The cursor is what was seen, as fingerprints; it moves only after the requests are given.
"""

import hashlib
from collections.abc import Iterable, Sequence

import dagster as dg

from assets.inventory import lead_uploads, tenant_inventory
from assets.leads import leads
from assets.partitions import LEAD_FILES, TENANTS
from outreach_pipelines.application.import_inventory import FaultyInventory, InventorySource
from outreach_pipelines.application.stored_objects import ObjectInfo, ObjectStore
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.lead_file import is_lead_file
from outreach_pipelines.domain.tenant import TenantSlug
from schedules.jobs import import_new_leads, load_inventory
from sensors.seen_files import SeenFiles
from sensors.watching import watching

_NAMED = 5


@watching(seconds=30, job=load_inventory)
def inventory_files_changed(
    context: dg.SensorEvaluationContext,
    objects: dg.ResourceParam[ObjectStore],
    inventory_files: dg.ResourceParam[InventorySource],
    tenants: dg.ResourceParam[TenantDirectory],
) -> dg.SensorResult:
    """A tenant for each folder of the inventory that can be read, and its run when any of its files or templates has changed."""
    prints = _inventory_prints(objects)
    partitions = set(context.instance.get_dynamic_partitions("tenants"))
    known = {row.ref.slug for row in tenants.all()} | partitions
    # Read again at every look until it is mended: what was never sound is no tenant, and no partition of any asset.
    faults = {slug: said for slug in prints if slug not in known if (said := _faults(inventory_files, slug))}
    sound = {slug: each for slug, each in prints.items() if slug not in faults}
    seen = SeenFiles.read(context.cursor)
    now, changed = seen.then(sound), seen.changed(sound)
    for said in faults.values():
        context.log.warning(said)
    new = [slug for slug in sound if slug not in partitions]
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                partition_key=tenant,
                run_key=f"inventory|{tenant}|{now.changes}|{prints[tenant]}",
                asset_selection=[tenant_inventory.key],
            )
            for tenant in changed
        ],
        skip_reason=None if changed else "; ".join(faults.values()) or "no inventory file or template has changed",
        dynamic_partitions_requests=[TENANTS.build_add_request(new)] if new else [],
        cursor=now.write(),
    )


@watching(seconds=20, job=import_new_leads)
def lead_files_uploaded(
    context: dg.SensorEvaluationContext,
    objects: dg.ResourceParam[ObjectStore],
    tenants: dg.ResourceParam[TenantDirectory],
) -> dg.SensorResult:
    """Reports each new or changed file and requests its tenant's import; files of a tenant whose inventory is not applied yet wait."""
    seen = SeenFiles.read(context.cursor)
    slugs = {row.ref.slug for row in tenants.all()} & set(context.instance.get_dynamic_partitions("tenants"))
    uploaded = list(objects.list("uploads/"))
    files = {str(info.key): info for info in uploaded if _tenant(info) in slugs and is_lead_file(_name(info))}
    left = [info.key for info in uploaded if info.key not in files]
    prints = {key: str(info.etag) for key, info in files.items()}
    now = seen.then(prints)
    changed = [info for key, info in sorted(files.items()) if key in seen.changed(prints)]
    if left:
        context.log.info(_left(left))
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                partition_key=tenant,
                run_key=f"leads|{tenant}|{now.changes}|{_fingerprint(info for info in changed if _tenant(info) == tenant)}",
                asset_selection=[leads.key],
            )
            for tenant in sorted({_tenant(info) for info in changed})
        ],
        skip_reason=None
        if changed
        else "; ".join(["no lead file is new or has changed", *([_left(left)] if left else [])]),
        asset_events=[_uploaded(info) for info in changed],
        dynamic_partitions_requests=[LEAD_FILES.build_add_request([info.key for info in changed])] if changed else [],
        cursor=now.write(),
    )


def _faults(inventory_files: InventorySource, slug: str) -> str:
    loaded = inventory_files.load(TenantSlug(slug))
    if not isinstance(loaded, FaultyInventory):
        return ""
    more = f", and {len(loaded.faults) - 1} more" if len(loaded.faults) > 1 else ""
    return f"{slug} is no tenant until its inventory is mended: {loaded.faults[0]}{more}"


def _left(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return f"left alone, since only uploads/TENANT/*.csv of a known tenant is read: {', '.join(keys[:_NAMED])}{more}"


def _inventory_prints(objects: ObjectStore) -> dict[str, str]:
    by_tenant: dict[str, list[ObjectInfo]] = {}
    for info in objects.list("inventory/"):
        if info.key.count("/") >= 2:
            by_tenant.setdefault(_tenant(info), []).append(info)
    # The tenant's own templates: loading writes copies beside them, by content, and must not ask for a load again.
    return {
        tenant: _fingerprint([*infos, *objects.list(f"templates/{tenant}/")])
        for tenant, infos in sorted(by_tenant.items())
    }


def _uploaded(info: ObjectInfo) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        lead_uploads.key,
        partition=info.key,
        metadata={"bytes": info.size, "etag": info.etag},
        tags={"dagster/data_version": info.etag},
    )


def _name(info: ObjectInfo) -> str:
    return "/".join(info.key.split("/")[2:])


def _tenant(info: ObjectInfo) -> str:
    return info.key.split("/")[1]


def _fingerprint(infos: Iterable[ObjectInfo]) -> str:
    lines = "\n".join(sorted(f"{info.key} {info.etag}" for info in infos))
    return hashlib.blake2b(lines.encode(), digest_size=8).hexdigest()
