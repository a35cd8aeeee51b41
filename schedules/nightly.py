"""For each tenant: DNS audit four times a day, health every hour, reports once its day is over."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from assets.partitions import day_key
from outreach_pipelines.application.tenants import TenantDirectory, TenantRow
from schedules.jobs import audit_dns, report_day, score_health
from schedules.local_clock import passes

REPORTING_HOUR = 1


@dg.schedule(
    job=audit_dns,
    cron_schedule="10 */6 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
)
def audit_dns_every_six_hours(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Readiness is believed for 72 hours at most; four looks a day leave room for a resolver's bad night."""
    yield from _for_each(context, tenants.all(), 0)


@dg.schedule(
    job=score_health,
    cron_schedule="25 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
)
def score_health_every_hour(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Holds also follow from events, at once (sensor back_off); this keeps scores and recovery moving."""
    yield from _for_each(context, tenants.all(), 0)


@dg.schedule(
    job=report_day,
    cron_schedule="40 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
)
def report_yesterday(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Each tenant's day, an hour after its own midnight."""
    ended = [row for row in tenants.all() if passes(context.scheduled_execution_time, row.zone, REPORTING_HOUR)]
    yield from _for_each(context, ended, -1)


def _for_each(
    context: dg.ScheduleEvaluationContext, tenants: Sequence[TenantRow], offset: int
) -> Iterator[dg.RunRequest]:
    for row in tenants:
        day = (context.scheduled_execution_time.astimezone(ZoneInfo(row.zone)) + timedelta(days=offset)).date()
        key = day_key(day, row.ref.slug)
        yield dg.RunRequest(
            partition_key=key,
            run_key=f"{context.scheduled_execution_time:%Y-%m-%dT%H}|{key}",
            tags={"outreach/tenant": row.ref.slug},
        )
