"""Read a tenant's inboxes to their end: each mail is routed to the send it is tied to, or parked with its reason.

Belongs here: the order of reading, judging, writing, and what a failed inbox means. Does not: IMAP (an adapter), whose a
mail is (`domain.inbox_route`), what its events change (`record_events`).
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from outreach_pipelines.application.inbox_mail import (
    FailedRead,
    FetchedMail,
    FolderCursor,
    InboxBatch,
    InboxId,
    InboxNews,
    InboxToRead,
    JudgedBatch,
    JudgedMail,
    LoginRefused,
    UntiedMail,
)
from outreach_pipelines.application.inbox_threads import read_together
from outreach_pipelines.application.ports import TagReader
from outreach_pipelines.application.read_mail import ReadMails, read_mails
from outreach_pipelines.domain.inbound.message import InboundMessage, WireMessageId
from outreach_pipelines.domain.inbound.ties import TagTie, ThreadTie, Tie, ties_of
from outreach_pipelines.domain.inbox_route import Confirmed, Parked, Routed, TiedSend, route
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import SettingsFault
from outreach_pipelines.errors import Unreadable as CouldNotRead

INBOXES_AT_ONCE = 20
MOST_MAILS = 2_000
"""Of one inbox in one sync: a first sync of years of mail takes several, and the inbox counts as unread until its end."""


class InboxReader(Protocol):
    """Inboxes, read only: nothing is marked, moved or deleted."""

    def open(self, inbox: InboxToRead) -> AbstractContextManager[Iterator[InboxBatch]]:
        """What lies above the cursors, in bounded batches; all of it, where they come to their end.

        Raises `errors.Unreadable`, also between batches, when the server refuses, falls silent or goes away, and
        `SettingsFault` when it cannot be asked at all. A folder under a new UIDVALIDITY is read from its start.
        """
        ...


class ReplyStore(Protocol):
    """Inboxes and what was read from them, one tenant at a time; raw mail goes to the object store first."""

    @property
    def tags(self) -> TagReader:
        """Verifies our tags."""
        ...

    def inboxes(self, tenant: TenantId) -> Sequence[InboxToRead]:
        """Those in use."""
        ...

    def own_addresses(self, tenant: TenantId) -> AbstractSet[str]:
        """Addresses of the tenant's mailboxes, in lower case."""
        ...

    def sends_of(
        self, tenant: TenantId, *, tags: Mapping[WireTag, MessageTag], wire_ids: AbstractSet[WireMessageId]
    ) -> Mapping[Tie, TiedSend]:
        """The tenant's sends among them; a tag of an attempt that never began is not there."""
        ...

    def keep_raw(self, tenant: TenantId, mails: Sequence[FetchedMail]) -> None:
        """The mails as they came, before anything is known of them; twice changes nothing. Called from several threads."""
        ...

    def keep(self, tenant: TenantId, news: InboxNews) -> Sequence[JudgedMail]:
        """One transaction: mails, the events of those that are routed, cursors, ends, failures. Returns mails not known before.

        An inbox that was read to its end holds nothing that is not kept; that proves the way back of the SMTP accounts which
        bounce to it. What is known of the last complete read of one that failed stays.
        """
        ...

    def untied_with_thread(self, tenant: TenantId) -> Sequence[UntiedMail]:
        """Mails parked lately as untied, of which the thread is known by now; some of them."""
        ...

    def unpark(self, tenant: TenantId, untied: UntiedMail, judged: JudgedMail) -> bool:
        """One transaction: the mail is routed, and its events wait. False when it was routed before."""
        ...


@dataclass(slots=True)
class SyncedReplies:
    """Mails not known before, those of them that were parked, inboxes that could not be read; mails by kind.

    `unparked` were kept by an earlier sync, and their send is known only now.
    """

    messages: int = 0
    parked: int = 0
    unreadable_inboxes: int = 0
    by_class: Counter[str] = field(default_factory=Counter)
    unparked: int = 0

    @property
    def has_news(self) -> bool:
        """Whether there is something to tell: mail, or an inbox that could not be read."""
        return bool(self.messages or self.unparked or self.unreadable_inboxes)

    def add(self, other: "SyncedReplies") -> None:
        """Count `other` in."""
        self.messages += other.messages
        self.parked += other.parked
        self.unreadable_inboxes += other.unreadable_inboxes
        self.by_class += other.by_class
        self.unparked += other.unparked


