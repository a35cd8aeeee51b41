"""What receivers reported of a tenant's mail, each morning on its own clock, and how its seeds arrived, by the hour while they are due."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import dagster as dg

from assets.mail_reports import mail_reports, our_streams_are_aligned
from assets.seed_proof import our_mail_arrives_as_ours, seed_proof
from outreach_pipelines.application.tenants import TenantDirectory, TenantRow
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
    description="Judge the seeds that arrived, settle which accounts are ready by them, and send those that are due.",
    executor_def=dg.in_process_executor,
)


@ticking(read_mail_reports, "20 * * * *", idle=f"in no tenant's zone is it the hour from {REPORTS_HOUR}:00")
def read_mail_reports_every_morning(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Reads what receivers reported, once a day and tenant."""
    moment = context.scheduled_execution_time
    yield from _runs(moment, [row for row in tenants.all() if _is_morning(moment, row)], "mail-reports")


@ticking(
    prove_domains,
    "35 * * * *",
    idle=f"no seed is under way, and in no tenant's zone is it the hour from {REPORTS_HOUR}:00",
)
def prove_domains_every_hour(
    context: dg.ScheduleEvaluationContext, tenants: dg.ResourceParam[TenantDirectory]
) -> Iterator[dg.RunRequest]:
    """Judges seeds as they arrive, and sends those that are due: each morning, and again after one that failed."""
    moment = context.scheduled_execution_time
    under_way = {row.ref for row in tenants.with_seeds_under_way()}
    yield from _runs(
        moment, [row for row in tenants.all() if row.ref in under_way or _is_morning(moment, row)], "seeds"
    )


def _is_morning(moment: datetime, row: TenantRow) -> bool:
    return passes(moment, row.zone, REPORTS_HOUR)


def _runs(moment: datetime, rows: Iterable[TenantRow], kind: str) -> Iterator[dg.RunRequest]:
    for slug, key in local_days(moment, rows):
        yield tenant_run(slug, key, f"{moment:%Y-%m-%dT%H}|{kind}|{key}")
