"""Back-off when thresholds are crossed, and the sweeper: both act on the database at once, so that the next intent obeys."""

import dagster as dg

from outreach_pipelines.application.apply_back_off import BackOffStore, apply_back_off
from outreach_pipelines.application.maintain import Maintenance, sweep_all
from outreach_pipelines.application.ports import Clock, MessageStore
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.settings import load_settings
from sensors.watching import watching


@watching(seconds=60)
def back_off(
    context: dg.SensorEvaluationContext,
    tenants: dg.ResourceParam[TenantDirectory],
    back_off_store: dg.ResourceParam[BackOffStore],
    clock: dg.ResourceParam[Clock],
) -> dg.SkipReason:
    """Judges the evidence of every tenant; a hold is in force for the next intent, with or without a run."""
    summaries = {
        row.ref.slug: apply_back_off(back_off_store, tenant=row.ref.id, now=clock.now()) for row in tenants.all()
    }
    changed = {slug: summary for slug, summary in summaries.items() if summary.changed}
    for slug, summary in changed.items():
        context.log.warning("%s: %s", slug, "; ".join(summary.changed))
    return dg.SkipReason(
        f"holds in force: {sum(summary.in_force for summary in summaries.values())}; changed: {len(changed)} tenants"
    )


@watching(seconds=30)
def sweeper(
    context: dg.SensorEvaluationContext,
    maintenance: dg.ResourceParam[Maintenance],
    tenants: dg.ResourceParam[TenantDirectory],
    messages: dg.ResourceParam[MessageStore],
) -> dg.SkipReason:
    """Heartbeat of the clock guard; leases and windows that are over are settled."""
    done = sweep_all(maintenance, tenants, messages, horizon_seconds=load_settings().evidence_horizon_seconds)
    if not done.clock_ok:
        context.log.error("the machine's clock has jumped: nothing is sent until `outreach clock confirm`")
    return dg.SkipReason(f"swept {done.swept}, of these put in doubt {done.put_in_doubt}")
