"""How we stand with our providers: quota, rate, and stops that they speak of before any send is refused."""

import dagster as dg

from outreach_pipelines.application.read_standings import AccountControls, StandingStore, read_standings
from outreach_pipelines.application.tenants import TenantDirectory
from sensors.watching import watching


@watching(seconds=60)
def provider_standing(
    context: dg.SensorEvaluationContext,
    standings: dg.ResourceParam[StandingStore],
    account_controls: dg.ResourceParam[AccountControls],
    tenants: dg.ResourceParam[TenantDirectory],
) -> dg.SkipReason:
    """Asks for each account's quota, rate and state every five minutes; a stop is obeyed at once."""
    read = stopped = 0
    for row in tenants.all():
        found = read_standings(standings, account_controls, tenant=row.ref.id)
        read, stopped = read + found.read, stopped + len(found.stopped)
        for sentence in (*found.stopped, *found.faults):
            context.log.warning("%s: %s", row.ref.slug, sentence)
    return dg.SkipReason(f"accounts asked: {read}, stopped by their provider: {stopped}")
