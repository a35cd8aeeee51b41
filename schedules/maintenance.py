"""What keeps the store in order day by day, and looks at it hour by hour."""

from typing import TYPE_CHECKING

import dagster as dg

from outreach_pipelines.application.give_out_shares import ShareStore, give_out_shares
from outreach_pipelines.application.maintain import Maintenance
from schedules.jobs import run_checks

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

DAYS_AHEAD = 30


@dg.op
def make_partitions(context: dg.OpExecutionContext, maintenance: dg.ResourceParam[Maintenance]) -> None:
    """Day partitions a month ahead, so that a plan never waits for one."""
    context.log.info("day partitions made: %s", maintenance.ensure_partitions(DAYS_AHEAD))


@dg.job(
    executor_def=dg.in_process_executor, description="Makes the partitions of the messages' tables ahead of their days."
)
def upkeep() -> None:
    """See `make_partitions`."""
    make_partitions()


@dg.op
def give_out(context: dg.OpExecutionContext, share_store: dg.ResourceParam[ShareStore]) -> None:
    """What some tenants leave unused of a shared account goes to those whose plans want more."""
    for sentence in give_out_shares(share_store):
        context.log.info(sentence)


@dg.job(
    executor_def=dg.in_process_executor, description="Gives out what tenants leave unused of shared accounts today."
)
def unused_shares() -> None:
    """See `give_out`."""
    give_out()


def _ticking(name: str, job: "dg.JobDefinition | AssetJob", cron: str, description: str) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=name,
        description=description,
        job=job,
        cron_schedule=cron,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        execution_timezone="UTC",
    )


upkeep_every_day = _ticking("upkeep_every_day", upkeep, "2 3 * * *", "Makes day partitions a month ahead, once a day.")
check_every_hour = _ticking(
    "check_every_hour",
    run_checks,
    "20 * * * *",
    "Judges plans, hours and lead files by the clock: after a run that failed, its checks would show their old result.",
)
unused_shares_every_day = _ticking(
    "unused_shares_every_day",
    unused_shares,
    "0 16 * * *",
    "Gives out at a fixed hour what tenants leave unused of shared accounts.",
)
