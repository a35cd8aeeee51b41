"""Starts batch runs as Dagster's own launcher does: a code server, and one spawned process a run.

Reads partition keys from standard input, one a line; prints `ready` when the code server answers, and when all runs have
ended one line of JSON with how many had which status. The settings are in the environment. Belongs here: launching and
waiting. Does not: what is measured meanwhile (`bench_tenant_runs`).

Dagster offers no public call for this; these are the ones that `dagster job launch` makes for one run.
"""

import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import ModuleTarget

LOCATION, REPOSITORY, JOB = "outreach", "__repository__", "send_hour"
#: As many as the daemon launches at once (dagster.yaml, dequeue_num_workers).
AT_ONCE = 4
_SECONDS_BETWEEN_LOOKS = 2.0


def launch(instance: dg.DagsterInstance, workspace: WorkspaceRequestContext, keys: list[str]) -> list[str]:
    """Their run ids."""
    location = workspace.get_code_location(LOCATION)
    job = location.get_job(JobSubsetSelector(LOCATION, REPOSITORY, JOB, None))
    plan = location.get_execution_plan(job, {}, step_keys_to_execute=None, known_state=None, instance=instance)
    runs = [
        instance.create_run(
            job_name=JOB, run_id=None, run_config={}, status=None, tags={**job.tags, **partition_tags(key)}, root_run_id=None, parent_run_id=None,
            step_keys_to_execute=plan.execution_plan_snapshot.step_keys_to_execute, execution_plan_snapshot=plan.execution_plan_snapshot,
            job_snapshot=job.job_snapshot, parent_job_snapshot=job.parent_job_snapshot, op_selection=None, resolved_op_selection=None,
            asset_selection=None, asset_check_selection=None, remote_job_origin=job.get_remote_origin(), job_code_origin=job.get_python_origin(),
            asset_graph=location.get_repository(REPOSITORY).asset_graph,
        )
        for key in keys
    ]  # fmt: skip
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda run: instance.launch_run(run.run_id, workspace), runs))
    return [run.run_id for run in runs]


def partition_tags(key: str) -> dict[str, str]:
    """As a run of one tenant and hour has them."""
    hour, _, tenant = key.partition("|")
    return {"dagster/partition": key, "dagster/partition/hour": hour, "dagster/partition/tenant": tenant}


def ended(instance: dg.DagsterInstance, runs: list[str]) -> Counter[str]:
    """Wait for all; how many have which status."""
    while True:
        records = [instance.get_run_by_id(run) for run in runs]
        if all(record is not None and record.is_finished for record in records):
            return Counter(record.status.value for record in records if record is not None)
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def main() -> None:
    keys = sys.stdin.read().split()
    # The code server writes its log to the standard output that it inherits.
    tell = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    target = ModuleTarget(
        module_name="outreach_pipelines.definitions", attribute=None, working_directory=None, location_name=LOCATION
    )
    with dg.DagsterInstance.get() as instance, WorkspaceProcessContext(instance, target) as process:
        instance.add_dynamic_partitions("tenants", sorted({key.partition("|")[2] for key in keys}))
        tell.write("ready\n")
        runs = launch(instance, process.create_request_context(), keys)
        tell.write(json.dumps(ended(instance, runs)) + "\n")


if __name__ == "__main__":
    main()
