"""What is remembered of a child on disk, and the ending of children whose supervisor was killed.

A child and all that it starts carry a random mark in their environment. The mark is written down before the child is
started, so that no moment of a kill -9 leaves a process without a record. A process that carries it is ours, whatever
became of its parent, group or session; a process that merely got an old pid does not carry it.
"""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NewType, Self

import psutil

from outreach_pipelines.local_stack.errors import LocalStackError, ServerDidNotStop
from outreach_pipelines.local_stack.waiting import wait_until

ProcessMark = NewType("ProcessMark", str)

MARK_VARIABLE = "OUTREACH_PROCESS_MARK"
TERMINATE_SECONDS = 10.0
KILL_SECONDS = 10.0
CLOCK_TOLERANCE_SECONDS = 2.0  # start times are counted from the boot time, which a corrected clock moves


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One child: `leader` is its pid, group and session in one number; it and the start are None until it runs."""

    name: str
    mark: ProcessMark
    command: tuple[str, ...]
    cwd: str
    leader: int | None = None
    started_at: float | None = None
    """Seconds since the epoch, as the operating system tells it."""

    @classmethod
    def planned(cls, name: str, *, command: Sequence[str], cwd: Path) -> Self:
        """Return the record of a child that is about to be started."""
        return cls(name, ProcessMark(secrets.token_hex(16)), tuple(command), str(cwd))

    def started(self, pid: int) -> Self:
        """Return the record of the same child, running as `pid`."""
        return replace(self, leader=pid, started_at=psutil.Process(pid).create_time())

    def environment(self) -> Mapping[str, str]:
        """Return what the child's environment must hold."""
        return {MARK_VARIABLE: self.mark}


@dataclass(frozen=True, slots=True)
class Cleared:
    """Leftovers of the child `name` that were ended."""

    name: str
    pids: tuple[int, ...]


def save_record(run_dir: Path, record: ProcessRecord) -> None:
    """Write the record, whole or not at all."""
    run_dir.mkdir(parents=True, exist_ok=True)
    unfinished = run_dir / f"{record.name}.unfinished"
    unfinished.write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")
    unfinished.replace(_path(run_dir, record.name))


def forget_record(run_dir: Path, record: ProcessRecord) -> None:
    """Remove the record: the child and all that it started have ended."""
    _path(run_dir, record.name).unlink(missing_ok=True)


def clear_stale(run_dir: Path) -> tuple[Cleared, ...]:
    """End what earlier supervisors left behind: TERM, then KILL. Other programs are never touched.

    Only for a caller who knows that no living supervisor uses `run_dir` (see `folder_lock`).
    Raises LocalStackError if a record cannot be read, ServerDidNotStop if a process survives.
    """
    cleared = []
    for path in sorted(run_dir.glob("*.json")):
        record = _read(path)
        pids = end_members(record)
        forget_record(run_dir, record)
        if pids:
            cleared.append(Cleared(record.name, pids))
    return tuple(cleared)


def members(record: ProcessRecord) -> Iterator[psutil.Process]:
    """Yield the living processes of the child: itself and its descendants, also in other groups and orphaned."""
    for process in psutil.process_iter():
        try:
            ours = process.status() != psutil.STATUS_ZOMBIE and _belongs(process, record)
        except psutil.Error:  # gone meanwhile, or of another user; our children run as ourselves
            continue
        if ours:
            yield process


def end_members(record: ProcessRecord, *, terminate_seconds: float = TERMINATE_SECONDS) -> tuple[int, ...]:
    """TERM all members, KILL those that remain after `terminate_seconds`; return the pids that were found at first.

    Raises ServerDidNotStop.
    """
    found = tuple(members(record))
    for process in found:
        _signal(process, force=False)
    if not wait_until(lambda: not any(members(record)), seconds=terminate_seconds if found else 0.0):
        _kill_members(record)
    return tuple(process.pid for process in found)


def _kill_members(record: ProcessRecord) -> None:
    def none_is_left() -> bool:
        remaining = tuple(members(record))  # asked anew each time: a member may have started another one meanwhile
        for process in remaining:
            _signal(process, force=True)
        return not remaining

    if not wait_until(none_is_left, seconds=KILL_SECONDS):
        raise ServerDidNotStop(record.name, [process.pid for process in members(record)])


def _signal(process: psutil.Process, *, force: bool) -> None:
    try:
        # psutil compares start times first: a pid that went to another program is not hit.
        process.kill() if force else process.terminate()
    except psutil.NoSuchProcess:
        return


def _belongs(process: psutil.Process, record: ProcessRecord) -> bool:
    environment = process.environ()
    if environment:
        return environment.get(MARK_VARIABLE) == record.mark
    return _is_unmarked_leader(process, record)


def _is_unmarked_leader(process: psutil.Process, record: ProcessRecord) -> bool:
    """Recognise a child that wrote over its environment, as programs that set their title do."""
    if record.leader != process.pid or record.started_at is None:
        return False
    same_start = abs(process.create_time() - record.started_at) <= CLOCK_TOLERANCE_SECONDS
    return same_start and process.cwd() == record.cwd


def _path(run_dir: Path, name: str) -> Path:
    return run_dir / f"{name}.json"


def _read(path: Path) -> ProcessRecord:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return ProcessRecord(**{**fields, "command": tuple(fields["command"])})
    except (ValueError, TypeError, KeyError) as fault:
        message = f"{path} cannot be read: end what it names by hand, if anything, and delete it"
        raise LocalStackError(message) from fault
