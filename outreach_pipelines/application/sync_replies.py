"""Read a tenant's inboxes to their end: each mail is routed to the send it is tied to, or parked with its reason.

Belongs here: the order of reading, judging, writing, and what a failed inbox means. Does not: IMAP (an adapter), whose a
mail is (`domain.inbox_route`), what its events change (`record_events`).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from outreach_pipelines.application.inbox_mail import (
    FetchedMail,
    FolderCursor,
    InboxBatch,
    InboxId,
    InboxToRead,
    JudgedMail,
    UntiedMail,
)
from outreach_pipelines.application.ports import TagReader
from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import (
    ContentDigest,
    Correlation,
    InboundMessage,
    Unreadable,
    UnreadableReason,
    WireMessageId,
)
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

    def keep(
        self, tenant: TenantId, inbox: InboxId, cursor: FolderCursor, mails: Sequence[JudgedMail]
    ) -> Sequence[JudgedMail]:
        """One transaction: mails, the events of those that are routed, the cursor. Returns those not known before."""
        ...

    def untied_with_thread(self, tenant: TenantId) -> Sequence[UntiedMail]:
        """Mails parked lately as untied, of which the thread is known by now; some of them."""
        ...

    def unpark(self, tenant: TenantId, untied: UntiedMail, judged: JudgedMail) -> bool:
        """One transaction: the mail is routed, and its events wait. False when it was routed before."""
        ...

    def record_complete_read(self, tenant: TenantId, inbox: InboxToRead) -> None:
        """All that the inbox held at `asked_at` is kept. Proves the way back of the SMTP accounts that bounce to it."""
        ...

    def record_failure(self, tenant: TenantId, inbox: InboxId, reason: str) -> None:
        """It could not be read; what is known of its last complete read stays."""
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
    at_once: int = INBOXES_AT_ONCE,
    most: int = MOST_MAILS,
) -> SyncedReplies:
    """Take what is new from all inboxes, `at_once` of them in parallel. Repeating it changes nothing.

    An inbox that cannot be read hinders no other one. A crash, at any point, loses and doubles nothing.
    """
    inboxes = store.inboxes(tenant)
    if not inboxes:
        return SyncedReplies()
    sync = _Sync(reader, store, tenant, store.own_addresses(tenant), most)
    total = SyncedReplies(unparked=sync.second_look())
    with ThreadPoolExecutor(min(at_once, len(inboxes)), thread_name_prefix="inbox") as pool:
        for done in pool.map(sync.inbox, inboxes):
            total.add(done)
    return total


@dataclass(frozen=True, slots=True)
class _Sync:
    reader: InboxReader
    store: ReplyStore
    tenant: TenantId
    own_addresses: AbstractSet[str]
    most: int

    def inbox(self, inbox: InboxToRead) -> SyncedReplies:
        done = SyncedReplies()
        try:
            with self.reader.open(inbox) as batches:
                complete = self._take(inbox, batches, done)
        except (CouldNotRead, SettingsFault) as fault:
            self.store.record_failure(self.tenant, inbox.inbox, str(fault))
            done.unreadable_inboxes = 1
            return done
        if complete:
            self.store.record_complete_read(self.tenant, inbox)
        return done

    def second_look(self) -> int:
        """How many mails were parked before the evidence of the send they answer had come, and are routed now."""
        untied = self.store.untied_with_thread(self.tenant)
        judged = zip(untied, self._judge([each.mail for each in untied]), strict=True)
        return sum(self.store.unpark(self.tenant, *each) for each in judged if isinstance(each[1].fate, Routed))

    def _take(self, inbox: InboxToRead, batches: Iterable[InboxBatch], done: SyncedReplies) -> bool:
        """Whether the end was reached."""
        taken = 0
        for batch in batches:
            if taken >= self.most:
                return False
            taken += len(batch.mails)
            fresh = self.store.keep(self.tenant, inbox.inbox, batch.cursor, self._judge(batch.mails))
            done.add(_counted(fresh))
        return True

    def _judge(self, mails: Iterable[FetchedMail]) -> Sequence[JudgedMail]:
        read = [(mail, _classified(mail)) for mail in mails]
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


def _classified(mail: FetchedMail) -> InboundMessage:
    """Of a mail that is too large, its head speaks: reports put their fields first, and people their text."""
    try:
        return classify(mail.raw, mail.received_at)
    except Exception:  # noqa: BLE001 - a poisoned mail goes to quarantine, and never stops the feed for those behind it
        return _quarantined(mail)


def _quarantined(mail: FetchedMail) -> InboundMessage:
    return InboundMessage(
        digest=ContentDigest(hashlib.sha256(mail.raw).hexdigest()),
        received_at=mail.received_at,
        sender=None,
        subject="",
        correlation=Correlation(),
        content=Unreadable(UnreadableReason.DEFEATED_READER),
    )


def _counted(fresh: Sequence[JudgedMail]) -> SyncedReplies:
    parked = sum(isinstance(each.fate, Parked) for each in fresh)
    return SyncedReplies(len(fresh), parked, by_class=Counter(each.fate.kind.value for each in fresh))
