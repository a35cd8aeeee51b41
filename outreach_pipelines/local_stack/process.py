"""A supervised child: started, awaited until it is ready, ended with all that it started."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from outreach_pipelines.local_stack.errors import LocalStackError, ServerDidNotStart
from outreach_pipelines.local_stack.process_record import (
    ProcessRecord,
    end_members,
    forget_record,
    save_record,
)
from outreach_pipelines.local_stack.spawn import Launch, spawn
from outreach_pipelines.local_stack.waiting import wait_until

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for readiness, for the end after INT to the child, for the end after TERM to all members."""

    ready: float = 30.0
    interrupt: float = 10.0
    terminate: float = 10.0


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a child's log and its record are kept."""

    log_dir: Path
    run_dir: Path


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """One child: `environment` is added to the few inherited variables, `ready` is asked with the child's pid."""

    name: str
    command: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    ready: Callable[[int], bool]
    patience: Patience = Patience()


class SupervisedProcess:
    """Runs one ChildPlan. A context manager: entering starts it. Start it from the main thread (see `spawn`)."""

    def __init__(self, plan: ChildPlan, folders: Folders) -> None:
        self._plan = plan
        self._folders = folders
        self._record: ProcessRecord | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the child prints since its last start; the log of the start before is kept beside it as `.previous`."""
        return self._folders.log_dir / f"{self._plan.name}.log"

    @property
    def pid(self) -> int | None:
        """The child's pid while it lives."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def start(self) -> None:
        """Start the child and return when it is ready. Raises ServerDidNotStart; then nothing is left running."""
        if self.pid is not None:
            message = f"{self._plan.name} runs already"
            raise LocalStackError(message)
        self._turn_log()
        planned = ProcessRecord.planned(self._plan.name, command=self._plan.command, cwd=self._plan.cwd)
        self._record = planned
        save_record(self._folders.run_dir, planned)
        try:
            self._child = self._spawn(planned)
            self._await_ready(self._child)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """INT to the child, TERM to all that remains, KILL after that; nothing happens if it was not started.

        A child that ends on INT can leave others behind (`dagster dev` leaves its code servers, and with them running
        sends): they get their TERM at once. Raises ServerDidNotStop.
        """
        child, record, self._child, self._record = self._child, self._record, None, None
        if record is None:
            return
        if child is not None:
            _interrupt(child, seconds=self._plan.patience.interrupt)
        end_members(record, terminate_seconds=self._plan.patience.terminate)
        if child is not None:
            child.kill()  # ended already, unless it hid its mark; our own child's pid cannot be another program's
            child.wait()
        forget_record(self._folders.run_dir, record)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _turn_log(self) -> None:
        self._folders.log_dir.mkdir(parents=True, exist_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.previous"))

    def _spawn(self, planned: ProcessRecord) -> subprocess.Popen[bytes]:
        environment = {**inherited_environment(), **self._plan.environment, **planned.environment()}
        try:
            child = spawn(Launch(self._plan.command, self._plan.cwd, environment, self.log))
        except OSError as fault:
            raise ServerDidNotStart(self._plan.name, str(fault), log=self.log) from fault
        self._record = planned.started(child.pid)
        save_record(self._folders.run_dir, self._record)
        return child

    def _await_ready(self, child: subprocess.Popen[bytes]) -> None:
        seconds = self._plan.patience.ready
        in_time = wait_until(lambda: child.poll() is not None or self._plan.ready(child.pid), seconds=seconds)
        if child.poll() is not None:
            raise ServerDidNotStart(self._plan.name, f"it ended with {child.returncode}", log=self.log)
        if not in_time:
            raise ServerDidNotStart(self._plan.name, f"not ready within {seconds:.0f} seconds", log=self.log)


def inherited_environment() -> Mapping[str, str]:
    """Return what a child takes over from this process: no setting and no secret comes along by accident."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def _interrupt(child: subprocess.Popen[bytes], *, seconds: float) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        wait_until(lambda: child.poll() is not None, seconds=seconds)
