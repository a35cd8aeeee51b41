"""One run a tenant and hour, for tenants with something to send in it.

Written by hand, since the built-in builder lists every partition key: half a minute at a thousand tenants.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg

from assets.partitions import hour_key
from outreach_pipelines.application.due_hours import DueHours
from outreach_pipelines.domain.tenant import TenantRef
from schedules.jobs import reconcile_hour, send_hour
from schedules.tenant_runs import tenant_run, ticking

MINUTES_AHEAD = 4


@ticking(send_hour, f"{60 - MINUTES_AHEAD} * * * *", idle="no tenant has a message due in the next hour")
def send_next_hour(
    context: dg.ScheduleEvaluationContext, due_hours: dg.ResourceParam[DueHours]
) -> Iterator[dg.RunRequest]:
    """Sends the next hour's messages. Launched some minutes ahead, so that the first slot finds its run waiting; it claims nothing before."""
    hour = next_hour(context.scheduled_execution_time)
    yield from (batch_request(tenant, hour) for tenant in due_hours.tenants_due(hour))


@ticking(reconcile_hour, "15 * * * *", idle="no tenant had a message in the last hour")
def reconcile_last_hour(
    context: dg.ScheduleEvaluationContext, due_hours: dg.ResourceParam[DueHours]
) -> Iterator[dg.RunRequest]:
    """Counts each hour once after it has ended; the check nothing_is_lost looks back over three days."""
    hour = next_hour(context.scheduled_execution_time) - timedelta(hours=2)
    for tenant in due_hours.tenants_with_messages(hour):
        key = hour_key(hour, tenant.slug)
        yield tenant_run(tenant.slug, key, f"reconcile|{key}")


def batch_request(tenant: TenantRef, hour: datetime, *, attempt: int = 1) -> dg.RunRequest:
    """The run that sends one tenant's hour. The tags carry the limits of dagster.yaml; `attempt` makes a watchdog's request a new one."""
    key = hour_key(hour, tenant.slug)
    return tenant_run(tenant.slug, key, f"send|{key}|{attempt}", **{"outreach/batch_tenant": tenant.slug})


def next_hour(moment: datetime) -> datetime:
    """The hour that begins next."""
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
