"""A provider's feed in memory, with an inbox behind it, and events that carry a tag of the tests' key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from outreach_pipelines.application.ingest_events import FeedItem, InboxRow
from outreach_pipelines.domain.delivery_event import DeliveryEvent, EventKind
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag, read_tag, write_tag
from outreach_pipelines.domain.tenant import TenantId

KEY = b"k" * 32
ANYONE = TenantId(3)


class Crash(Exception):
    """The process ends here."""


@dataclass
class Queue:
    """`EventFeed` in memory: what is not acknowledged is given again by the next reader."""

    waiting: list[FeedItem]
    log: list[str] = field(default_factory=list)
    given: int = 0
    crashes: bool = False

    def receive(self, *, most: int, wait_seconds: int) -> Sequence[FeedItem]:
        items = self.waiting[self.given : self.given + min(most, 10)]
        self.given += len(items)
        return items

    def acknowledge(self, items: Sequence[FeedItem]) -> None:
        if self.crashes:
            raise Crash
        self.log.append(f"acknowledged {len(items)}")
        self.waiting = [item for item in self.waiting if item not in items]
        self.given -= len(items)


@dataclass
class Inbox:
    """`EventInbox` in memory."""

    log: list[str] = field(default_factory=list)
    rows: list[InboxRow] = field(default_factory=list)
    proven: list[MessageTag] = field(default_factory=list)
    crashes: bool = False

    def add(self, rows: Sequence[InboxRow]) -> None:
        if self.crashes:
            raise Crash
        self.log.append(f"committed {len(rows)}")
        self.rows += rows

    def prove(self, canary: MessageTag) -> None:
        self.proven.append(canary)


class Tags:
    """`TagReader` with the one key of the tests."""

    def read(self, tag: str) -> MessageTag | None:
        return read_tag(tag, KEY)


def about(number: int = 1, attempt: int = 1, *, tenant: TenantId = ANYONE) -> MessageTag:
    return MessageTag(tenant, date(2026, 11, 18), MessageId(number), attempt)


def item(number: int, tag: WireTag | None) -> FeedItem:
    event = DeliveryEvent(f"key{number}", EventKind.DELIVERED, datetime(2026, 11, 18, 12, tzinfo=UTC))
    return FeedItem(f"receipt{number}", "ses", "{}", event, tag)


def tagged(number: int, *, key: bytes = KEY, attempt: int = 1, tenant: TenantId = ANYONE) -> FeedItem:
    return item(number, write_tag(about(number, attempt, tenant=tenant), key))
