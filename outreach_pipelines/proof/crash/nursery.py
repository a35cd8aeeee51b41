"""The program that forks senders, seen from the one who asks for them.

Belongs here: starting it and talking with it. Does not: what a sender does.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

#: It wires production, and so it stands above this room: named, not imported.
PROGRAM = "outreach_pipelines.cli.killable_sender"
Pids = Future[Sequence[int]]


class NurseryEndedError(RuntimeError):
    """The program has gone; what it said is on standard error."""


@dataclass(frozen=True, slots=True)
class Nursery:
    """One request at a time."""

    program: "subprocess.Popen[str]"

    def senders(self, environments: Sequence[Mapping[str, str]], pids: Pids) -> Sequence[int]:
        """Run a sender in each environment, all at once, to their ends; their numbers are told as soon as they live.

        Gives their exit statuses, negative for a signal.
        """
        requests = _piped(self.program.stdin)
        requests.write(json.dumps([dict(each) for each in environments]) + "\n")
        requests.flush()
        pids.set_result(self._numbers())
        return self._numbers()

    def _numbers(self) -> Sequence[int]:
        line = _piped(self.program.stdout).readline()
        if not line:
            raise NurseryEndedError
        return [int(each) for each in json.loads(line)]


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """Started in a folder without settings of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OUTREACH_")}
    command = [sys.executable, "-m", PROGRAM]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        yield Nursery(program)
        _piped(program.stdin).close()


def _piped(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise NurseryEndedError
    return pipe
