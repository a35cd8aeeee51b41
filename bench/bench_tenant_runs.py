"""Forty tenants' batch runs at once: whether all end well, what each holds of memory, whether each message leaves once.

Starts them as Dagster's launcher does (`tenant_runs/launch.py`), with the settings, transports and stores of production over
a database of its own; the lab takes the letters by SMTP, and its ledger says what it took. Messages are due spread over
`--minutes`, some time after the start, so that all runs live at once. With `--copies 8 --tenants 1` eight runs of the same
hour share one tenant, whose mailboxes keep a gap. Prints one JSON object. Memory is the proportional set size of a run's
process (proc(5), smaps_rollup), its highest.
"""

import argparse
import base64
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sending import tenants
from sending.ground import Ground, ground
from sending.lab import SMTP_NAME, SMTP_PASSWORD
from sending.processes import memory_kb, processes_below, tree_cpu_seconds

from assets.partitions import hour_key
from outreach_pipelines.adapters.postgres.bootstrap import Role
from outreach_pipelines.domain.tenant import TenantSlug

ROOT = Path(__file__).parent.parent
SECONDS_BETWEEN_SAMPLES = 5.0
MINUTES_TO_END = 3
PASSWORD_NAME = "BENCH_SMTP_PASSWORD"
GAP_SECONDS = 2

_SPREAD = """
    update app.message set due_at = slot.at, not_before = slot.at
      from (select message_id, now() + (%s + random() * %s) * interval '1 minute' as at from app.message) slot
     where message.message_id = slot.message_id
"""
#: Paces are kept in policy time.
_CLOSE = """
    select count(*) from (select begun_policy_at - lag(begun_policy_at) over (partition by mailbox_id order by begun_policy_at) as gap
                            from app.send_attempt) gaps
     where gap < make_interval(secs => %s)
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many tenants, runs of each of their hours, messages of each, and over how many minutes, `after` some, these are due."""

    tenants: int
    copies: int
    messages: int
    minutes: int
    after: int


def tenant_keys(on: Ground, wanted: Wanted) -> Sequence[str]:
    """The partitions of new tenants with messages due from now on."""
    tenants.wait_for_room_in_hour((wanted.after + wanted.minutes + MINUTES_TO_END) * 60)
    login = {"username": SMTP_NAME, "password": f"env:{PASSWORD_NAME}", "tls": "none"}
    settings = {"host": "127.0.0.1", "port": str(on.lab.ports.smtp), **login}
    account = tenants.new_account(on.admin, "smtp", settings)
    due = [tenants.due_tenant(on.admin, account, wanted.messages) for _ in range(wanted.tenants)]
    on.admin.execute(_SPREAD, [wanted.after, wanted.minutes])
    on.admin.execute(
        "update app.mailbox set min_gap_seconds = %(gap)s, max_gap_seconds = %(gap)s", {"gap": GAP_SECONDS}
    )
    on.admin.execute("vacuum analyze")
    return [hour_key(each.hour, _slug(on, each.tenant)) for each in due]


def _slug(on: Ground, tenant: int) -> TenantSlug:
    row = on.admin.execute("select slug from app.tenant_directory where id = %s", [tenant]).fetchone()
    assert row is not None
    return TenantSlug(str(row[0]))


def environment(on: Ground) -> Mapping[str, str]:
    """As an installation's runs have it."""
    dagster = on.folder / "dagster"
    dagster.mkdir()
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "OUTREACH_DATABASE_URL": on.urls[Role.APP],
        "OUTREACH_OPS_URL": on.urls[Role.OPS],
        "OUTREACH_INGEST_URL": on.urls[Role.INGEST],
        "OUTREACH_DAGSTER_URL": on.urls[Role.DAGSTER],
        "OUTREACH_DAGSTER_DIR": str(dagster),
        "DAGSTER_HOME": str(ROOT),
        "DAGSTER_GRPC_TIMEOUT_SECONDS": "300",
        "OUTREACH_FILES": str(on.folder / "files"),
        "OUTREACH_SENDING": "lab",
        "OUTREACH_TAG_KEY": _key(32),
        "OUTREACH_ADDRESS_KEY": _key(32),
        "OUTREACH_TOKEN_KEYS": f"1:{_key(64)}",
        PASSWORD_NAME: SMTP_PASSWORD,
    }


def _key(octets: int) -> str:
    return base64.b64encode(secrets.token_bytes(octets)).decode()


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of the runs: statuses, seconds from the first launch, CPU seconds of all, the highest PSS of each in MB."""

    statuses: Mapping[str, int]
    seconds: float
    cpu_seconds: float
    pss_mb: Sequence[float]


def live(keys: Sequence[str], settings: Mapping[str, str], log: Path) -> Lived:
    """Launch a run of each key, and watch them until all have ended."""
    command = [sys.executable, Path(__file__).parent / "tenant_runs" / "launch.py"]
    with log.open("w") as errors:
        launcher = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert launcher.stdin is not None
    assert launcher.stdout is not None
    launcher.stdin.write("\n".join(keys))
    launcher.stdin.close()
    assert launcher.stdout.readline() == "ready\n", log.read_text()[-2000:]
    began, highest, cpu = time.monotonic(), Counter[int](), 0.0
    while launcher.poll() is None:
        for pid in processes_below(launcher.pid, "multiprocessing.spawn"):
            highest[pid] = max(highest[pid], memory_kb(pid))
        cpu = max(cpu, tree_cpu_seconds(launcher.pid))
        time.sleep(SECONDS_BETWEEN_SAMPLES)
    statuses = json.loads(launcher.stdout.read() or "{}")
    return Lived(statuses, time.monotonic() - began, cpu, [kb / 1024 for kb in highest.values()])


def letters(on: Ground) -> Mapping[str, int]:
    """How many letters were taken, how many persons got more than one, and what the database says became of the messages."""
    taken = Counter(json.loads(line)["recipient"] for line in on.lab.ledger.read_bytes().splitlines())
    states = on.admin.execute("select state, count(*) from app.message group by state").fetchall()
    close = on.admin.execute(_CLOSE, [GAP_SECONDS]).fetchone()
    assert close is not None
    twice = sum(times > 1 for times in taken.values())
    return {
        "taken": taken.total(),
        "twice": twice,
        "closer_than_gap": close[0],
        **{str(state): n for state, n in states},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=40)
    parser.add_argument("--copies", type=int, default=1, help="runs of each tenant's hour")
    parser.add_argument("--messages", type=int, default=20, help="of each tenant")
    parser.add_argument("--minutes", type=int, default=5, help="over which messages are due")
    parser.add_argument(
        "--after", type=int, default=2, help="minutes from now to the first of them: for all runs to have begun"
    )
    options = parser.parse_args()
    wanted = Wanted(**vars(options))
    with ground() as on:
        keys = [key for key in tenant_keys(on, wanted) for _ in range(wanted.copies)]
        lived = live(keys, environment(on), on.folder / "launcher.log")
        print(
            json.dumps(
                {
                    "figure": "tenant runs at once",
                    "runs": len(keys),
                    "messages": wanted.tenants * wanted.messages,
                    "all_done": lived.statuses == {"SUCCESS": len(keys)},
                    "statuses": lived.statuses,
                    "seconds": round(lived.seconds, 1),
                    "cpu_seconds": round(lived.cpu_seconds, 1),
                    "pss_mb_highest": round(max(lived.pss_mb, default=0), 1),
                    "pss_mb_median": round(statistics.median(lived.pss_mb), 1) if lived.pss_mb else 0,
                    "letters": letters(on),
                }
            )
        )


if __name__ == "__main__":
    main()
