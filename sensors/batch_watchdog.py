"""The one retrier of batches: a tenant with due messages and no living run gets one, inside its hour."""

from datetime import timedelta

import dagster as dg

from assets.partitions import hour_key
from outreach_pipelines.application.due_hours import DueHours
from outreach_pipelines.application.ports import Clock
from schedules.hourly_batches import batch_request
from schedules.jobs import send_hour

LIVING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
_HOUR = timedelta(hours=1)
_LAST_MINUTES = timedelta(minutes=3)
_MOST_RUNS = 20  # of one tenant and hour: a run that dies at once must not fill the machine


@dg.sensor(job=send_hour, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def batch_watchdog(
    context: dg.SensorEvaluationContext, due_hours: dg.ResourceParam[DueHours], clock: dg.ResourceParam[Clock]
) -> dg.SensorResult | dg.SkipReason:
    """Also starts the running hour after a restart. Safe by the send protocol: two runs of one hour send each message once."""
    now = clock.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    if hour + _HOUR - now < _LAST_MINUTES:
        return dg.SkipReason("the hour is nearly over; the next one's run takes what is left")
    requests = []
    for tenant in due_hours.tenants_due(hour):
        this_hour = dg.RunsFilter(job_name=send_hour.name, tags={"dagster/partition": hour_key(hour, tenant.slug)})
        mine = context.instance.get_runs(this_hour)
        if not any(run.status in LIVING for run in mine) and len(mine) < _MOST_RUNS:
            requests.append(batch_request(tenant, hour, attempt=len(mine) + 1))
    return (
        dg.SensorResult(run_requests=requests)
        if requests
        else dg.SkipReason("every tenant with due messages has its run")
    )
