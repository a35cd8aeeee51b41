"""Checks that show a decision in the UI. None of them is the gate: that is `plan.status`, which every intent asks."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from assets.send_plans import send_plan
from outreach_pipelines.application.plan_sends import PlanStore
from outreach_pipelines.application.tenants import TenantDirectory


@dg.asset_check(
    asset=send_plan, description="Each tenant has a released plan for its running day, if it has any plan for it."
)
def plan_is_released(
    tenants: dg.ResourceParam[TenantDirectory], plans: dg.ResourceParam[PlanStore]
) -> dg.AssetCheckResult:
    """Red when the newest plan of a tenant's today is a draft: nothing is sent from it, and its blockers say why."""
    drafts = []
    for row in tenants.all():
        newest = next(iter(plans.plans(row.ref.id, _today(row.zone))), None)
        if newest is not None and newest.status != "released":
            drafts.append(f"{row.ref.slug}: version {newest.version} is {newest.status}")
    return dg.AssetCheckResult(
        passed=not drafts,
        metadata={"unreleased": dg.MetadataValue.md("\n".join(f"- {each}" for each in drafts) or "none")},
    )


def _today(zone: str) -> date:
    return datetime.now(UTC).astimezone(ZoneInfo(zone)).date()


CHECKS = [plan_is_released]
