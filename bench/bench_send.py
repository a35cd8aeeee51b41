"""What a message costs from claim to outcome, beside two peers on the same PostgreSQL in the same run.

Prints one JSON object a figure: medians over interleaved repetitions. CPU is in milliseconds a message, of the senders and
of the database server apart. Peers run in `.venv-bench` (`make bench-send`); without it they are left out.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sending import tenants
from sending.processes import server_use
from sqlalchemy import make_url

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role, bootstrap
from outreach_pipelines.adapters.postgres.migrate import migrate
from outreach_pipelines.adapters.templates import template_key
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS = ROOT / ".venv-bench" / "bin" / "python"
LEAST_SECONDS_OF_HOUR = 120
Orders = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Ground:
    """A migrated database, an empty one for the peers, templates, and a sink for letters."""

    admin: "psycopg.Connection[tuple[int, int, int]]"
    postmaster: int
    urls: DatabaseUrls
    peers_url: str
    folder: Path
    sink: int


@dataclass(frozen=True, slots=True)
class Result:
    """One repetition of one figure."""

    messages: int
    seconds: float
    client_cpu: float
    server_cpu: float
    wal_fsyncs: int
    wal_bytes: int
    commits: int
    rss_mb: int

    def figures(self) -> dict[str, float]:
        """A message's share."""
        n = self.messages
        return {
            "cpu_ms": (self.client_cpu + self.server_cpu) / n * 1000,
            "client_cpu_ms": self.client_cpu / n * 1000,
            "server_cpu_ms": self.server_cpu / n * 1000,
            "per_second": n / self.seconds,
            "wal_fsyncs": self.wal_fsyncs / n,
            "wal_bytes": self.wal_bytes / n,
            "commits": self.commits / n,
            "rss_mb": self.rss_mb,
        }


@dataclass(slots=True)
class Figure:
    """`run` gives one repetition."""

    name: str
    run: Callable[[], Result]
    results: list[Result] = field(default_factory=list)

    def medians(self) -> dict[str, float]:
        """Over the repetitions; each number by itself."""
        rows = [result.figures() for result in self.results]
        return {name: round(statistics.median(row[name] for row in rows), 3) for name in rows[0]}


@contextmanager
def ground() -> Iterator[Ground]:
    """Everything that is measured against; all of it ends with this."""
    with tempfile.TemporaryDirectory(prefix="outreach-bench-", dir=_memory()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "files").mkdir()
        for template in (tenants.TEXT, tenants.HTML):
            body = template.encode()
            LocalObjectStore(folder / "files").put(template_key(tenants.sha256(body)), body)
        postgres = EmbeddedPostgres(folder / "postgres")
        address = postgres.start()
        sink = subprocess.Popen([sys.executable, HERE / "sending" / "smtp_sink.py"], stdout=subprocess.PIPE, text=True)
        try:
            urls = bootstrap(address.url(), database="bench")
            migrate(urls[Role.MIGRATE])
            admin = psycopg.connect(address.url("bench"), autocommit=True)
            admin.execute("create database peers")
            admin.execute("update app.environment set heartbeat_at = clock_timestamp()")
            assert postgres.pid is not None
            assert sink.stdout is not None
            yield Ground(admin, postgres.pid, urls, address.url("peers"), folder, int(sink.stdout.readline()))
        finally:
            sink.terminate()
            sink.wait()
            postgres.stop()


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder in memory, for all sides alike


def race(on: Ground, command: Sequence[str | Path], orders: Sequence[Orders]) -> Result:
    """Start one process for each of the orders, let all go at once, and add up what they used."""
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in orders
    ]
    for process, order in zip(processes, orders, strict=True):
        _say(process, json.dumps(order))
    for process in processes:
        assert _hear(process) == "ready"
    before, start = server_use(on.admin, on.postmaster), time.monotonic()
    for process in processes:
        _say(process, "go")
    told = [json.loads(_hear(process)) for process in processes]
    seconds = time.monotonic() - start
    for process in processes:
        process.communicate()
    use = server_use(on.admin, on.postmaster).since(before)
    messages = sum(each["sent"] for each in told)
    assert messages, told
    client = sum(each["cpu_seconds"] for each in told)
    rss = max(each["rss_mb"] for each in told)
    return Result(messages, seconds, client, use.cpu_seconds, use.wal_fsyncs, use.wal_bytes, use.commits, rss)


