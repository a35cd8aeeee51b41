"""Doubt about sends whose answer was lost: settled by evidence, minute by minute; what lasts too long is told."""

import asyncio

import dagster as dg

from outreach_pipelines.application.resolve_doubt import DoubtDesk, ResolvedDoubt, resolve_doubt
from outreach_pipelines.application.tenants import TenantDirectory
from sensors.watching import watching


@watching(seconds=60)
def doubt_resolver(
    context: dg.SensorEvaluationContext,
    doubt_desk: dg.ResourceParam[DoubtDesk],
    tenants: dg.ResourceParam[TenantDirectory],
) -> dg.SkipReason:
    """Looks, probes, releases what is proven absent. Without doubt no feed and no provider is asked."""
    slugs = {row.ref.id: row.ref.slug for row in tenants.all()}
    resolved = asyncio.run(resolve_doubt(doubt_desk, list(slugs)))
    for each in resolved:
        for alarm in each.alarms:
            context.log.error("%s: %s", slugs[each.tenant], alarm)
    return dg.SkipReason(_told(resolved))


def _told(resolved: list[ResolvedDoubt]) -> str:
    names = sorted({name for each in resolved for name in each.outcomes})
    counts = {name: sum(each.outcomes[name] for each in resolved) for name in names}
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing is in doubt"
