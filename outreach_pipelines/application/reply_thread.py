"""A thread in the order of time: what we sent, what came, each as far as it is still kept.

Belongs here: putting the two together, and filling letters in again. Does not: reading rows (an adapter), layout.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from outreach_pipelines.application.ports import LetterRenderer
from outreach_pipelines.application.reply_list import ReplyBook, ReplyFilter, ReplyRow, SentInThread
from outreach_pipelines.application.stored_objects import ObjectMissing, ObjectStore
from outreach_pipelines.domain.ids import EnrollmentId
from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import MessageKind, Unreadable
from outreach_pipelines.domain.inbound.part_text import first_text
from outreach_pipelines.domain.inbound.structure import read_structure
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import TemplateFault

UNSUBSCRIBE_PLACE = "https://unsubscribe.invalid/"
"""Stands for the person's own link: it acts for whoever opens it, and is shown to nobody."""
MOST_OF_A_THREAD = 200
MOST_OF_ALL = 3_000
"""Mails in the threads of one page, the newest: machines that answer each other write more than anybody reads."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of ours. `text` is its wording filled in again; without it `lacks` says why."""

    at: datetime
    step: int
    mailbox: str | None
    subject: str
    text: str | None
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """A mail that came. Sender, subject and `whole`, its text with quoted history, are the stored original's.

    Where the original is not there, or was not asked for, `lacks` says so.
    """

    at: datetime
    row: ReplyRow
    sender: str | None
    subject: str | None
    lacks: str = ""
    whole: str | None = None


Thread = tuple[Sent | Came, ...]


@dataclass(frozen=True, slots=True)
class ThreadDesk:
    """What threads are read from."""

    book: ReplyBook
    objects: ObjectStore
    letters: LetterRenderer


def thread_of(desk: ThreadDesk, tenant: TenantId, row: ReplyRow) -> Thread:
    """All of the sequence that `row` belongs to; of a mail that belongs to none, the mail alone.

    Raises `ObjectStoreUnreachable`: what could not be asked for is not called lost.
    """
    if row.enrollment is None:
        return (_came(desk.objects, row),)
    wanted = ReplyFilter(kinds=None, enrollments=(row.enrollment,), most=MOST_OF_A_THREAD)
    came = [_came(desk.objects, each) for each in desk.book.find(tenant, wanted)]
    sent = desk.book.sent_in(tenant, [row.enrollment]).get(row.enrollment, ())
    return _in_order([_sent(desk.letters, each) for each in sent], came)


def threads_of(desk: ThreadDesk, tenant: TenantId, rows: Iterable[ReplyRow]) -> Mapping[EnrollmentId, Thread]:
    """The threads of many replies at once, from rows alone: the originals are not opened."""
    enrollments = tuple(dict.fromkeys(row.enrollment for row in rows if row.enrollment is not None))
    if not enrollments:
        return {}
    wanted = ReplyFilter(kinds=None, enrollments=enrollments, most=MOST_OF_ALL)
    came: dict[EnrollmentId, list[Came]] = {}
    for each in desk.book.find(tenant, wanted):
        if each.enrollment is not None:
            came.setdefault(each.enrollment, []).append(Came(each.received_at, each, each.person, None))
    sent = desk.book.sent_in(tenant, enrollments)
    return {
        number: _in_order([_sent(desk.letters, each) for each in sent.get(number, ())], came.get(number, []))
        for number in enrollments
    }


def _in_order(sent: Sequence[Sent], came: Sequence[Came]) -> Thread:
    # Ours first where both bear the same time: an answer follows its question.
    return tuple(sorted([*sent, *came], key=lambda each: (each.at, isinstance(each, Came))))


def _sent(letters: LetterRenderer, message: SentInThread) -> Sent:
    told = (message.at, message.step, message.mailbox)
    if message.letter is None:
        return Sent(*told, message.subject, None, "its wording was changed since, or its row is no longer kept")
    try:
        rendered = letters.render_letter(message.letter, UNSUBSCRIBE_PLACE)
    except TemplateFault as fault:
        return Sent(*told, message.subject, None, f"it cannot be filled in again: {fault}")
    return Sent(*told, message.subject, rendered.text)


def _came(objects: ObjectStore, row: ReplyRow) -> Came:
    try:
        raw = objects.get(row.object_key)
    except ObjectMissing:
        return Came(row.received_at, row, row.person, None, "the original is no longer kept")
    if row.read_as == MessageKind.UNREADABLE.value:
        return Came(row.received_at, row, row.person, None, "the original is kept, and no reader gets through it")
    message, structure = classify(raw, row.received_at), read_structure(raw)
    whole = None if isinstance(structure, Unreadable) else first_text(structure)
    return Came(row.received_at, row, message.sender, message.subject, whole=whole)
