"""Files as they come: inventories to load, lead files to observe and import.

The cursor is what was seen, as fingerprints; it moves only after the requests are given.
"""

import hashlib
from collections.abc import Iterable

import dagster as dg

from assets.inventory import lead_uploads, tenant_inventory
from assets.leads import leads
from assets.partitions import LEAD_FILES, TENANTS
from outreach_pipelines.application.stored_objects import ObjectInfo, ObjectStore
from outreach_pipelines.application.tenants import TenantDirectory
from schedules.jobs import import_new_leads, load_inventory
from sensors.seen_files import SeenFiles


@dg.sensor(job=load_inventory, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def inventory_files_changed(
    context: dg.SensorEvaluationContext, objects: dg.ResourceParam[ObjectStore]
) -> dg.SensorResult:
    """A tenant for each folder of the inventory; its run when any of its files or templates has changed."""
    prints = _inventory_prints(objects)
    known = SeenFiles.read(context.cursor)
    now = known.then(prints)
    new = [tenant for tenant in prints if not context.instance.has_dynamic_partition("tenants", tenant)]
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                partition_key=tenant,
                run_key=f"inventory|{tenant}|{now.changes}|{prints[tenant]}",
                asset_selection=[tenant_inventory.key],
            )
            for tenant in known.changed(prints)
        ],
        dynamic_partitions_requests=[TENANTS.build_add_request(new)] if new else [],
        cursor=now.write(),
    )


@dg.sensor(job=import_new_leads, minimum_interval_seconds=20, default_status=dg.DefaultSensorStatus.RUNNING)
def lead_files_uploaded(
    context: dg.SensorEvaluationContext,
    objects: dg.ResourceParam[ObjectStore],
    tenants: dg.ResourceParam[TenantDirectory],
) -> dg.SensorResult:
    """Observes each new or changed file and requests its tenant's import. Files of a tenant whose inventory is not applied yet wait."""
    known = SeenFiles.read(context.cursor)
    slugs = {row.ref.slug for row in tenants.all()} & set(context.instance.get_dynamic_partitions("tenants"))
    files = {str(info.key): info for info in objects.list("uploads/") if _is_lead_file(info) and _tenant(info) in slugs}
    prints = {key: str(info.etag) for key, info in files.items()}
    now = known.then(prints)
    changed = [info for key, info in sorted(files.items()) if key in known.changed(prints)]
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                partition_key=tenant,
                run_key=f"leads|{tenant}|{now.changes}|{_fingerprint(info for info in changed if _tenant(info) == tenant)}",
                asset_selection=[leads.key],
            )
            for tenant in sorted({_tenant(info) for info in changed})
        ],
        asset_events=[_observation(info) for info in changed],
        dynamic_partitions_requests=[LEAD_FILES.build_add_request([info.key for info in changed])] if changed else [],
        cursor=now.write(),
    )


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


def _observation(info: ObjectInfo) -> dg.AssetObservation:
    return dg.AssetObservation(
        lead_uploads.key,
        partition=info.key,
        metadata={"bytes": info.size, "etag": info.etag},
        tags={"dagster/data_version": info.etag},
    )


def _is_lead_file(info: ObjectInfo) -> bool:
    return info.key.endswith(".csv") and info.key.count("/") == 2


def _tenant(info: ObjectInfo) -> str:
    return info.key.split("/")[1]


def _fingerprint(infos: Iterable[ObjectInfo]) -> str:
    lines = "\n".join(sorted(f"{info.key} {info.etag}" for info in infos))
    return hashlib.blake2b(lines.encode(), digest_size=8).hexdigest()
