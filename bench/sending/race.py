"""One figure of a bench: processes that begin at once, and what they and their servers used meanwhile.

Belongs here: starting, timing, adding up. Does not: which figures there are (`bench_send`), nor what a process does.
A process reads its orders as a line of JSON, says `ready`, waits for a line, works, and tells what it used as JSON.
"""

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sending.processes import ServerUse, server_use, tree_cpu_seconds

_ROOT = Path(__file__).parent.parent.parent
Orders = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Result:
    """One repetition of one figure. CPU seconds of senders, of PostgreSQL, and of the process that plays the provider."""

    messages: int
    seconds: float
    client_cpu: float
    server_cpu: float
    provider_cpu: float
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
            "provider_cpu_ms": self.provider_cpu / n * 1000,
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


@dataclass(frozen=True, slots=True)
class Servers:
    """What the processes of a race talk to: a PostgreSQL server, and the process that plays the provider, if there is one."""

    admin: "psycopg.Connection[tuple[int, int, int]]"
    postmaster: int
    provider: int | None = None

    def use(self) -> ServerUse:
        """The database's counters."""
        return server_use(self.admin, self.postmaster)

    def provider_cpu(self) -> float:
        """Its CPU seconds since it began."""
        return 0.0 if self.provider is None else tree_cpu_seconds(self.provider)


def race(command: Sequence[str | Path], orders: Sequence[Orders], servers: Servers) -> Result:
    """Start one process for each of the orders, let all go at once, and add up what they used."""
    processes = [
        subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in orders
    ]
    for process, order in zip(processes, orders, strict=True):
        _say(process, json.dumps(order))
    for process in processes:
        assert _hear(process) == "ready"
    before, played, start = servers.use(), servers.provider_cpu(), time.monotonic()
    for process in processes:
        _say(process, "go")
    told = [json.loads(_hear(process)) for process in processes]
    seconds = time.monotonic() - start
    for process in processes:
        process.communicate()
    use, played = servers.use().since(before), servers.provider_cpu() - played
    messages = sum(each["sent"] for each in told)
    assert messages, told
    client = sum(each["cpu_seconds"] for each in told)
    rss = max(each["rss_mb"] for each in told)
    return Result(messages, seconds, client, use.cpu_seconds, played, use.wal_fsyncs, use.wal_bytes, use.commits, rss)


def _say(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _hear(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
