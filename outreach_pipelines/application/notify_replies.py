"""Tell people that somebody wants to hear more: each reply and target once, by a row.

Belongs here: what is told, how often it is tried. Does not: how it travels (an adapter behind `Notifier`), and never
anything that the reading of mail waits for.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, assert_never

from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reference import SecretRef
from outreach_pipelines.domain.tenant import TenantId, TenantRef

MOST_TRIES = 10
SECONDS = 20.0
"""After which nobody further is told in one look: services may be slow, and the next look goes on."""
LONGEST_WAIT_SECONDS = 6 * 3600
LONGEST_EXCERPT = 300


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """Whom to tell, by references to their secret addresses; of which intents ("none" among them); and whether with an excerpt.

    Without an excerpt a notice names no person and quotes nobody: who reads it opens the reply here.
    """

    targets: tuple[SecretRef, ...]
    intents: tuple[str, ...] = (Intent.POSITIVE.value, Intent.MEETING.value, Intent.REFERRAL.value)
    with_excerpt: bool = False


@dataclass(frozen=True, slots=True)
class WaitingNotice:
    """A notice whose turn it is; `tries` counts this one."""

    inbound: InboundId
    target: str
    tries: int
    received_at: datetime
    intent: str | None
    campaign: str | None
    mailbox: str | None
    assigned_to: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Plain text. What others wrote is in `body` without characters that a chat would act on."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Told:
    """The service took it."""


@dataclass(frozen=True, slots=True)
class NotTold:
    """It did not, or nobody knows."""

    reason: str


class Notifier(Protocol):
    """Some way to tell people."""

    def tell(self, target: SecretRef, notice: Notice) -> Told | NotTold:
        """One try, bounded in time. Never raises, and no secret is in what it returns."""
        ...


class NoticeBook(Protocol):
    """Which replies were told to whom."""

    def queue(self, tenant: TenantId, targets: Sequence[str], intents: Sequence[str]) -> int:
        """Write a waiting row for each reply of late that is to be told and has none; how many."""
        ...

    def claim(self, tenant: TenantId, targets: Sequence[str]) -> WaitingNotice | None:
        """One whose time has come, put off at once: a second process finds another. None when there is none."""
        ...

    def settle(
        self, tenant: TenantId, notice: WaitingNotice, outcome: Told | NotTold, retry_seconds: int | None
    ) -> None:
        """What came of it; without `retry_seconds` a notice that was not told is given up."""
        ...


@dataclass(slots=True)
class Notified:
    """Counts of one look."""

    told: int = 0
    not_told: int = 0
    given_up: int = 0


def notify_replies(
    book: NoticeBook, notifier: Notifier, policy: NoticePolicy, *, tenant: TenantRef, seconds: float = SECONDS
) -> Notified:
    """Tell what is new, and try again what was not told. Each reply once to each target; a crash in between tells once more."""
    done, ends = Notified(), time.monotonic() + seconds
    by_name = {str(target): target for target in policy.targets}
    if not by_name:
        return done
    book.queue(tenant.id, list(by_name), policy.intents)
    while time.monotonic() < ends and (waiting := book.claim(tenant.id, list(by_name))) is not None:
        notice = notice_of(tenant, waiting, with_excerpt=policy.with_excerpt)
        outcome = notifier.tell(by_name[waiting.target], notice)
        retry = retry_seconds(outcome, waiting.tries)
        book.settle(tenant.id, waiting, outcome, retry)
        count_notice(done, outcome, retry)
    return done


def notice_of(tenant: TenantRef, waiting: WaitingNotice, *, with_excerpt: bool) -> Notice:
    """What is told of a reply."""
    what = waiting.intent or "reply"
    lines = [
        f"{waiting.campaign or 'no campaign'}, to {waiting.mailbox or 'an inbox'}, {waiting.received_at:%Y-%m-%d %H:%M} UTC",
        f"answered by: {waiting.assigned_to}" if waiting.assigned_to else "nobody answers it yet",
        f"outreach replies show {waiting.inbound} --tenant {tenant.slug}",
    ]
    if with_excerpt and waiting.text:
        lines.append(f"it says: {_inert(waiting.text)}")
    return Notice(f"{tenant.slug}: {what}, mail {waiting.inbound}", "\n".join(lines))


#: What chats take for mentions, links with a false face, or markup.
_FALSE_FACES = str.maketrans(
    {"<": "‹", ">": "›", "@": "＠", "[": "(", "]": ")", "`": "'", "*": "·", "_": "-", "|": "/", "&": "+"}
)


def _inert(text: str) -> str:
    flat = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * LONGEST_EXCERPT]).split())
    short = flat if len(flat) <= LONGEST_EXCERPT else f"{flat[: LONGEST_EXCERPT - 1]}…"
    return short.translate(_FALSE_FACES).replace("://", ": //")


def retry_seconds(outcome: Told | NotTold, tries: int) -> int | None:
    """A minute after the first try, twice as long after each, six hours at most; None when there is no next."""
    match outcome:
        case Told():
            return None
        case NotTold():
            return None if tries >= MOST_TRIES else min(60 * 2 ** (tries - 1), LONGEST_WAIT_SECONDS)
    assert_never(outcome)


def count_notice(done: Notified, outcome: Told | NotTold, retry: int | None) -> None:
    """Add one outcome to the counts of a look."""
    match outcome:
        case Told():
            done.told += 1
        case NotTold():
            done.not_told += 1
            done.given_up += retry is None
        case _:
            assert_never(outcome)
