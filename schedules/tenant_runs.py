"""What the schedules of tenants share: how they tick, whose local day it is, and the run of one tenant's partition.

Not here: at which hour something is due (`local_clock`), and why (each schedule's own module).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg

from assets.partitions import day_key
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.tenant import TenantSlug

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

Tick = Callable[..., Iterator[dg.RunRequest]]
Ticked = Callable[..., list[dg.RunRequest] | dg.SkipReason]


def ticking(job: "AssetJob", cron: str, *, idle: str) -> Callable[[Tick], dg.ScheduleDefinition]:
    """Make a schedule of a function: on by default, so that nobody has to switch it on, and in UTC, which has no gaps.

    `idle` is what a tick says that asks for nothing. The UI shows the first sentence of the function's docstring.
    """

    def schedule(tick: Tick) -> dg.ScheduleDefinition:
        make = dg.schedule(
            job=job,
            cron_schedule=cron,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            execution_timezone="UTC",
            description=first_sentence(tick),
        )
        return make(_or_idle(tick, idle))

    return schedule


def first_sentence(described: Callable[..., object]) -> str:
    """Of its docstring: Dagster shows no docstring of a schedule or a sensor by itself."""
    paragraph = " ".join((described.__doc__ or "").partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].rstrip(".") + "."


def _or_idle(tick: Tick, idle: str) -> Ticked:
    @wraps(tick)
    def ticked(*arguments: object, **resources: object) -> list[dg.RunRequest] | dg.SkipReason:
        return list(tick(*arguments, **resources)) or dg.SkipReason(idle)

    return ticked


def local_days(moment: datetime, tenants: Iterable[TenantRow], *, days_on: int = 0) -> Iterator[tuple[TenantSlug, str]]:
    """Each tenant with the partition of its own date at `moment`, or of one so many days later (before it: negative)."""
    for row in tenants:
        day = moment.astimezone(ZoneInfo(row.zone)).date() + timedelta(days=days_on)
        yield row.ref.slug, day_key(day, row.ref.slug)


def tenant_run(slug: TenantSlug, partition: str, run_key: str, **tags: str) -> dg.RunRequest:
    """A run of one partition of one tenant; two requests of the same `run_key` are one run."""
    return dg.RunRequest(partition_key=partition, run_key=run_key, tags={"outreach/tenant": slug, **tags})
