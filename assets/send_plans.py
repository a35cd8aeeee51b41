"""The plan of a tenant's day."""

from collections.abc import Mapping
from datetime import date
from typing import assert_never

import dagster as dg

from assets.dns_audit import dns_audit
from assets.leads import leads
from assets.mailbox_health import mailbox_health
from assets.partitions import DAY_BEFORE, SAME_TENANT, TENANT_DAYS, tenant_days
from assets.tenants import tenant_of
from outreach_pipelines.application.constraint_words import IN_WORDS
from outreach_pipelines.application.plan_sends import PastDay, PlannedDay, PlanRow, PlanStore, plan_sends
from outreach_pipelines.application.plan_words import forecast_sentences, share_sentence
from outreach_pipelines.application.present_plan import PresentedPlan, present_plan
from outreach_pipelines.application.stored_objects import ObjectStore
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.send_plan.plan import Constraint
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
    """Who is written to on this day, from which mailbox, at what minute, and why the others are not. A past day keeps the plan it had."""
    for key, slug, day in tenant_days(context.partition_keys):
        done = plan_sends(plans, objects, tenant=tenant_of(tenants, slug), day=day)
        context.add_asset_metadata(_metadata(done, objects), partition_key=key)


Metadata = dict[str, dg.MetadataValue | int | str]


def _metadata(done: PlannedDay | PastDay, objects: ObjectStore) -> Metadata:
    match done:
        case PlannedDay():
            return _planned(done) | _presented(present_plan(objects, done.files))
        case PastDay(released):
            return _past(released)
    assert_never(done)


def _past(released: PlanRow) -> Metadata:
    return {
        "status": "released; the day is over, and this is the plan it had",
        "candidates": released.placed + released.not_placed,
        "placed": released.placed,
        "not placed": released.not_placed,
        "why not more": _why_not_more(
            {Constraint(name): count for name, count in released.not_placed_by.items() if name in list(Constraint)}
        ),
        "plan version": released.version,
        "plan hash": released.plan_hash,
        "snapshot hash": released.snapshot_hash,
        "snapshot": released.snapshot_key,
        "look closer": _look_closer(released.day),
    }


def _planned(planned: PlannedDay) -> Metadata:
    breakdown = planned.plan.breakdown
    return {
        "status": ": ".join(filter(None, [planned.status.value, "; ".join(planned.blockers)])),
        "candidates": breakdown.candidates,
        "placed": breakdown.placed,
        "follow-ups placed": breakdown.follow_ups_placed,
        "new leads placed": breakdown.new_leads_placed,
        "not placed": breakdown.candidates - breakdown.placed,
        "why not more": _why_not_more({each.constraint: each.candidates for each in breakdown.not_placed}),
        "messages made": planned.release.made if planned.release else 0,
        "plan version": planned.saved.version,
        "plan hash": planned.plan.plan_hash,
        "snapshot hash": planned.plan.snapshot_hash,
        "snapshot": planned.files.snapshot,
        "look closer": _look_closer(planned.plan.day),
    }


def _presented(presented: PresentedPlan) -> Metadata:
    return {
        "of what is possible": share_sentence(presented.share),
        "forecast": dg.MetadataValue.md(
            "\n".join(f"- {'; '.join(forecast_sentences(p))}" for p in presented.forecasts)
        ),
        "page": dg.MetadataValue.path(presented.page),
    }


def _why_not_more(not_placed: Mapping[Constraint, int]) -> dg.MetadataValue:
    rows = [
        dg.TableRecord({"constraint": constraint.value, "candidates": count, "in words": IN_WORDS[constraint]})
        for constraint, count in not_placed.items()
    ]
    nobody = dg.TableRecord({"constraint": "-", "candidates": 0, "in words": "everybody was placed"})
    return dg.MetadataValue.table(rows or [nobody])


def _look_closer(day: date) -> dg.MetadataValue:
    commands = (f"show {day}", f"page {day} --tenant T", f"why ADDRESS {day}")
    listed = ", ".join(f"`outreach plan {command}`" for command in commands)
    return dg.MetadataValue.md(f"{listed}; all about one person: `outreach explain ADDRESS`")
