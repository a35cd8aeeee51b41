"""The demo's day with Dagster's jobs and a progress bar. Imported once the settings stand in the environment."""

import logging
from datetime import UTC, date, datetime

import dagster as dg
from rich.progress import Progress, TaskID

from assets.partitions import day_key, hour_key
from outreach_pipelines.cli.demo_day import DemoDay, Keys, last_business_day
from outreach_pipelines.definitions import defs
from outreach_pipelines.domain.inventory import TenantInventory
from schedules.in_process import JobRunner


def demo_day(day: date | None, inventories: list[TenantInventory], progress: Progress, task: TaskID) -> DemoDay:
    """The day, ready to be lived."""
    logging.getLogger("dagster").setLevel(logging.ERROR)

    def at(now: datetime, until: datetime) -> None:
        minutes = max(0, 60 - int((until - now).total_seconds() // 60))
        progress.update(task, total=60, completed=minutes, clock=f"{now:%a %H:%M} UTC")

    instance = dg.DagsterInstance.get()
    # A connection kept, as its web server keeps one: a run opens some hundred, each for a single statement.
    instance.optimize_for_webserver(statement_timeout=60_000, pool_recycle=3600, max_overflow=20)
    return DemoDay(
        day=day or last_business_day(datetime.now(UTC).date(), inventories),
        jobs=JobRunner(defs, instance),
        keys=Keys(hour_key, day_key),
        tell=lambda sentence: progress.update(task, description=sentence),
        at=at,
        zones={inventory.tenant.slug: inventory.tenant.zone for inventory in inventories},
    )
