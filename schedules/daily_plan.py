"""The plan of each tenant's next day, before its own midnight."""

from collections.abc import Iterator

import dagster as dg

from outreach_pipelines.application.plan_sends import PLANNING_HOUR
from outreach_pipelines.application.tenants import TenantDirectory
from schedules.jobs import plan_day
from schedules.local_clock import passes
from schedules.tenant_runs import local_days, tenant_run, ticking


@ticking(plan_day, "5 * * * *", idle=f"in no tenant's zone is it the hour from {PLANNING_HOUR}:00")
def plan_tomorrow(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Plans each tenant's next day in the hour from 22:00 of its own clock, once a local date, also when clocks change that night."""
    moment = context.scheduled_execution_time
    evening = [row for row in tenants.all() if passes(moment, row.zone, PLANNING_HOUR)]
    for slug, key in local_days(moment, evening, days_on=1):
        yield tenant_run(slug, key, f"plan|{key}")
