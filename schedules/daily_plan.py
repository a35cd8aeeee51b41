"""The plan of each tenant's next day, before its own midnight."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from assets.partitions import day_key
from outreach_pipelines.application.tenants import TenantDirectory
from schedules.jobs import plan_day
from schedules.local_clock import passes

PLANNING_HOUR = 22


@dg.schedule(
    job=plan_day, cron_schedule="5 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING, execution_timezone="UTC"
)
def plan_tomorrow(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """In the hour from 22:00 of each tenant's own clock, once a local date, also when clocks change that night."""
    for row in tenants.all():
        if passes(context.scheduled_execution_time, row.zone, PLANNING_HOUR):
            local = context.scheduled_execution_time.astimezone(ZoneInfo(row.zone))
            key = day_key(local.date() + timedelta(days=1), row.ref.slug)
            yield dg.RunRequest(partition_key=key, run_key=f"plan|{key}", tags={"outreach/tenant": row.ref.slug})
