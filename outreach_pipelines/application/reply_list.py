"""Replies as people look at them: which there are, who answers them, and the port behind it.

Belongs here: the values and filters of lists, and giving a reply to somebody. Does not: the thread around one
(`reply_thread`), verdicts on uncertain mail (`review_replies`), intents (`decide_intents`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from outreach_pipelines.application.acts_by_hand import Actor
from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.stored_objects import ObjectKey
from outreach_pipelines.domain.ids import EnrollmentId
from outreach_pipelines.domain.inbound.message import MessageKind
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.reply_intent.decided import DecidedIntent
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import NotFound, Refused

MOST_LISTED = 100
NOBODY, ANYBODY = "nobody", "anybody"
"""What lists understand in the place of a name."""
NO_INTENT = "none"
"""How a filter names replies of which no intent is known."""
MACHINES_ABOUT_MAIL = frozenset(
    {MessageKind.DELIVERY_REPORT, MessageKind.DISPOSITION_NOTICE, MessageKind.FEEDBACK_NOTICE, MessageKind.UNREADABLE}
)
ANSWERS = tuple(kind.value for kind in MessageKind if kind not in MACHINES_ABOUT_MAIL)
"""Kinds that a list shows when none is asked for: what people and their programs answered."""


@dataclass(frozen=True, slots=True)
class ReplyFilter:
    """What is asked for. `intents` may hold `NO_INTENT`; a field that is None asks for nothing."""

    kinds: tuple[str, ...] | None = ANSWERS
    intents: tuple[str, ...] | None = None
    assigned_to: str | None = None
    is_assigned: bool | None = None
    is_done: bool | None = None
    since: datetime | None = None
    to_review: bool = False
    enrollments: tuple[EnrollmentId, ...] | None = None
    inbound: InboundId | None = None
    most: int = MOST_LISTED


@dataclass(frozen=True, slots=True)
class ReplyWork:
    """Who answers, their note, and since when it is done."""

    assigned_to: str | None = None
    note: str | None = None
    done_at: datetime | None = None
    changed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """Why a person should look at a mail, and what they said, once they did."""

    why: str
    verdict: str | None = None
    by: str | None = None
    at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRow:
    """A mail that came in. `read_as` is what the reader took it for; `kind` is a person's verdict where there is one.

    `person` is the address we wrote to, None where the mail is tied to no send or the person was erased; `text` is the
    mail's own text without quoted history.
    """

    inbound: InboundId
    received_at: datetime
    read_as: str
    confidence: str
    evidence: str
    park_reason: str | None
    text: str | None
    away_until: date | None
    object_key: ObjectKey
    inbox: str
    folder: str
    enrollment: EnrollmentId | None
    person: str | None
    campaign: str | None
    mailbox: str | None
    review: Review | None
    work: ReplyWork
    intent: DecidedIntent | None

    @property
    def kind(self) -> str:
        """What it counts as."""
        verdict = self.review.verdict if self.review else None
        return verdict or self.read_as


@dataclass(frozen=True, slots=True)
class SentInThread:
    """A message of ours that a provider took. `letter` is None once its wording was changed or its row is gone."""

    enrollment: EnrollmentId
    step: int
    at: datetime
    subject: str
    mailbox: str | None
    letter: Letter | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What changes: None leaves as it is, and `NOBODY` takes the reply from whom it was given to."""

    to: str | None = None
    note: str | None = None
    done: bool | None = None


class ReplyBook(Protocol):
    """Replies of one tenant, and what people do with them."""

    def now(self, tenant: TenantId) -> datetime:
        """Policy time."""
        ...

    def last_change(self, tenant: TenantId) -> datetime | None:
        """Machine time at which a reply last came, or something was decided or done about one."""
        ...

    def find(self, tenant: TenantId, wanted: ReplyFilter) -> Sequence[ReplyRow]:
        """Newest first, at most `wanted.most`."""
        ...

    def sent_in(
        self, tenant: TenantId, enrollments: Sequence[EnrollmentId]
    ) -> Mapping[EnrollmentId, Sequence[SentInThread]]:
        """What these sequences sent, in the order of acceptance."""
        ...

    def assign(self, tenant: TenantId, inbound: InboundId, assignment: Assignment, by: Actor) -> bool:
        """Write it, and write it down in the audit log, in one transaction. False when there is no such mail."""
        ...


def reply_of(book: ReplyBook, tenant: TenantId, inbound: InboundId) -> ReplyRow:
    """One mail, of whatever kind. Raises `NotFound`."""
    found = book.find(tenant, ReplyFilter(kinds=None, inbound=inbound, most=1))
    if not found:
        raise NotFound(_no_such(inbound))
    return found[0]


def assign_reply(book: ReplyBook, tenant: TenantId, inbound: InboundId, assignment: Assignment, by: Actor) -> ReplyRow:
    """Give a reply to somebody, note something, call it done or open again. Idempotent. Raises `NotFound`, `Refused`."""
    if assignment == Assignment():
        message = "say what changes: --to, --note, --done or --open"
        raise Refused(message)
    if any(text is not None and not text.strip() for text in (assignment.to, assignment.note)):
        message = "a name or a note is not empty"
        raise Refused(message)
    if assignment.to == ANYBODY:
        message = f"name who answers, or {NOBODY} to take it back"
        raise Refused(message)
    if not book.assign(tenant, inbound, assignment, by):
        raise NotFound(_no_such(inbound))
    return reply_of(book, tenant, inbound)


def _no_such(inbound: InboundId) -> str:
    return f"this tenant has no mail {inbound}; outreach replies list shows them"
