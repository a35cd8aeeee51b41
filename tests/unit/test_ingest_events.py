from collections.abc import Sequence

import pytest
from event_feed import Crash, Inbox, Queue, Tags, about, item, tagged

from outreach_pipelines.application.ingest_events import (
    CANARY_ATTEMPT,
    FeedItem,
    Ingested,
    NoFeed,
    ingest_events,
)
from outreach_pipelines.domain.message_tag import WireTag, write_tag
from outreach_pipelines.errors import Unreadable

OTHER_KEY = b"o" * 32


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
