"""Who is behind a `postmaster.pid`, and how a data folder becomes free for a start.

PostgreSQL refuses to start while the pid in that file answers to signal 0, also when it is a zombie or another program
which got the number after a crash (CreateLockFile in src/backend/utils/init/miscinit.c). Those cases are settled here,
before the start.
"""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import assert_never

import psutil

from outreach_pipelines.local_stack.errors import ServerDidNotStop
from outreach_pipelines.local_stack.waiting import wait_until

PRODUCT = "PostgreSQL"
STOP_SECONDS = 30.0
ORPHANS_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class PidFile:
    """Lines 1 and 8 of postmaster.pid (src/include/utils/pidfile.h); `pid` is None when the file is cut short."""

    pid: int | None
    status: str


class Holder(Enum):
    """What the pid in the file is now."""

    NONE = auto()
    GONE = auto()
    ZOMBIE = auto()
    POSTMASTER = auto()
    OTHER_PROGRAM = auto()


def read_pid_file(data: Path) -> PidFile | None:
    """Return what postmaster.pid says; None when there is none."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    first = lines[0].strip() if lines else ""
    return PidFile(int(first) if first.isdigit() else None, lines[7].strip() if len(lines) > 7 else "")


def holder_of(file: PidFile | None, data: Path) -> Holder:
    """Tell whose pid it is: a postmaster works in its data folder and is run by the folder's owner."""
    if file is None:
        return Holder.NONE
    if file.pid is None:
        return Holder.OTHER_PROGRAM
    try:
        return _judge(psutil.Process(file.pid), data)
    except psutil.NoSuchProcess:
        return Holder.GONE


def free_data_folder(data: Path) -> None:
    """End a server that an earlier process left on `data` and clear a pid file that names no server.

    Only for a caller that holds the folder's lock: then no living process owns that server. Raises ServerDidNotStop.
    """
    file = read_pid_file(data)
    match holder_of(file, data):
        case Holder.NONE | Holder.GONE:
            _await_orphans(data)  # PostgreSQL removes the file of a dead one itself
        case Holder.POSTMASTER:
            _stop(file, data)
        case Holder.ZOMBIE | Holder.OTHER_PROGRAM:
            _await_orphans(data)
            (data / "postmaster.pid").unlink(missing_ok=True)
        case unknown:
            assert_never(unknown)


def servers_of(data: Path) -> Iterator[psutil.Process]:
    """Yield the living PostgreSQL processes, postmaster or backend, that work in `data`."""
    for process in psutil.process_iter():
        try:
            found = process.name().startswith("postgres") and not _is_zombie(process) and _works_in(process, data)
        except psutil.Error:  # gone meanwhile, or of a user that is not ours
            continue
        if found:
            yield process


def _judge(process: psutil.Process, data: Path) -> Holder:
    if _is_zombie(process):
        return Holder.ZOMBIE
    if process.uids().real != data.stat().st_uid:
        return Holder.OTHER_PROGRAM
    return Holder.POSTMASTER if _works_in(process, data) else Holder.OTHER_PROGRAM


def _works_in(process: psutil.Process, data: Path) -> bool:
    return Path(process.cwd()) == data.resolve()


def _is_zombie(process: psutil.Process) -> bool:
    return bool(process.status() == psutil.STATUS_ZOMBIE)


def _stop(file: PidFile | None, data: Path) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate shutdown (PostgreSQL manual, 18.5)
        if file and file.pid and holder_of(file, data) is Holder.POSTMASTER:
            psutil.Process(file.pid).send_signal(number)
        if wait_until(lambda: not any(servers_of(data)), seconds=STOP_SECONDS):
            return
    raise ServerDidNotStop(PRODUCT, [process.pid for process in servers_of(data)])


def _await_orphans(data: Path) -> None:
    """Wait for backends that outlive a killed postmaster by moments: a start would find their shared memory in use."""
    if not wait_until(lambda: not any(servers_of(data)), seconds=ORPHANS_SECONDS):
        raise ServerDidNotStop(PRODUCT, [process.pid for process in servers_of(data)])
