"""One child process: its own session, its own log, and an end that follows its parent's."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from outreach_pipelines.local_stack.account import ServerAccount

PR_SET_PDEATHSIG = 1  # prctl(2), linux/prctl.h


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started: `environment` is the whole of it, nothing is inherited; output is appended to `log`."""

    command: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    log: Path
    account: ServerAccount | None = None


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """Start `launch` in a session of its own, with SIGINT at its default. Raises OSError if there is no such program.

    On Linux the child gets SIGINT when this process dies, also by kill -9. The kernel sends that signal when the
    *thread* that forked ends (prctl(2)), therefore only a child started from the main thread has it.
    """
    account = launch.account if launch.account and launch.account.switched else None
    with launch.log.open("ab") as log:
        return subprocess.Popen(
            launch.command,
            cwd=launch.cwd,
            env=dict(launch.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_child_setup(),
        )


def _child_setup() -> Callable[[], None]:
    """Return what the child does just before exec, after it changed its user (which would clear the death signal)."""
    parent = os.getpid()
    prctl = _prctl() if threading.current_thread() is threading.main_thread() else None

    def setup() -> None:
        # A shell starts background jobs with SIGINT ignored, and a child would inherit that and never stop.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, signal.SIGINT.value)
            if os.getppid() != parent:  # the parent died before the request reached the kernel
                os._exit(1)

    return setup


def _prctl() -> Callable[[int, int], int] | None:
    """Return prctl on Linux. Looked up before the fork: that takes locks which a forked child may never get."""
    if not sys.platform.startswith("linux"):
        return None
    function: Callable[[int, int], int] = ctypes.CDLL(None, use_errno=True).prctl
    return function
