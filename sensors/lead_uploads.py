"""Files as they come: inventories to load, lead files to observe and import.

The cursor is the list of what was seen, hashed; it moves only after the requests are given.
"""

import hashlib
from collections.abc import Iterable

import dagster as dg

from assets.inventory import lead_uploads, tenant_inventory
from assets.leads import leads
from assets.partitions import LEAD_FILES, TENANTS
from outreach_pipelines.application.stored_objects import ObjectInfo, ObjectStore
from schedules.jobs import import_new_leads, load_inventory


@dg.sensor(job=load_inventory, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def inventory_files_changed(
    context: dg.SensorEvaluationContext, objects: dg.ResourceParam[ObjectStore]
) -> dg.SensorResult:
    """A tenant for each folder of the inventory; its run when any of its files, or a template, has changed."""
    templates = _fingerprint(objects.list("templates/"))
    by_tenant: dict[str, list[ObjectInfo]] = {}
    for info in objects.list("inventory/"):
        by_tenant.setdefault(info.key.split("/")[1], []).append(info)
    seen = {tenant: f"{_fingerprint(infos)}{templates}" for tenant, infos in sorted(by_tenant.items())}
    known = dict(line.split("=", 1) for line in (context.cursor or "").splitlines())
    new = [tenant for tenant in seen if not context.instance.has_dynamic_partition("tenants", tenant)]
    requests = [
        dg.RunRequest(
            partition_key=tenant, run_key=f"inventory|{tenant}|{print_}", asset_selection=[tenant_inventory.key]
        )
        for tenant, print_ in seen.items()
        if known.get(tenant) != print_
    ]
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[TENANTS.build_add_request(new)] if new else [],
        cursor="\n".join(f"{tenant}={print_}" for tenant, print_ in seen.items()),
    )


@dg.sensor(job=import_new_leads, minimum_interval_seconds=20, default_status=dg.DefaultSensorStatus.RUNNING)
def lead_files_uploaded(context: dg.SensorEvaluationContext, objects: dg.ResourceParam[ObjectStore]) -> dg.SensorResult:
    """Observes each new or changed file, and requests an import for its tenant once the tenant is known."""
    files = {
        info.key: info for info in objects.list("uploads/") if info.key.endswith(".csv") and info.key.count("/") == 2
    }
    known = dict(line.rsplit("=", 1) for line in (context.cursor or "").splitlines())
    tenants = set(context.instance.get_dynamic_partitions("tenants"))
    changed = [info for key, info in sorted(files.items()) if known.get(key) != info.etag and _tenant(info) in tenants]
    kept = {key: known[key] for key in files if key in known} | {info.key: info.etag for info in changed}
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                partition_key=tenant,
                run_key=f"leads|{tenant}|{_fingerprint(info for info in changed if _tenant(info) == tenant)}",
                asset_selection=[leads.key],
            )
            for tenant in sorted({_tenant(info) for info in changed})
        ],
        asset_events=[_observation(info) for info in changed],
        dynamic_partitions_requests=[LEAD_FILES.build_add_request([info.key for info in changed])] if changed else [],
        cursor="\n".join(f"{key}={etag}" for key, etag in kept.items()),
    )


def _observation(info: ObjectInfo) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        lead_uploads.key,
        partition=info.key,
        metadata={"bytes": info.size, "etag": info.etag},
        tags={"dagster/data_version": info.etag},
    )


def _tenant(info: ObjectInfo) -> str:
    return info.key.split("/")[1]


def _fingerprint(infos: Iterable[ObjectInfo]) -> str:
    lines = "\n".join(sorted(f"{info.key} {info.etag}" for info in infos))
    return hashlib.blake2b(lines.encode(), digest_size=8).hexdigest()
