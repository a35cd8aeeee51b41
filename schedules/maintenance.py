"""What keeps the store in order day by day."""

import dagster as dg

from outreach_pipelines.application.maintain import Maintenance

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


upkeep_every_day = dg.ScheduleDefinition(
    job=upkeep, cron_schedule="2 3 * * *", default_status=dg.DefaultScheduleStatus.RUNNING, execution_timezone="UTC"
)
