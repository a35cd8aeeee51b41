"""A reading child that some mails end: by a crash, by silence, by work without end, by memory. A program, not a test."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from outreach_pipelines.adapters import reading_child
from outreach_pipelines.application.inbox_mail import FetchedMail
from outreach_pipelines.application.read_mail import read_mails
from outreach_pipelines.domain.inbound.message import InboundMessage


def doomed(mails: Sequence[FetchedMail]) -> Sequence[InboundMessage]:
    for mail in mails:
        if b"Subject: crash" in mail.raw:
            os._exit(9)
        if b"Subject: silence" in mail.raw:
            threading.Event().wait()
        while b"Subject: endless work" in mail.raw:
            pass
        if b"Subject: hunger" in mail.raw:
            bytearray(reading_child.MOST_MEMORY)
        if b"Subject: once" in mail.raw:
            _once(Path(os.environ["DOOMED_ONCE"]))
    return read_mails(mails)


def _once(mark: Path) -> None:
    if not mark.exists():
        mark.touch()
        os._exit(9)


if __name__ == "__main__":
    reading_child.main(doomed, most_cpu_seconds=1)
