"""Whether each sending domain may send through each of its accounts, as DNS says today."""

import asyncio
from datetime import date, datetime

import dagster as dg

from assets.inventory import tenant_inventory
from assets.partitions import SAME_TENANT, TENANT_DAYS, tenant_days
from assets.tenants import tenant_of
from outreach_pipelines.application.audit_domains import AuditSummary, DnsAuditStore, audit_tenant
from outreach_pipelines.application.ports import Clock
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.tenant import TenantId
from resources.feeds import OpenResolver


@dg.asset(
    partitions_def=TENANT_DAYS,
    group_name="deliverability",
    kinds={"dns", "postgres"},
    owners=["team:deliverability"],
    deps=[dg.AssetDep(tenant_inventory, partition_mapping=SAME_TENANT)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def dns_audit(
    context: dg.AssetExecutionContext,
    tenants: dg.ResourceParam[TenantDirectory],
    open_resolver: dg.ResourceParam[OpenResolver],
    audits: dg.ResourceParam[DnsAuditStore],
    clock: dg.ResourceParam[Clock],
) -> None:
    """MX, SPF, DKIM, DMARC of each domain with severity, evidence and the record to publish. A time-out is unknown, never missing."""
    for key, slug, day in tenant_days(context.partition_keys):
        summary = asyncio.run(_audit(open_resolver, audits, tenant_of(tenants, slug), day, clock.now()))
        context.add_asset_metadata(_metadata(summary), partition_key=key)


async def _audit(
    open_resolver: OpenResolver, audits: DnsAuditStore, tenant: TenantId, day: date, now: datetime
) -> AuditSummary:
    async with open_resolver() as resolver:
        return await audit_tenant(resolver, audits, tenant, day=day, now=now)


def _metadata(summary: AuditSummary) -> dict[str, dg.MetadataValue | int | float]:
    rows = [
        dg.TableRecord({"severity": severity.value, "findings": count}) for severity, count in summary.findings.items()
    ]
    return {
        "domains": summary.domains,
        "paths ready": summary.ready,
        "paths not ready": summary.not_ready,
        "paths undecided": summary.undecided,
        "queries": summary.queries,
        "unanswered queries": summary.unanswered,
        "findings by severity": dg.MetadataValue.table(rows or [dg.TableRecord({"severity": "-", "findings": 0})]),
    }
