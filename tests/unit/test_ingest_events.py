from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest

from outreach_pipelines.application.ingest_events import (
    CANARY_ATTEMPT,
    FeedItem,
    InboxRow,
    Ingested,
    NoFeed,
    ingest_events,
)
from outreach_pipelines.domain.delivery_event import DeliveryEvent, EventKind
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag, read_tag, write_tag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Unreadable

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


class Crash(Exception):
    """The process ends here."""


@dataclass
class Queue:
    """`EventFeed` in memory: what is not acknowledged is given again by the next reader."""

    waiting: list[FeedItem]
    log: list[str]
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

    log: list[str]
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


def about(number: int = 1, attempt: int = 1) -> MessageTag:
    return MessageTag(TenantId(3), date(2026, 11, 18), MessageId(number), attempt)


def item(number: int, tag: WireTag | None) -> FeedItem:
    event = DeliveryEvent(f"key{number}", EventKind.DELIVERED, datetime(2026, 11, 18, 12, tzinfo=UTC))
    return FeedItem(f"receipt{number}", "ses", "{}", event, tag)


def tagged(number: int, *, key: bytes = KEY, attempt: int = 1) -> FeedItem:
    return item(number, write_tag(about(number, attempt), key))


def run(*items: FeedItem, most: int = 1000) -> tuple[Ingested, Inbox, Queue]:
    log: list[str] = []
    queue, inbox = Queue(list(items), log), Inbox(log)
    return ingest_events(queue, inbox, Tags(), most=most), inbox, queue


def test_a_verified_tag_names_the_owner() -> None:
    done, inbox, _ = run(tagged(1))

    assert done == Ingested(received=1, owned=1, parked=0, canaries=0)
    assert [row.owner for row in inbox.rows] == [about(1)]


@pytest.mark.parametrize(
    "tag", [None, WireTag(""), WireTag("x" * 39), WireTag("ä" * 39), write_tag(about(), OTHER_KEY)]
)
def test_an_event_without_a_right_tag_is_parked_and_kept(tag: WireTag | None) -> None:
    done, inbox, queue = run(item(1, tag))

    assert done == Ingested(received=1, owned=0, parked=1, canaries=0)
    assert [row.owner for row in inbox.rows] == [None]
    assert queue.waiting == []


def test_what_is_no_event_is_parked_with_its_reason_and_holds_nothing_up() -> None:
    done, inbox, queue = run(FeedItem("r", "ses", "garbage", None, None, "not JSON"), tagged(2))

    assert (done.owned, done.parked) == (1, 1)
    assert inbox.rows[0].item.fault == "not JSON"
    assert queue.waiting == []


def test_a_probe_proves_its_account_and_is_no_event_of_a_message() -> None:
    done, inbox, _ = run(tagged(7, attempt=CANARY_ATTEMPT), tagged(8))

    assert done == Ingested(received=2, owned=1, parked=0, canaries=1)
    assert inbox.proven == [about(7, CANARY_ATTEMPT)]
    assert [row.owner for row in inbox.rows] == [about(8)]


def test_a_forged_probe_proves_nothing() -> None:
    _, inbox, _ = run(tagged(7, attempt=CANARY_ATTEMPT, key=OTHER_KEY))

    assert inbox.proven == []


def test_every_batch_is_committed_before_it_is_acknowledged() -> None:
    _, inbox, _ = run(*(tagged(number) for number in range(1, 15)))

    assert inbox.log == ["committed 10", "acknowledged 10", "committed 4", "acknowledged 4"]


def test_a_crash_before_the_commit_acknowledges_nothing() -> None:
    log: list[str] = []
    queue, inbox = Queue([tagged(1)], log), Inbox(log, crashes=True)

    with pytest.raises(Crash):
        ingest_events(queue, inbox, Tags())

    assert len(queue.waiting) == 1
    assert log == []


def test_a_crash_between_commit_and_acknowledgement_repeats_the_event_and_loses_none() -> None:
    log: list[str] = []
    queue, inbox = Queue([tagged(1)], log, crashes=True), Inbox(log)
    with pytest.raises(Crash):
        ingest_events(queue, inbox, Tags())

    queue.crashes, queue.given = False, 0
    ingest_events(queue, inbox, Tags())

    assert [row.item.receipt for row in inbox.rows] == ["receipt1", "receipt1"]
    assert queue.waiting == []


@pytest.mark.parametrize("most", [1, 9, 10, 11, 25])
def test_a_run_takes_no_more_than_it_was_allowed(most: int) -> None:
    done, _, queue = run(*(tagged(number) for number in range(1, 41)), most=most)

    assert (done.received, len(queue.waiting)) == (most, 40 - most)


def test_a_feed_that_did_not_answer_is_no_empty_feed() -> None:
    class Broken(NoFeed):
        def receive(self, *, most: int, wait_seconds: int) -> Sequence[FeedItem]:
            message = "no answer"
            raise Unreadable(message)

    with pytest.raises(Unreadable):
        ingest_events(Broken(), Inbox([]), Tags())


def test_no_feed_holds_nothing() -> None:
    assert ingest_events(NoFeed(), Inbox([]), Tags()) == Ingested(0, 0, 0, 0)