def _say(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _hear(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ours(on: Ground, *, workers: int, messages: int, tenants_each: int = 1, hot: bool = False, shared: bool = False,
         smtp: bool = False) -> Result:  # fmt: skip
    """`messages` in all. `hot`: one tenant for all workers. `shared`: one account for all tenants."""
    _wait_for_room_in_hour()
    number = 1 if hot else workers * tenants_each
    account = tenants.new_account(on.admin, "smtp", {})
    due = []
    for _ in range(number):
        due.append(tenants.due_tenant(on.admin, account, messages // number))
        account = account if shared else tenants.new_account(on.admin, "smtp", {})
    on.admin.execute("vacuum analyze")
    orders = [
        {
            "url": on.urls[Role.APP],
            "files": str(on.folder / "files"),
            "smtp_port": on.sink if smtp else None,
            "hours": [(each.tenant, each.hour.isoformat()) for each in (due if hot else due[worker::workers])],
        }
        for worker in range(workers)
    ]
    result = race(on, [sys.executable, HERE / "sending" / "ours.py"], orders)
    assert result.messages == messages // number * number, f"{result.messages} of {messages} were sent"
    return result


def procrastinate(on: Ground, *, workers: int, messages: int) -> Result:
    """As many jobs that do nothing."""
    command = [PEERS, HERE / "peers" / "procrastinate_worker.py"]
    _tell(command, {"url": on.peers_url, "defer": messages})
    with psycopg.connect(on.peers_url, autocommit=True) as peers:
        peers.execute("vacuum analyze")
    return race(on, command, [{"url": on.peers_url}] * workers)


def post_office(on: Ground, *, processes: int, messages: int) -> Result:
    """As many letters of the same bodies through the same sink."""
    command = [PEERS, HERE / "peers" / "post_office_sender.py"]
    url = make_url(on.peers_url)
    orders = {
        "host": url.host, "port": url.port, "name": url.database, "user": url.username, "password": url.password, "smtp_port": on.sink,
        "lock": str(on.folder / "post_office"), "processes": processes,
    }  # fmt: skip
    _tell(command, {**orders, "migrate": True})
    _tell(command, {**orders, **_letter(), "queue": messages})
    with psycopg.connect(on.peers_url, autocommit=True) as peers:
        peers.execute("vacuum analyze")
    return race(on, command, [orders])


def _letter() -> dict[str, object]:
    url, tag = "https://u.test.example/u/" + "x" * 146, "a" * 39
    fields = {
        "first_name": "Ada", "company": "Company 7", "sender_name": "Grace Example", "postal_address": "1 Test Street", "unsubscribe_url": url,
    }  # fmt: skip

    def filled(template: str) -> str:
        for name, value in fields.items():
            template = template.replace("{{ " + name + " }}", value)
        return template

    return {
        "sender": "Grace Example <box1@test.example>", "subject": filled(tenants.SUBJECT), "text": filled(tenants.TEXT), "html": filled(tenants.HTML),
        "headers": {
            "List-Unsubscribe": f"<{url}>, <mailto:unsubscribe+{tag}@test.example?subject=unsubscribe>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }  # fmt: skip


def _tell(command: Sequence[str | Path], orders: Orders) -> None:
    subprocess.run(command, input=json.dumps(orders) + "\n", text=True, check=True, stdout=subprocess.PIPE)


def _wait_for_room_in_hour() -> None:
    left = 3600 - time.time() % 3600
    if left < LEAST_SECONDS_OF_HOUR:
        time.sleep(left + 1)


def figures(on: Ground, messages: int) -> list[Figure]:
    """Peers beside what they are compared with, so that they meet the same machine."""
    every = []
    for workers in (1, 4, 8):
        every.append(
            Figure(f"null transport, {workers} workers", lambda w=workers: ours(on, workers=w, messages=messages))
        )
        if PEERS.exists():
            every.append(
                Figure(
                    f"Procrastinate no-op, {workers} workers",
                    lambda w=workers: procrastinate(on, workers=w, messages=messages),
                )
            )
    every.append(Figure("one hot tenant, 8 workers", lambda: ours(on, workers=8, messages=messages, hot=True)))
    every.append(
        Figure(
            "one account of 40 tenants, 8 workers",
            lambda: ours(on, workers=8, messages=messages, tenants_each=5, shared=True),
        )
    )
    every.append(Figure("SMTP sink, 4 workers", lambda: ours(on, workers=4, messages=messages, smtp=True)))
    if PEERS.exists():
        every.append(
            Figure(
                "django-post-office into the sink, 4 processes", lambda: post_office(on, processes=4, messages=messages)
            )
        )
    return every


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", default="", help="a part of the names of the figures wanted")
    options = parser.parse_args()
    with ground() as on:
        wanted = [each for each in figures(on, options.messages) if options.only in each.name]
        for _ in range(options.repetitions):
            for figure in wanted:
                figure.results.append(figure.run())
                print(figure.name, file=sys.stderr, flush=True)
        for figure in wanted:
            print(
                json.dumps(
                    {
                        "figure": figure.name,
                        "messages": options.messages,
                        "repetitions": options.repetitions,
                        **figure.medians(),
                    }
                )
            )


if __name__ == "__main__":
    main()
