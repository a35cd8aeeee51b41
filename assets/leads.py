"""People with a right to be written to, from uploaded files, enrolled into the campaigns that take them."""

import asyncio
from collections.abc import Sequence

import dagster as dg

from assets.content_version import set_content_version
from assets.inventory import lead_uploads, tenant_inventory
from assets.partitions import TENANTS
from assets.tenants import tenant_of
from outreach_pipelines.application.enroll_leads import EnrollmentStore, enroll_leads
from outreach_pipelines.application.import_leads import LeadFileSource, LeadStore, import_leads
from outreach_pipelines.application.resolve_recipients import RecipientStore, ResolvedRecipients, resolve_recipients
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.lead_file import FileRefused, ImportSummary
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug
from resources.feeds import OpenResolver

_SHOWN = 50


@dg.asset(
    partitions_def=TENANTS,
    group_name="intake",
    kinds={"python", "postgres"},
    owners=["team:operations"],
    deps=[dg.AssetDep(lead_uploads, partition_mapping=dg.AllPartitionMapping()), tenant_inventory],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def leads(
    context: dg.AssetExecutionContext,
    tenants: dg.ResourceParam[TenantDirectory],
    lead_files: dg.ResourceParam[LeadFileSource],
    lead_store: dg.ResourceParam[LeadStore],
    enrollments: dg.ResourceParam[EnrollmentStore],
    recipients: dg.ResourceParam[RecipientStore],
    open_resolver: dg.ResourceParam[OpenResolver],
) -> None:
    """Imports what is new: each row is a lead or a refusal with its line and reason, and a file is applied whole or not at all."""
    for slug in map(TenantSlug, context.partition_keys):
        tenant = TenantRef(tenant_of(tenants, slug), slug)
        summary = import_leads(lead_files, lead_store, tenant)
        resolved = asyncio.run(_resolve(open_resolver, recipients, tenant.id))
        enrolled = enroll_leads(enrollments, tenant=tenant.id)
        context.add_asset_metadata(
            _metadata(summary, resolved)
            | {"newly enrolled": sum(enrolled.by_campaign.values()), "left alone": _left(lead_files.ignored(slug))},
            partition_key=slug,
        )
        set_content_version(context, leads.key, sorted(each.file.digest for each in summary.files))


def _left(names: Sequence[str]) -> dg.MetadataValue:
    lines = [f"- {name}" for name in names[:_SHOWN]]
    more = [f"- and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return dg.MetadataValue.md("\n".join([*lines, *more]) or "nothing: every file ends in .csv")


async def _resolve(open_resolver: OpenResolver, recipients: RecipientStore, tenant: TenantId) -> ResolvedRecipients:
    async with open_resolver() as resolver:
        return await resolve_recipients(resolver, recipients, tenant=tenant)


def _metadata(summary: ImportSummary, resolved: ResolvedRecipients) -> dict[str, dg.MetadataValue | int | str]:
    reasons = [
        dg.TableRecord({"reason": reason.value, "rows": count}) for reason, count in sorted(summary.rejected.items())
    ]
    refused = [
        f"{each.file.name}:{each.line}: {each.sentence}" for each in summary.files if isinstance(each, FileRefused)
    ]
    return {
        "rows read": summary.read,
        "accepted": summary.accepted,
        "already known": summary.already_known,
        "recipient domains looked up": resolved.resolved,
        "of these taking no mail": resolved.take_no_mail,
        "rejected": sum(summary.rejected.values()),
        "rejected by reason": dg.MetadataValue.table(reasons or [dg.TableRecord({"reason": "-", "rows": 0})]),
        "refused files": dg.MetadataValue.md("\n".join(f"- {line}" for line in refused) or "none"),
    }
