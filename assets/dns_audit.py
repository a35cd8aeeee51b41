"""Whether each sending domain may send through each of its accounts, as DNS says today."""

import asyncio
from datetime import date, datetime

import dagster as dg

from assets.dns_audit_metadata import audit_metadata
from assets.inventory import tenant_inventory
from assets.partitions import SAME_TENANT, TENANT_DAYS, tenant_days
from assets.tenants import tenant_of
from outreach_pipelines.application.ask_providers import DomainDesks
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
    open_auditor: dg.ResourceParam[OpenResolver],
    audits: dg.ResourceParam[DnsAuditStore],
    domain_desks: dg.ResourceParam[DomainDesks],
    clock: dg.ResourceParam[Clock],
) -> None:
    """Each domain's findings with severity, evidence and the record to publish, and what changed. A time-out is unknown, never missing."""
    for key, slug, day in tenant_days(context.partition_keys):
        tenant, now = tenant_of(tenants, slug), clock.now()
        summary = asyncio.run(_audit(open_auditor, audits, domain_desks, tenant, day, now))
        context.add_asset_metadata(audit_metadata(summary), partition_key=key)


async def _audit(
    open_auditor: OpenResolver, audits: DnsAuditStore, desks: DomainDesks, tenant: TenantId, day: date, now: datetime
) -> AuditSummary:
    async with open_auditor() as resolver:
        return await audit_tenant(resolver, audits, tenant, day=day, now=now, desks=desks)
