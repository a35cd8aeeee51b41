"""The one retrier of batches: a tenant with due messages and no living run gets one, inside its hour."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.partitions import hour_key
from outreach_pipelines.application.due_hours import DueHours
from schedules.hourly_batches import batch_request
from schedules.jobs import send_hour

_LIVING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
_HOUR = timedelta(hours=1)
_LAST_MINUTES = timedelta(minutes=3)


@dg.sensor(job=send_hour, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def batch_watchdog(
    context: dg.SensorEvaluationContext, due_hours: dg.ResourceParam[DueHours]
) -> dg.SensorResult | dg.SkipReason:
    """Also starts the running hour after a restart. Safe by the send protocol: two runs of one hour send each message once."""
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    if hour + _HOUR - now < _LAST_MINUTES:
        return dg.SkipReason("the hour is nearly over; the next one's run takes what is left")
    runs = context.instance.get_runs(dg.RunsFilter(job_name=send_hour.name, created_after=hour - _HOUR))
    requests = []
    for tenant in due_hours.tenants_due(hour):
        mine = [run for run in runs if run.tags.get("dagster/partition") == hour_key(hour, tenant.slug)]
        if not any(run.status in _LIVING for run in mine) and len(mine) < 20:
            requests.append(batch_request(tenant, hour, attempt=len(mine) + 1))
    return (
        dg.SensorResult(run_requests=requests)
        if requests
        else dg.SkipReason("every tenant with due messages has its run")
    )
