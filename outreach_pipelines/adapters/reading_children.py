"""Mails read in processes of their own: beside the one that talks to servers, and where a bomb harms nothing.

Belongs here: starting children, sharing them among threads, ending them, and what the death of one means. Does not: what a
child does (`reading_child`).
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import LifoQueue
from threading import Lock
from typing import Final

from outreach_pipelines.adapters.reading_child import READY
from outreach_pipelines.application.inbox_mail import FetchedMail
from outreach_pipelines.application.read_mail import ReadMails, quarantined, read_mails
from outreach_pipelines.domain.inbound.message import InboundMessage

MOST_CHILDREN: Final = 4
WORTH_A_CHILD: Final = 50
"""So many mails are read here first: starting a child costs as much CPU as reading some hundreds."""
_SECONDS_TO_START: Final = 60.0
_SECONDS_TO_END: Final = 5.0


def _cores_beside() -> int:
    """Talking to servers and the database takes one itself."""
    return max(1, min(MOST_CHILDREN, (os.cpu_count() or 1) - 1))


@dataclass(frozen=True, slots=True)
class ReadingChildren:
    """`OpenReading`: children start when there is enough to read, and end when it is left.

    A child that dies over mails, or is silent about them for `seconds`, is replaced, and each of them is read alone. A mail
    that ends a child alone as well is quarantined. Where no child can be started, mails are read in this process.
    """

    most: int = field(default_factory=_cores_beside)
    worth: int = WORTH_A_CHILD
    seconds: float = 300.0
    program: tuple[str, ...] = (sys.executable, "-m", "outreach_pipelines.adapters.reading_child")

    @contextmanager
    def __call__(self) -> Iterator[ReadMails]:
        """See `OpenReading`."""
        places = _Places(self)
        try:
            yield places.read
        finally:
            places.end()


class _Places:
    """Room for so many children, each taken by one thread at a time; who finds none free waits for one."""

    def __init__(self, rules: ReadingChildren) -> None:
        self._few, self._counting = rules.worth, Lock()
        self._places = [_Place(rules) for _ in range(rules.most)]
        # The one that was given back last is taken first: where one child is enough, no second one is started.
        self._free: LifoQueue[_Place] = LifoQueue()
        for place in self._places:
            self._free.put(place)

    def read(self, mails: Sequence[FetchedMail]) -> Sequence[InboundMessage]:
        if self._are_few(mails):
            return read_mails(mails)
        place = self._free.get()
        try:
            return place.read(mails)
        finally:
            self._free.put(place)

    def end(self) -> None:
        for place in self._places:
            place.end()

    def _are_few(self, mails: Sequence[FetchedMail]) -> bool:
        with self._counting:
            self._few -= len(mails)
            return self._few >= 0


class _Place:
    """At most one child at a time, started when it is needed."""

    def __init__(self, rules: ReadingChildren) -> None:
        self._rules = rules
        self._child: _Child | None = None
        self._may_start = True

    def read(self, mails: Sequence[FetchedMail]) -> Sequence[InboundMessage]:
        said = self._asked(mails)
        return [self._alone(mail) for mail in mails] if said is None else said

    def end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _alone(self, mail: FetchedMail) -> InboundMessage:
        said = self._asked([mail])
        return quarantined(mail) if said is None else said[0]

    def _asked(self, mails: Sequence[FetchedMail]) -> Sequence[InboundMessage] | None:
        """None when the child did not survive these mails."""
        if self._child is None and self._may_start:
            self._child = _started(self._rules.program)
            # A machine that has no room for one now would be asked for one at every mail.
            self._may_start = self._child is not None
        if self._child is None:
            return read_mails(mails)
        said = self._child.said_of(mails, self._rules.seconds)
        if said is None:
            self._child.kill()
            self._child = None
        return said


@dataclass(frozen=True, slots=True)
class _Child:
    """A process that waits for mails at the other end of `line`."""

    process: "subprocess.Popen[bytes]"
    line: Connection

    def is_ready(self) -> bool:
        try:
            return self.line.poll(_SECONDS_TO_START) and self.line.recv() == READY
        except (EOFError, OSError):
            return False

    def said_of(self, mails: Sequence[FetchedMail], seconds: float) -> Sequence[InboundMessage] | None:
        try:
            self.line.send(mails)
            if not self.line.poll(seconds):
                return None
            said: Sequence[InboundMessage] = self.line.recv()
        except (EOFError, OSError):
            return None
        return said

    def end(self) -> None:
        """An idle child leaves when its line is closed; one that does not is killed."""
        self.line.close()
        try:
            self.process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.line.close()


def _started(program: Sequence[str]) -> _Child | None:
    """None where the system has no room for it, or it ends before it is ready."""
    ours, theirs = Pipe()
    try:
        with theirs:
            process = subprocess.Popen(
                [*program, str(theirs.fileno())], stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
    except OSError:
        ours.close()
        return None
    child = _Child(process, ours)
    if child.is_ready():
        return child
    child.kill()
    return None
