"""Whether all is accounted for, and how each day went."""

import dagster as dg

from assets.feeds import delivery_events, replies
from assets.partitions import HOURS_OF_DAY, SAME_TENANT, TENANT_DAYS, TENANT_HOURS, TENANTS, tenant_days, tenant_hours
from assets.report_table import RATE_OF, report_table
from assets.send_batches import send_batch
from assets.tenants import tenant_of
from outreach_pipelines.application.reconcile import ReconciledHour, ReconciliationStore, reconcile
from outreach_pipelines.application.reply_page.present import PresentedReplies, present_replies
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.application.tend_replies import ReplyDesk
from outreach_pipelines.application.write_reports import ReportKind, ReportRow, ReportStore, write_report
from outreach_pipelines.domain.tenant import TenantRef, TenantSlug


@dg.asset(
    partitions_def=TENANT_HOURS,
    group_name="analytics",
    kinds={"postgres"},
    owners=["team:operations"],
    deps=[send_batch, dg.AssetDep(delivery_events, partition_mapping=SAME_TENANT)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def reconciliation(
    context: dg.AssetExecutionContext,
    tenants: dg.ResourceParam[TenantDirectory],
    reconciliations: dg.ResourceParam[ReconciliationStore],
) -> None:
    """Whether every message placed in an hour is accounted for, counted anew from rows of three tables.

    placed = accepted + failed + suppressed + expired + cancelled + superseded + unknown + open
    """
    for key, slug, hour in tenant_hours(context.partition_keys):
        context.add_asset_metadata(
            _counts(reconcile(reconciliations, tenant=tenant_of(tenants, slug), hour=hour)), partition_key=key
        )


@dg.asset_check(
    asset=reconciliation,
    blocking=False,
    description="The identity holds for each of the last 72 hours, and no doubt is older than two hours.",
)
def nothing_is_lost(
    tenants: dg.ResourceParam[TenantDirectory], reconciliations: dg.ResourceParam[ReconciliationStore]
) -> dg.AssetCheckResult:
    """Counts over all tenants, so that one broken hour anywhere turns the check red."""
    wrong = [f"{row.ref.slug}: {sentence}" for row in tenants.all() for sentence in reconciliations.faults(row.ref.id)]
    return dg.AssetCheckResult(
        passed=not wrong,
        description="; ".join(wrong[:3]) or "all hours balance, and no doubt is old",
        metadata={
            "faults": len(wrong),
            "first faults": dg.MetadataValue.md("\n".join(f"- {each}" for each in wrong[:20]) or "none"),
        },
    )


def _counts(hour: ReconciledHour) -> dict[str, dg.MetadataValue | int | str]:
    return {
        **hour.counts,
        "balanced": "yes" if hour.difference == 0 else f"no: off by {hour.difference}",
        "faults": dg.MetadataValue.md("\n".join(f"- {fault}" for fault in hour.faults) or "none"),
    }


def _report_asset(kind: ReportKind, description: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=kind.asset_name,
        partitions_def=TENANT_DAYS,
        group_name="analytics",
        kinds={"postgres"},
        owners=["team:operations"],
        description=description,
        deps=[
            dg.AssetDep(reconciliation, partition_mapping=HOURS_OF_DAY),
            dg.AssetDep(delivery_events, partition_mapping=SAME_TENANT),
            dg.AssetDep(replies, partition_mapping=SAME_TENANT),
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def report(
        context: dg.AssetExecutionContext,
        tenants: dg.ResourceParam[TenantDirectory],
        reports: dg.ResourceParam[ReportStore],
    ) -> None:
        for key, slug, day in tenant_days(context.partition_keys):
            rows = write_report(reports, tenant=tenant_of(tenants, slug), day=day, kind=kind)
            context.add_asset_metadata(_report_metadata(rows), partition_key=key)

    return report


def _report_metadata(rows: tuple[ReportRow, ...]) -> dict[str, dg.MetadataValue | int | float]:
    columns = dict.fromkeys(name for row in rows for name in row.numbers)
    totals = {
        name: float(sum(row.numbers.get(name, 0) for row in rows))
        for name in columns
        if name not in RATE_OF and " per " not in name
    }
    return {"rows": len(rows), **totals, "table": report_table(rows)}


deliverability_report = _report_asset(
    ReportKind.DELIVERABILITY,
    "Sends, deliveries, bounces by class and complaints of the tenant's day, per sending domain and recipient provider.",
)
campaign_performance = _report_asset(
    ReportKind.CAMPAIGN_PERFORMANCE,
    "Sends, replies, unsubscribes and bounces of the day per campaign, step and variant.",
)
cost_report = _report_asset(ReportKind.COST, "What the day cost by provider account, and per reply.")


@dg.asset(
    partitions_def=TENANTS,
    group_name="analytics",
    kinds={"postgres"},
    owners=["team:operations"],
    deps=[replies],
)
def reply_page(
    context: dg.AssetExecutionContext,
    tenants: dg.ResourceParam[TenantDirectory],
    reply_desk: dg.ResourceParam[ReplyDesk],
) -> dg.MaterializeResult[None]:
    """The tenant's replies as one page: intent, thread, who answers, what waits for a verdict.

    The sensor reply_watch writes it too, whenever something changes.
    """
    slug = TenantSlug(context.partition_key)
    shown = present_replies(reply_desk.threads, tenant=TenantRef(tenant_of(tenants, slug), slug))
    return dg.MaterializeResult(metadata=reply_page_metadata(shown))


def reply_page_metadata(shown: PresentedReplies) -> dict[str, dg.MetadataValue | int]:
    """The page's place, and its headlines; no person's data."""
    intents = {f"intent {name}": count for name, count in sorted(shown.by_intent.items())}
    return {
        "page": dg.MetadataValue.path(shown.page),
        "replies": shown.replies,
        "open": shown.open,
        "waiting for a verdict": shown.to_review,
        **intents,
    }
