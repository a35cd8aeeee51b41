"""Each morning, on the tenant's own clock: what receivers reported of its mail, and how its seeds arrived."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg

from assets.mail_reports import mail_reports, our_streams_are_aligned
from assets.seed_proof import our_mail_arrives_as_ours, seed_proof
from outreach_pipelines.application.tenants import TenantDirectory
from schedules.local_clock import passes
from schedules.tenant_runs import local_days, tenant_run, ticking

REPORTS_HOUR = 7
"""Receivers send the reports of a UTC day in its first hours after."""

read_mail_reports = dg.define_asset_job(
    "read_mail_reports",
    selection=dg.AssetSelection.assets(mail_reports) | dg.AssetSelection.checks(our_streams_are_aligned),
    description="Read DMARC and TLS reports that are new, and judge whether our streams are aligned.",
    executor_def=dg.in_process_executor,
)
prove_domains = dg.define_asset_job(
    "prove_domains",
    selection=dg.AssetSelection.assets(seed_proof) | dg.AssetSelection.checks(our_mail_arrives_as_ours),
    description="Judge the seeds that arrived, and send the week's that are due.",
    executor_def=dg.in_process_executor,
)


@ticking(read_mail_reports, "20 * * * *", idle=f"in no tenant's zone is it the hour from {REPORTS_HOUR}:00")
def read_mail_reports_every_morning(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Reads what receivers reported, once a day and tenant."""
    yield from _of_the_morning(context.scheduled_execution_time, tenants, "mail-reports")


@ticking(prove_domains, "35 * * * *", idle=f"in no tenant's zone is it the hour from {REPORTS_HOUR}:00")
def prove_domains_every_morning(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Judges seeds once a day and tenant, and sends those of a new week."""
    yield from _of_the_morning(context.scheduled_execution_time, tenants, "seeds")


def _of_the_morning(moment: datetime, tenants: TenantDirectory, kind: str) -> Iterator[dg.RunRequest]:
    here = [row for row in tenants.all() if passes(moment, row.zone, REPORTS_HOUR)]
    for slug, key in local_days(moment, here):
        yield tenant_run(slug, key, f"{moment:%Y-%m-%dT%H}|{kind}|{key}")
