"""Checks that show a decision in the UI. None of them is the gate: that is `plan.status`, which every intent asks.

Each looks over all tenants, so that one of them anywhere turns it red; they also run by the clock (`check_every_hour`).
"""

import dagster as dg

from assets.leads import leads
from assets.send_plans import send_plan
from outreach_pipelines.application.judge_plans import unreleased
from outreach_pipelines.application.plan_sends import PlanStore
from outreach_pipelines.application.ports import Clock
from outreach_pipelines.application.refused_files import LeadFileDigests, RefusalStore, standing_refusals
from outreach_pipelines.application.tenants import TenantDirectory


@dg.asset_check(asset=send_plan, description="Each tenant that may send today has a released plan for its running day.")
def plan_is_released(
    tenants: dg.ResourceParam[TenantDirectory], plans: dg.ResourceParam[PlanStore], clock: dg.ResourceParam[Clock]
) -> dg.AssetCheckResult:
    """Red when a today on which something may go has no plan, or only a draft: silence would look like a quiet day.

    Days on which nobody's window opens, paused tenants, and the first day of a new tenant need no plan.
    """
    now = clock.now()
    missing = [sentence for row in tenants.all() if (sentence := unreleased(plans, row, now=now)) is not None]
    return dg.AssetCheckResult(
        passed=not missing,
        description="; ".join(missing) or "every tenant that may send today has a released plan",
        metadata={"unreleased": listed(missing)},
    )


@dg.asset_check(asset=leads, description="No lead file that lies there was refused whole.")
def lead_files_are_read(
    tenants: dg.ResourceParam[TenantDirectory],
    lead_files: dg.ResourceParam[LeadFileDigests],
    lead_store: dg.ResourceParam[RefusalStore],
) -> dg.AssetCheckResult:
    """A warning for each file that was refused and still lies there as it was; mend it, or take it away."""
    refused = [
        f"uploads/{row.ref.slug}/{each.file.name}, line {each.line}: {each.sentence}"
        for row in tenants.all()
        for each in standing_refusals(lead_files, lead_store, row.ref)
    ]
    return dg.AssetCheckResult(
        passed=not refused,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(refused[:3]) or "every lead file was read",
        metadata={"refused files": listed(refused)},
    )


def listed(sentences: list[str]) -> dg.MetadataValue:
    """One point a sentence."""
    return dg.MetadataValue.md("\n".join(f"- {each}" for each in sentences) or "none")


CHECKS = [plan_is_released, lead_files_are_read]