def sync_replies(
    reader: InboxReader,
    store: ReplyStore,
    *,
    tenant: TenantId,
    read: ReadMails = read_mails,
    at_once: int = INBOXES_AT_ONCE,
    most: int = MOST_MAILS,
    seconds: float | None = None,
) -> SyncedReplies:
    """Take what is new from all inboxes, `at_once` of them in parallel. Repeating it changes nothing.

    An inbox that cannot be read hinders no other one. A crash, at any point, loses and doubles nothing. After `seconds` no
    further inbox is opened, and open ones stop at their next batch: the next sync begins with those that waited longest.
    """
    inboxes = [inbox for inbox in store.inboxes(tenant) if not inbox.resting]
    if not inboxes:
        return SyncedReplies()
    until = None if seconds is None else time.monotonic() + seconds
    sync = _Sync(reader, store, tenant, store.own_addresses(tenant), read, most, until)
    total = SyncedReplies(unparked=sync.second_look())
    with read_together(inboxes, sync.readings, at_once=at_once) as arrived:
        for readings in arrived:
            total.add(sync.keep(readings))
    return total


@dataclass(frozen=True, slots=True)
class _Read:
    """A batch whose mails were read, and are not judged yet."""

    inbox: InboxId
    cursor: FolderCursor
    mails: Sequence[tuple[FetchedMail, InboundMessage]]


_Reading = _Read | InboxToRead | FailedRead
"""What a thread gives of an inbox: batches, and then the inbox itself when its end was reached, or why it was not."""


@dataclass(frozen=True, slots=True)
class _Sync:
    reader: InboxReader
    store: ReplyStore
    tenant: TenantId
    own_addresses: AbstractSet[str]
    read: ReadMails
    most: int
    until: float | None

    def readings(self, inbox: InboxToRead) -> Iterator[_Reading]:
        """Of one inbox, in its thread: raw mail is kept as it comes."""
        if self._is_late():
            return
        try:
            with self.reader.open(inbox) as batches:
                yield from self._batches(inbox, batches)
        except (CouldNotRead, SettingsFault) as fault:
            yield FailedRead(inbox.inbox, str(fault), refused=isinstance(fault, LoginRefused))

    def _batches(self, inbox: InboxToRead, batches: Iterable[InboxBatch]) -> Iterator[_Reading]:
        taken = 0
        for batch in batches:
            if taken >= self.most or self._is_late():
                return
            taken += len(batch.mails)
            self.store.keep_raw(self.tenant, batch.mails)
            yield _Read(inbox.inbox, batch.cursor, self._said(batch.mails))
        yield inbox

    def _is_late(self) -> bool:
        return self.until is not None and time.monotonic() >= self.until

    def keep(self, readings: Sequence[_Reading]) -> SyncedReplies:
        """Judge and write down what came from several inboxes, in one transaction."""
        read = [each for each in readings if isinstance(each, _Read)]
        failed = tuple(each for each in readings if isinstance(each, FailedRead))
        judged = iter(self._judge([each for one in read for each in one.mails]))
        batches = (JudgedBatch(one.inbox, one.cursor, tuple(islice(judged, len(one.mails)))) for one in read)
        ended = tuple(each for each in readings if isinstance(each, InboxToRead))
        done = _counted(self.store.keep(self.tenant, InboxNews(tuple(batches), ended, failed)))
        done.unreadable_inboxes = len(failed)
        return done

    def second_look(self) -> int:
        """How many mails were parked before the evidence of the send they answer had come, and are routed now."""
        untied = self.store.untied_with_thread(self.tenant)
        judged = zip(untied, self._judge(self._said([each.mail for each in untied])), strict=True)
        return sum(self.store.unpark(self.tenant, *each) for each in judged if isinstance(each[1].fate, Routed))

    def _said(self, mails: Sequence[FetchedMail]) -> Sequence[tuple[FetchedMail, InboundMessage]]:
        return list(zip(mails, self.read(mails), strict=True)) if mails else ()

    def _judge(self, read: Sequence[tuple[FetchedMail, InboundMessage]]) -> Sequence[JudgedMail]:
        confirmed = self._confirm({tie for _, message in read for tie in ties_of(message.correlation)})
        return [
            JudgedMail(mail, message, route(message, confirmed, own_addresses=self.own_addresses))
            for mail, message in read
        ]

    def _confirm(self, ties: AbstractSet[Tie]) -> Confirmed:
        claimed = {tie.tag: self.store.tags.read(tie.tag) for tie in ties if isinstance(tie, TagTie)}
        tags = {text: tag for text, tag in claimed.items() if tag is not None}
        own = {text: tag for text, tag in tags.items() if tag.tenant == self.tenant}
        wire_ids = {tie.wire_id for tie in ties if isinstance(tie, ThreadTie)}
        sends = self.store.sends_of(self.tenant, tags=own, wire_ids=wire_ids) if own or wire_ids else {}
        return Confirmed(self.tenant, tags, sends)


def _counted(fresh: Sequence[JudgedMail]) -> SyncedReplies:
    parked = sum(isinstance(each.fate, Parked) for each in fresh)
    return SyncedReplies(len(fresh), parked, by_class=Counter(each.fate.kind.value for each in fresh))
