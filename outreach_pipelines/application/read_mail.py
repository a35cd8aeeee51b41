"""What mails say: in this process, or wherever an adapter has them read.

Belongs here: that a mail which defeats its reader is a finding, and no fault. Does not: what words mean (`domain/inbound`),
processes (an adapter), what follows from a mail (`sync_replies`).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Lock

from outreach_pipelines.application.inbox_mail import FetchedMail
from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import (
    ContentDigest,
    Correlation,
    InboundMessage,
    Unreadable,
    UnreadableReason,
)

ReadMails = Callable[[Sequence[FetchedMail]], Sequence[InboundMessage]]
"""What each mail says, in their order; it raises for nothing that a mail holds. Called from several threads."""
OpenReading = Callable[[], AbstractContextManager[ReadMails]]
"""Whatever it started has ended when it is left."""
_ONE_AT_A_TIME = Lock()


@contextmanager
def reading_here() -> Iterator[ReadMails]:
    """In this process, whatever the mails cost it."""
    yield read_mails


def read_mails(mails: Sequence[FetchedMail]) -> Sequence[InboundMessage]:
    """`ReadMails`, in this process: one thread at a time.

    Rules are compiled at their first use, by each thread that comes before the first has ended; and threads that compute side
    by side only hold up those that talk to servers.
    """
    with _ONE_AT_A_TIME:
        return [read_mail(mail) for mail in mails]


def read_mail(mail: FetchedMail) -> InboundMessage:
    """Of a mail that is too large, its head speaks: reports put their fields first, and people their text."""
    try:
        return classify(mail.raw, mail.received_at)
    except Exception:  # noqa: BLE001 - a poisoned mail goes to quarantine, and never stops the feed for those behind it
        return quarantined(mail)


def quarantined(mail: FetchedMail) -> InboundMessage:
    """A mail of which nothing is known: people look at it."""
    return InboundMessage(
        digest=ContentDigest(hashlib.sha256(mail.raw).hexdigest()),
        received_at=mail.received_at,
        sender=None,
        subject="",
        correlation=Correlation(),
        content=Unreadable(UnreadableReason.DEFEATED_READER),
    )
