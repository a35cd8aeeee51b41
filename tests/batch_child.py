"""A program that runs the production batch loop in processes that a test may kill.

It loads the code once and forks a process for each line that it reads: JSON of the environment. It answers each with the
process's number, and with its exit status once it has ended. Settings, stores and transports are the production ones.
"""

import asyncio
import json
import os
import signal
import sys
from datetime import datetime

from outreach_pipelines.application.send_batch import send_hours
from outreach_pipelines.domain.tenant import TenantId
from resources import mail


def _batch() -> None:
    tenant, hour = TenantId(int(os.environ["TENANT"])), datetime.fromisoformat(os.environ["HOUR"])
    asyncio.run(send_hours(mail.desk(), [(tenant, hour)], asyncio.Event()))


def _job() -> None:
    # Dagster is loaded only where a test is about its signals.
    import dagster as dg

    from assets.partitions import hour_key
    from outreach_pipelines.definitions import defs
    from outreach_pipelines.domain.tenant import TenantSlug

    slug = TenantSlug(os.environ["SLUG"])
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", [slug])
        key = hour_key(datetime.fromisoformat(os.environ["HOUR"]), slug)
        result = defs.resolve_job_def("send_hour").execute_in_process(instance=instance, partition_key=key)
    sys.exit(0 if result.success else 3)


def _forked(environment: dict[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(environment)
    try:
        {"batch": _batch, "job": _job}[environment["WHAT"]]()
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    except BaseException as fault:  # noqa: BLE001 - its name is what the test learns
        sys.stderr.write(f"{type(fault).__name__}: {fault}\n")
        sys.stderr.flush()
        os._exit(4 if "Interrupted" in type(fault).__name__ else 5)
    os._exit(0)


def _serve() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _forked(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
