"""The lab as the provider of a bench: a process of its own, whose people read their mail and do nothing about it.

Belongs here: starting it and ending it. Does not: sending.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from outreach_pipelines.local_stack.lab import LabPorts, lab_plan, lab_ports

REGION, KEY, SECRET = "eu-west-1", "AKIDBENCH", "bench-secret"
#: Every sender of a bench stands below this domain, which is verified whole.
SENDERS = "example"
SMTP_NAME, SMTP_PASSWORD = "bench", "bench-secret"
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class BenchLab:
    """A running lab."""

    pid: int
    ports: LabPorts
    ledger: Path

    def taken(self) -> int:
        """How many letters it took, by its own ledger."""
        return len(self.ledger.read_bytes().splitlines()) if self.ledger.exists() else 0


@contextmanager
def bench_lab(folder: Path) -> Iterator[BenchLab]:
    """A lab with its files in `folder`."""
    (folder / "zones").mkdir(parents=True)
    plan = lab_plan(_config(folder), data_dir=folder / "data")
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(plan.command, stdout=log, stderr=log)
    try:
        until = monotonic() + _PATIENCE
        while not plan.ready(process.pid):
            assert process.poll() is None, f"the lab has ended: {folder / 'log'}"
            assert monotonic() < until, f"the lab does not listen: {folder / 'log'}"
            sleep(0.05)
        yield BenchLab(process.pid, lab_ports(folder / "data"), folder / "data" / "ledger.jsonl")
    finally:
        process.terminate()
        process.wait()


def _config(folder: Path) -> dict[str, object]:
    return {
        "zones_dir": str(folder / "zones"),
        # No configuration set publishes, so nobody is called there.
        "aws": {"endpoint_url": "http://127.0.0.1:9", "region": REGION, "access_key_id": KEY, "secret_access_key": SECRET},
        "ses": {
            "name": "ses-bench", "region": REGION, "access_keys": [KEY], "configuration_sets": {}, "identities": [SENDERS],
            "daily_quota": 1_000_000_000, "rate": 1_000_000,
        },
        "smtp_accounts": [{"name": "smtp-bench", "username": SMTP_NAME, "password": SMTP_PASSWORD}],
        "recipients": {"weights": {"deliver": 1.0}},
    }  # fmt: skip
