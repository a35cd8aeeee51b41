"""The plan of a tenant's day."""

import dagster as dg

from assets.dns_audit import dns_audit
from assets.leads import leads
from assets.mailbox_health import mailbox_health
from assets.partitions import DAY_BEFORE, SAME_TENANT, TENANT_DAYS, tenant_days
from outreach_pipelines.application.plan_sends import PlannedDay, PlanStore, plan_sends
from outreach_pipelines.application.stored_objects import ObjectStore
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.send_plan.planner import PLANNER_VERSION


@dg.asset(
    partitions_def=TENANT_DAYS,
    group_name="sending",
    kinds={"python", "postgres"},
    owners=["team:operations"],
    code_version=PLANNER_VERSION,
    deps=[
        dg.AssetDep(leads, partition_mapping=SAME_TENANT),
        dg.AssetDep(mailbox_health, partition_mapping=DAY_BEFORE),
        dg.AssetDep(dns_audit, partition_mapping=DAY_BEFORE),
    ],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def send_plan(
    context: dg.AssetExecutionContext,
    tenants: dg.ResourceParam[TenantDirectory],
    plans: dg.ResourceParam[PlanStore],
    objects: dg.ResourceParam[ObjectStore],
) -> None:
    """Who is written to on this day, from which mailbox, at what minute, and why the others are not. Past days get decisions only."""
    for key, slug, day in tenant_days(context.partition_keys):
        planned = plan_sends(plans, objects, tenant=tenants.of(slug), day=day)
        context.add_asset_metadata(_metadata(planned), partition_key=key)


def _metadata(planned: PlannedDay) -> dict[str, dg.MetadataValue | int | str]:
    breakdown = planned.plan.breakdown
    rows = [
        dg.TableRecord({"constraint": each.constraint.value, "candidates": each.candidates})
        for each in breakdown.not_placed
    ]
    return {
        "status": "draft: " + "; ".join(planned.blockers) if planned.release is None else "released",
        "candidates": breakdown.candidates,
        "placed": breakdown.placed,
        "follow-ups placed": breakdown.follow_ups_placed,
        "new leads placed": breakdown.new_leads_placed,
        "not placed": breakdown.candidates - breakdown.placed,
        "why not more": dg.MetadataValue.table(rows or [dg.TableRecord({"constraint": "-", "candidates": 0})]),
        "messages made": planned.release.made if planned.release else 0,
        "plan version": planned.saved.version,
        "plan hash": planned.plan.plan_hash,
        "snapshot hash": planned.plan.snapshot_hash,
        "snapshot": planned.files.snapshot,
        "look closer": dg.MetadataValue.md(
            f"`outreach plan show {planned.plan.day}`, and for one person `outreach explain ADDRESS`"
        ),
    }
