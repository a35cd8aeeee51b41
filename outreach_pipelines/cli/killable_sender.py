"""A program that runs the production batch loop in processes that a proof may kill.

It loads the code once. For each line that it reads, JSON of some environments, it forks a process for each of them; it answers
with their numbers, and with their exit statuses once all have ended. Settings, stores and transports are the production ones.
Belongs here: the forking. Does not: who is killed, when and why (`proof.crash`).
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import datetime

from outreach_pipelines.application.send_batch import send_hours
from outreach_pipelines.domain.tenant import TenantId
from resources import mail

INTERRUPTED, FAILED, RUN_FAILED = 4, 5, 3


def _batch() -> None:
    tenant, hour = TenantId(int(os.environ["TENANT"])), datetime.fromisoformat(os.environ["HOUR"])
    asyncio.run(send_hours(mail.desk(), [(tenant, hour)], asyncio.Event()))


def _job() -> None:
    # Dagster is loaded only where a proof is about its signals.
    import dagster as dg

    from assets.partitions import hour_key
    from outreach_pipelines.definitions import defs
    from outreach_pipelines.domain.tenant import TenantSlug

    slug = TenantSlug(os.environ["SLUG"])
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", [slug])
        key = hour_key(datetime.fromisoformat(os.environ["HOUR"]), slug)
        result = defs.resolve_job_def("send_hour").execute_in_process(instance=instance, partition_key=key)
    sys.exit(0 if result.success else RUN_FAILED)


def _live(environment: dict[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(environment)
    try:
        {"batch": _batch, "job": _job}[environment["WHAT"]]()
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    except BaseException as fault:  # noqa: BLE001 - its name is what the proof learns
        sys.stderr.write(f"{type(fault).__name__}: {fault}\n")
        sys.stderr.flush()
        os._exit(INTERRUPTED if "Interrupted" in type(fault).__name__ else FAILED)
    os._exit(0)


def _forked(environment: dict[str, str]) -> int:
    pid = os.fork()
    if pid == 0:
        _live(environment)
    return pid


def _ended(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _answer(numbers: Sequence[int]) -> None:
    sys.stdout.write(json.dumps(numbers) + "\n")
    sys.stdout.flush()


def _serve() -> None:
    for line in sys.stdin:
        pids = [_forked(environment) for environment in json.loads(line)]
        _answer(pids)
        _answer([_ended(pid) for pid in pids])


if __name__ == "__main__":
    _serve()
