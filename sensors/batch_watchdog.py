"""The one retrier of batches: a tenant with due messages and no living run gets one, inside its hour."""

from datetime import timedelta

import dagster as dg

from assets.partitions import hour_key
from outreach_pipelines.application.due_hours import DueHours
from outreach_pipelines.application.ports import Clock
from schedules.hourly_batches import batch_request
from schedules.jobs import send_hour
from sensors.attempts import next_attempt
from sensors.watching import watching

_HOUR = timedelta(hours=1)
_LAST_MINUTES = timedelta(minutes=3)
_MOST_RUNS = 20  # of one tenant and hour


@watching(seconds=30, job=send_hour)
def batch_watchdog(
    context: dg.SensorEvaluationContext, due_hours: dg.ResourceParam[DueHours], clock: dg.ResourceParam[Clock]
) -> dg.SensorResult | dg.SkipReason:
    """Starts a batch that the running hour misses, also after a restart. Safe by the send protocol: two runs of one hour send each message once."""
    now = clock.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    if hour + _HOUR - now < _LAST_MINUTES:
        return dg.SkipReason("the hour is nearly over; the next one's run takes what is left")
    requests = []
    for tenant in due_hours.tenants_due(hour):
        partition = hour_key(hour, tenant.slug)
        attempt = next_attempt(context.instance, job=send_hour.name, partition=partition, most=_MOST_RUNS)
        if attempt is not None:
            requests.append(batch_request(tenant, hour, attempt=attempt))
    return (
        dg.SensorResult(run_requests=requests)
        if requests
        else dg.SkipReason("every tenant with due messages has its run")
    )
