"""What processes have used: CPU and memory of a whole tree by /proc, and what the database wrote.

Belongs here: reading counters. Does not: when they are read (`bench_send`).
"""

import os
from dataclasses import dataclass
from pathlib import Path

import psycopg

_TICKS = os.sysconf("SC_CLK_TCK")
_PPID, _UTIME, _CSTIME = 1, 11, 14  # fields of /proc/PID/stat behind the name, see proc(5)


@dataclass(frozen=True, slots=True)
class ServerUse:
    """Counters of one PostgreSQL server since its start."""

    cpu_seconds: float
    wal_bytes: int
    wal_fsyncs: int
    commits: int

    def since(self, earlier: "ServerUse") -> "ServerUse":
        """What was used in between."""
        return ServerUse(
            self.cpu_seconds - earlier.cpu_seconds,
            self.wal_bytes - earlier.wal_bytes,
            self.wal_fsyncs - earlier.wal_fsyncs,
            self.commits - earlier.commits,
        )


def tree_cpu_seconds(root: int) -> float:
    """User and system time of a process, its living descendants, and the dead ones that were waited for."""
    known = _all_processes()
    return sum(known[pid][1] for pid in _family(root, known) if pid in known)


def processes_below(root: int, word: str) -> set[int]:
    """Living descendants of a process with `word` in their command lines."""
    return {pid for pid in _family(root, _all_processes()) - {root} if word in _command(pid)}


def memory_kb(pid: int) -> int:
    """Proportional set size; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _family(root: int, known: dict[int, tuple[int, float]]) -> set[int]:
    family = {root}
    while grown := {pid for pid, (parent, _) in known.items() if parent in family} - family:
        family |= grown
    return family


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def server_use(admin: "psycopg.Connection[tuple[int, int, int]]", postmaster: int) -> ServerUse:
    """Counters that other sessions have reported by now; each backend reports when it ends or idles."""
    row = admin.execute(
        """select (select wal_bytes from pg_stat_wal)::bigint,
                  (select coalesce(sum(fsyncs), 0) from pg_stat_io where object = 'wal')::bigint,
                  (select sum(xact_commit) from pg_stat_database)::bigint"""
    ).fetchone()
    assert row is not None
    return ServerUse(tree_cpu_seconds(postmaster), *row)


def _all_processes() -> dict[int, tuple[int, float]]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # ended meanwhile
                continue
            ticks = sum(int(field) for field in fields[_UTIME : _CSTIME + 1])
            found[int(folder.name)] = (int(fields[_PPID]), ticks / _TICKS)
    return found
