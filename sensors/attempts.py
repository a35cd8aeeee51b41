"""Whether a sensor asks for one more run where one is missing. Which runs are missing is each sensor's own."""

from collections.abc import Sequence

import dagster as dg

LIVING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def next_attempt(instance: dg.DagsterInstance, *, job: str, partition: str, most: int) -> int | None:
    """The number of the run to ask for: see `attempt_after`, of all runs of this job and partition."""
    runs = instance.get_runs(dg.RunsFilter(job_name=job, tags={"dagster/partition": partition}))
    return attempt_after([run.status for run in runs], most=most)


def attempt_after(statuses: Sequence[dg.DagsterRunStatus], *, most: int) -> int | None:
    """One more than there were; None while one lives, or after `most`: a run that dies at once must not fill the machine."""
    if len(statuses) >= most or any(status in LIVING for status in statuses):
        return None
    return len(statuses) + 1
