"""The plan of each tenant's next day, before its own midnight."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from assets.partitions import day_key
from outreach_pipelines.application.tenants import TenantDirectory
from schedules.jobs import plan_day

PLANNING_HOUR = 22


@dg.schedule(
    job=plan_day, cron_schedule="5 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING, execution_timezone="UTC"
)
def plan_tomorrow(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """At 22:05 of each tenant's own clock, half-hour zones in the hour that holds it; days that change clocks included."""
    for row in tenants.all():
        local = context.scheduled_execution_time.astimezone(ZoneInfo(row.zone))
        if local.hour == PLANNING_HOUR:
            key = day_key(local.date() + timedelta(days=1), row.ref.slug)
            yield dg.RunRequest(partition_key=key, run_key=f"plan|{key}", tags={"outreach/tenant": row.ref.slug})
