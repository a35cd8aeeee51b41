"""For each tenant: DNS audit four times a day, health every hour, look-ups of recipients each evening, reports of days."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg

from outreach_pipelines.application.tenants import TenantDirectory
from schedules.jobs import audit_dns, import_new_leads, report_day, score_health
from schedules.local_clock import passes
from schedules.tenant_runs import local_days, tenant_run, ticking

REPORTING_HOUR = 1
LOOK_UP_HOUR = 20
NO_TENANT = "there is no tenant yet"


@ticking(audit_dns, "10 */6 * * *", idle=NO_TENANT)
def audit_dns_every_six_hours(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Audits each tenant's domains; readiness is believed for 72 hours, so four looks a day leave room for a resolver's bad night."""
    yield from _today(context.scheduled_execution_time, tenants)


@ticking(score_health, "25 * * * *", idle=NO_TENANT)
def score_health_every_hour(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Scores each tenant's mailboxes and keeps recovery moving; holds also follow from events, at once (sensor back_off)."""
    yield from _today(context.scheduled_execution_time, tenants)


@ticking(report_day, "40 * * * *", idle=f"in no tenant's zone is it the hour from {REPORTING_HOUR}:00")
def report_yesterday(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Reports each tenant's day, an hour after its own midnight."""
    moment = context.scheduled_execution_time
    ended = [row for row in tenants.all() if passes(moment, row.zone, REPORTING_HOUR)]
    for slug, key in local_days(moment, ended, days_on=-1):
        yield tenant_run(slug, key, _of_this_hour(moment, key))


@ticking(import_new_leads, "50 * * * *", idle="no tenant has recipients' domains to look up at this hour")
def look_up_recipients_every_evening(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Domains of recipients of which nothing certain is known are looked up again before the next day is planned."""
    moment = context.scheduled_execution_time
    for row in tenants.with_unresolved_recipients():
        if passes(moment, row.zone, LOOK_UP_HOUR):
            yield tenant_run(row.ref.slug, row.ref.slug, _of_this_hour(moment, f"look-ups|{row.ref.slug}"))


def _today(moment: datetime, tenants: TenantDirectory) -> Iterator[dg.RunRequest]:
    for slug, key in local_days(moment, tenants.all()):
        yield tenant_run(slug, key, _of_this_hour(moment, key))


def _of_this_hour(moment: datetime, key: str) -> str:
    # The same partition is worked on again and again; only a tick that is repeated must not ask twice.
    return f"{moment:%Y-%m-%dT%H}|{key}"
