"""The same jobs, run in this process on the persisted instance: for the demo, and for tests of the wiring.

One ranged run a job covers several tenants: a run of its own for each would cost seconds of CPU before its first line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from assets.content_version import FEED_TAGS
from assets.feeds import delivery_events, replies
from assets.inventory import lead_uploads
from outreach_pipelines.domain.tenant import TenantSlug

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
# All lines are in the run's records; the terminal belongs to whoever called.
_QUIET_CONSOLE = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


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
        """One run over these partitions, and over those of tenants and times between them. Raises `JobFailedError`."""
        if not keys:
            message = f"{job}: no partition to run"
            raise JobFailedError(message)
        if "|" not in keys[0]:
            # Tenants one by one: the version of a partition's content is its own run's (`assets.content_version`).
            return [self._run(job, key, key) for key in keys][-1]
        return self._run(job, *self._span(keys))

    def _run(self, job: str, first: str, last: str) -> dg.ExecuteInProcessResult:
        tags = {RANGE_START: first, RANGE_END: last} if first != last else {}
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=None if tags else first,
            tags=tags,
            run_config=_QUIET_CONSOLE,
            raise_on_error=False,
        )
        if not result.success:
            faults = [event.event_specific_data for event in result.all_events if event.is_failure]
            message = f"{job} failed in run {result.run_id}: {faults[:1]}"
            raise JobFailedError(message)
        return result

    def report_feed(self, feed: str, slug: TenantSlug, metadata: Mapping[str, int]) -> None:
        """Say that news of a tenant arrived, as the sensors do."""
        key = {"delivery_events": delivery_events.key, "replies": replies.key}[feed]
        told = {"events": sum(metadata.values())} if feed == "delivery_events" else {}
        event = dg.AssetMaterialization(key, partition=slug, metadata={**told, **metadata}, tags=FEED_TAGS)
        self.instance.report_runless_asset_event(event)

    def report_uploads(self, uploads: Mapping[str, str]) -> None:
        """Say which lead files lie there, by key and ETag, as the sensor does."""
        self.instance.add_dynamic_partitions("lead_files", list(uploads))
        for key, etag in uploads.items():
            tags = {"dagster/data_version": etag}
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(lead_uploads.key, partition=key, metadata={"etag": etag}, tags=tags)
            )

    def _span(self, keys: Sequence[str]) -> tuple[str, str]:
        # A range whose start lies after its end runs no partition and succeeds, and tenants are ordered as they came.
        parts = [key.rpartition("|") for key in keys]
        times = sorted({(time, bar) for time, bar, _ in parts})
        slugs = sorted({slug for _, _, slug in parts}, key=self.instance.get_dynamic_partitions("tenants").index)
        return "".join((*times[0], slugs[0])), "".join((*times[-1], slugs[-1]))
