"""Runs that ended with the machine they ran on: the default launcher cannot see that, and their slots would stay taken."""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg

_IN_PROGRESS = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def fail_orphaned_runs(instance: dg.DagsterInstance, *, created_before: datetime) -> Sequence[str]:
    """Fail every run in progress that is older than a fresh start of the whole stack; returns their ids.

    Only for stacks of one machine, where no run outlives the stack. What such a run had claimed is swept, and what it
    was sending is in doubt: the send protocol knows, whatever Dagster's records say.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=_IN_PROGRESS, created_before=created_before))
    for run in runs:
        instance.report_run_failed(run, message="Its process ended with the stack it ran in.")
    return [run.run_id for run in runs]
