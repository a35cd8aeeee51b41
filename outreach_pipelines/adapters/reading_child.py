"""The program that reads mails for another process: `python -m outreach_pipelines.adapters.reading_child FD`.

Belongs here: its limits, and question and answer over a socket. Does not: who starts and ends it (`reading_children`), what
mails say (`domain/inbound`). It ends when its socket does.
"""

import resource
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Final

from outreach_pipelines.application.inbox_mail import Extent, FetchedMail
from outreach_pipelines.application.read_mail import ReadMails, read_mails

MOST_MEMORY: Final = 2 * 1024**3
"""Bytes of address space: more than any mail within the caps of domain/inbound takes, and less than hurts the machine."""
MOST_CPU_SECONDS: Final = 20
"""For one question. The system ends a child that takes more; waiting for a busy machine is no part of it."""
READY: Final = "ready"
_FIRST_WORDS = b"From: someone@example.com\r\nSubject: Re: Hello\r\n\r\nThank you.\r\n"


def main(read: ReadMails = read_mails, *, most_cpu_seconds: int = MOST_CPU_SECONDS) -> None:
    """Say that it is ready, then answer each sequence of `FetchedMail` with one of `InboundMessage`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the other process decides what ends
    _limit(resource.RLIMIT_AS, MOST_MEMORY)
    _limit(resource.RLIMIT_CORE, 0)
    # Rules are compiled at their first use, which is no mail's own time.
    read_mails([FetchedMail(1, datetime(2024, 1, 1, tzinfo=UTC), len(_FIRST_WORDS), Extent.WHOLE, _FIRST_WORDS)])
    with Connection(int(sys.argv[1])) as line, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        line.send(READY)
        while True:
            mails = line.recv()
            _limit(resource.RLIMIT_CPU, _cpu_seconds() + most_cpu_seconds)
            line.send(read(mails))


def _limit(kind: int, most: int) -> None:
    """The soft one: it may be moved again."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _cpu_seconds() -> int:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int(used.ru_utime + used.ru_stime) + 1


if __name__ == "__main__":
    main()
