"""How each mailbox fares, what it may send today, and what is slowed or stopped."""

import dagster as dg

from assets.dns_audit import dns_audit
from assets.feeds import delivery_events, replies
from assets.partitions import SAME_TENANT, TENANT_DAYS, tenant_days
from assets.tenants import tenant_of
from outreach_pipelines.application.apply_back_off import BackOffStore, apply_back_off
from outreach_pipelines.application.ports import Clock
from outreach_pipelines.application.score_mailboxes import HealthStore, ScoredMailboxes, score_mailboxes
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.mailbox_health import HEALTH_VERSION


@dg.asset(
    partitions_def=TENANT_DAYS,
    group_name="deliverability",
    kinds={"python", "postgres"},
    owners=["team:deliverability"],
    code_version=HEALTH_VERSION,
    deps=[
        dg.AssetDep(delivery_events, partition_mapping=SAME_TENANT),
        dg.AssetDep(replies, partition_mapping=SAME_TENANT),
        dns_audit,
    ],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def mailbox_health(
    context: dg.AssetExecutionContext,
    tenants: dg.ResourceParam[TenantDirectory],
    health: dg.ResourceParam[HealthStore],
    back_off_store: dg.ResourceParam[BackOffStore],
    clock: dg.ResourceParam[Clock],
) -> None:
    """A score from 0 to 100 with its parts, today's cap on the ramp, and the holds that evidence asks for. Past days are recomputed as of then."""
    for key, slug, day in tenant_days(context.partition_keys):
        tenant = tenant_of(tenants, slug)
        scored = score_mailboxes(health, tenant=tenant, day=day)
        holds = apply_back_off(back_off_store, tenant=tenant, now=clock.now())
        context.add_asset_metadata(_metadata(scored) | {"holds in force": holds.in_force}, partition_key=key)


def _metadata(scored: ScoredMailboxes) -> dict[str, dg.MetadataValue | int | float]:
    rows = [
        dg.TableRecord(
            {
                "mailbox": each.address,
                "health": each.total,
                "cap today": each.cap_today,
                "stage": each.stage,
                "weakest part": each.weakest,
            }
        )
        for each in sorted(scored.mailboxes, key=lambda each: each.total)
    ]
    totals = [each.total for each in scored.mailboxes]
    return {
        "mailboxes": len(totals),
        "lowest health": min(totals, default=0),
        "mean health": sum(totals) / len(totals) if totals else 0.0,
        "capacity today": sum(each.cap_today for each in scored.mailboxes),
        "mailboxes by health": dg.MetadataValue.table(
            rows[:200]
            or [dg.TableRecord({"mailbox": "-", "health": 0, "cap today": 0, "stage": "-", "weakest part": "-"})]
        ),
    }
