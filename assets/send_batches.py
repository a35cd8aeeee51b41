"""Sending, hour by hour."""

import asyncio
import signal
from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from assets.partitions import PLAN_DAYS_OF_HOUR, TENANT_HOURS, tenant_hours
from assets.send_plans import send_plan
from assets.tenants import tenant_of
from outreach_pipelines.application.constraint_words import intent_reason_in_words
from outreach_pipelines.application.send_batch import HourSummary, SendDesk, send_hours
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.tenant import TenantId

_OUTCOMES = ("accepted", "refused", "in_doubt", "not_sent", "accepted_twice", "released", "closed", "lost", "failed")


@dg.asset(
    partitions_def=TENANT_HOURS,
    group_name="sending",
    kinds={"ses", "smtp", "postgres"},
    owners=["team:operations"],
    deps=[dg.AssetDep(send_plan, partition_mapping=PLAN_DAYS_OF_HOUR)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def send_batch(
    context: dg.AssetExecutionContext, tenants: dg.ResourceParam[TenantDirectory], desk: dg.ResourceParam[SendDesk]
) -> None:
    """Sends what is due while this is the running hour; any other hour sends nothing and only reports. Running it twice sends nothing twice."""
    keys = tenant_hours(context.partition_keys)
    summaries, stopped = asyncio.run(
        _until_done_or_told_to_stop(desk, [(tenant_of(tenants, slug), hour) for _, slug, hour in keys])
    )
    for (key, _, _), summary in zip(keys, summaries, strict=True):
        context.add_asset_metadata(_metadata(summary), partition_key=key)
    if stopped:
        # Returning would mean success, and what depends on this hour would run.
        raise dg.DagsterExecutionInterruptedError


async def _until_done_or_told_to_stop(
    desk: SendDesk, hours: Sequence[tuple[TenantId, datetime]]
) -> tuple[list[HourSummary], bool]:
    """A signal stops claiming; calls under way finish, and what is only claimed is handed back."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            loop.add_signal_handler(number, stop.set)
    except (RuntimeError, ValueError):
        before = {}  # not in the main thread: whoever runs us there ends us otherwise
    try:
        return await send_hours(desk, hours, stop), stop.is_set()
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _metadata(summary: HourSummary) -> dict[str, dg.MetadataValue | int | str]:
    reasons = [
        dg.TableRecord({"reason": intent_reason_in_words(reason), "messages": count})
        for reason, count in summary.reasons.most_common()
    ]
    return {
        "in its hour": "yes" if summary.in_hour else "no: nothing can be sent for another hour",
        **{outcome.replace("_", " "): summary.outcomes[outcome] for outcome in _OUTCOMES},
        "why released or closed": dg.MetadataValue.table(reasons or [dg.TableRecord({"reason": "-", "messages": 0})]),
        "look closer": dg.MetadataValue.md("`outreach explain ADDRESS`"),
    }
