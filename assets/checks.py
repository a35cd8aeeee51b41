"""Checks that show a decision in the UI. None of them is the gate: that is `plan.status`, which every intent asks."""

from zoneinfo import ZoneInfo

import dagster as dg

from assets.send_plans import send_plan
from outreach_pipelines.application.plan_sends import PlanStore
from outreach_pipelines.application.ports import Clock
from outreach_pipelines.application.tenants import TenantDirectory


@dg.asset_check(asset=send_plan, description="Each tenant that is not paused has a released plan for its running day.")
def plan_is_released(
    tenants: dg.ResourceParam[TenantDirectory], plans: dg.ResourceParam[PlanStore], clock: dg.ResourceParam[Clock]
) -> dg.AssetCheckResult:
    """Red when a tenant's today has no plan, or only a draft: nothing is sent then, and silence would look like a quiet day."""
    drafts, now = [], clock.now()
    for row in tenants.all():
        today = now.astimezone(ZoneInfo(row.zone)).date()
        newest = next(iter(plans.plans(row.ref.id, today)), None)
        if newest is None and not row.paused:
            drafts.append(f"{row.ref.slug}: no plan for {today}")
        elif newest is not None and newest.status != "released":
            drafts.append(f"{row.ref.slug}: version {newest.version} is {newest.status}")
    return dg.AssetCheckResult(
        passed=not drafts,
        metadata={"unreleased": dg.MetadataValue.md("\n".join(f"- {each}" for each in drafts) or "none")},
    )


CHECKS = [plan_is_released]
