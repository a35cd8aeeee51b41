"""The same jobs, run in this process on the persisted instance: for the demo, and for tests of the wiring.

One ranged run a job covers several tenants: a run of its own for each would cost seconds of CPU before its first line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from assets.feeds import delivery_events, replies
from outreach_pipelines.domain.tenant import TenantSlug

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


class JobFailedError(Exception):
    """A job ended without success; the text names it and its run."""


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs jobs of one code location on one instance."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance

    def know_tenants(self, slugs: Sequence[TenantSlug]) -> None:
        """Make the tenants partitions, as the inventory sensor does."""
        self.instance.add_dynamic_partitions("tenants", list(slugs))

    def run(self, job: str, keys: Sequence[str]) -> dg.ExecuteInProcessResult:
        """One run over these partitions, which must be neighbours in the definition's own order. Raises `JobFailedError`."""
        if not keys:
            message = f"{job}: no partition to run"
            raise JobFailedError(message)
        ordered = self._in_order(keys)
        tags = {RANGE_START: ordered[0], RANGE_END: ordered[-1]} if len(ordered) > 1 else {}
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=None if tags else ordered[0], tags=tags, raise_on_error=False
        )
        if not result.success:
            faults = [event.event_specific_data for event in result.all_events if event.is_failure]
            message = f"{job} failed in run {result.run_id}: {faults[:1]}"
            raise JobFailedError(message)
        return result

    def report_feed(self, feed: str, slug: TenantSlug, metadata: Mapping[str, int]) -> None:
        """Say that news of a tenant arrived, as the sensors do."""
        key = {"delivery_events": delivery_events.key, "replies": replies.key}[feed]
        self.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=slug, metadata=dict(metadata)))

    def _in_order(self, keys: Sequence[str]) -> list[str]:
        # A range whose start lies after its end runs no partition and succeeds: the order must be Dagster's own.
        dynamic = list(self.instance.get_dynamic_partitions("tenants"))
        return sorted(keys, key=lambda key: (key.partition("|")[0], dynamic.index(key.rpartition("|")[2])))
