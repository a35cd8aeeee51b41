"""Take events off a provider's feed: verify whose they are, commit them to the inbox, and only then acknowledge.

Belongs here: that order. Does not: what an event does (`record_events`), nor the feed's protocol (an adapter).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from outreach_pipelines.application.ports import TagReader
from outreach_pipelines.domain.delivery_event import DeliveryEvent
from outreach_pipelines.domain.doubt import Held
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.errors import Unreadable


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One thing a feed gave: an event with the tag it claims, or None and why it is no event. `body` is as received."""

    receipt: str
    source: str
    body: str
    event: DeliveryEvent | None
    tag: WireTag | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class InboxRow:
    """Whose event it is, as the verified tag says; None parks it where only operators see it."""

    item: FeedItem
    owner: MessageTag | None


@dataclass(frozen=True, slots=True)
class Ingested:
    """Counts of one bounded read. `canaries` are our own probes whose event came back."""

    received: int
    owned: int
    parked: int
    canaries: int


class EventFeed(Protocol):
    """A provider's events, at least once and in any order."""

    def receive(self, *, most: int, wait_seconds: int) -> Sequence[FeedItem]:
        """At most `most` items; empty when there are none now. Raises `Unreadable` when the feed did not answer."""
        ...

    def acknowledge(self, items: Sequence[FeedItem]) -> None:
        """They are committed: the feed may forget them."""
        ...


@dataclass(frozen=True, slots=True)
class NoFeed:
    """Where no account reports by a queue there is nothing to read, and that is not a fault."""

    def receive(self, *, most: int, wait_seconds: int) -> Sequence[FeedItem]:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return ()

    def acknowledge(self, items: Sequence[FeedItem]) -> None:
        """Nothing to forget."""

    def held(self) -> Held:
        """Raises `Unreadable`: nothing reports here, and silence is no evidence."""
        message = "no account reports by a queue (OUTREACH_EVENT_QUEUE_URL is not set)"
        raise Unreadable(message)


class EventInbox(Protocol):
    """Where verified events wait to be applied."""

    def add(self, rows: Sequence[InboxRow]) -> None:
        """One transaction."""
        ...

    def prove(self, canary: MessageTag) -> None:
        """This canary's event came home: its account was seen to report back."""
        ...


CANARY_ATTEMPT = 0
"""Attempts count from 1, so a tag with 0 is a probe; its message number is the probe's own (`AccountToProve.probe`)."""


def ingest_events(
    feed: EventFeed, inbox: EventInbox, tags: TagReader, *, most: int = 1000, wait_seconds: int = 0
) -> Ingested:
    """Read until the feed is empty or `most` items were taken. A crash at any point repeats items and loses none."""
    received = owned = canaries = 0
    while received < most and (items := feed.receive(most=min(10, most - received), wait_seconds=wait_seconds)):
        rows = [InboxRow(item, None if item.tag is None else tags.read(item.tag)) for item in items]
        probes = [row.owner for row in rows if row.owner is not None and row.owner.attempt == CANARY_ATTEMPT]
        inbox.add([row for row in rows if row.owner is None or row.owner.attempt != CANARY_ATTEMPT])
        for probe in probes:
            inbox.prove(probe)
        feed.acknowledge(items)
        received += len(items)
        canaries += len(probes)
        owned += sum(row.owner is not None and row.item.event is not None for row in rows) - len(probes)
    return Ingested(received, owned, received - owned - canaries, canaries)
