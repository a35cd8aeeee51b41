"""What receivers report of mail in the tenants' names, and whether one of our streams fails alignment."""

from datetime import timedelta

import dagster as dg

from assets.inventory import tenant_inventory
from assets.partitions import SAME_TENANT, TENANT_DAYS, tenant_days
from assets.tenants import tenant_of
from outreach_pipelines.application.ingest_mail_reports import (
    IngestedReports,
    MailReportStore,
    ReportFiles,
    ingest_mail_reports,
)
from outreach_pipelines.application.ports import Clock
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.tenant import TenantRef

JUDGED_DAYS = 14


@dg.asset(
    partitions_def=TENANT_DAYS,
    group_name="deliverability",
    kinds={"postgres"},
    owners=["team:deliverability"],
    deps=[dg.AssetDep(tenant_inventory, partition_mapping=SAME_TENANT)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def mail_reports(
    context: dg.AssetExecutionContext,
    tenants: dg.ResourceParam[TenantDirectory],
    mail_report_files: dg.ResourceParam[ReportFiles],
    mail_report_store: dg.ResourceParam[MailReportStore],
) -> None:
    """DMARC aggregate and SMTP TLS reports under mail-reports/TENANT/, each once, counted by day, domain and stream."""
    for key, slug, _ in tenant_days(context.partition_keys):
        tenant = TenantRef(tenant_of(tenants, slug), slug)
        done = ingest_mail_reports(mail_report_files, mail_report_store, tenant)
        context.add_asset_metadata(_metadata(done), partition_key=key)


@dg.asset_check(asset=mail_reports, description="No stream of ours fails alignment.")
def our_streams_are_aligned(
    tenants: dg.ResourceParam[TenantDirectory],
    mail_report_store: dg.ResourceParam[MailReportStore],
    clock: dg.ResourceParam[Clock],
) -> dg.AssetCheckResult:
    """A warning for each domain and account whose mail receivers saw without an aligned pass in the last two weeks."""
    today = clock.now().date()
    faults = [
        f"{row.ref.slug}: {fault}"
        for row in tenants.all()
        for fault in mail_report_store.alignment(
            row.ref.id, since=today - timedelta(days=JUDGED_DAYS), until=today
        ).faults
    ]
    return dg.AssetCheckResult(
        passed=not faults,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(faults[:3]) or "every reported stream of ours is aligned",
        metadata={"streams that fail": dg.MetadataValue.md("\n".join(f"- {each}" for each in faults) or "none")},
    )


def _metadata(done: IngestedReports) -> dict[str, dg.MetadataValue | int]:
    # As JSON: names in it are strangers', and Markdown of theirs would load pictures.
    return {
        "files": done.files,
        "reports": done.reports,
        "repeated reports": done.repeated,
        "messages": done.messages,
        "could not be counted": dg.MetadataValue.json(list(done.faults[:50])),
    }
