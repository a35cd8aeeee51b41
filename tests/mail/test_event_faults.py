"""What can go wrong with SES's events on their way, through the real queue: late, twice, out of order, lost, forged."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import pytest
from lab_process import RunningLab
from transport_conformance import TAG

from outreach_pipelines.adapters.sqs import SqsEventFeed
from outreach_pipelines.application.ingest_events import InboxRow, Ingested, ingest_events
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag, read_tag
from outreach_pipelines.domain.tenant import TenantId

pytest_plugins = ("lab_fixtures",)

SENT = MessageTag(TenantId(1), date(2026, 11, 21), MessageId(7), 1)


@pytest.fixture(autouse=True)
def _clean(lab: RunningLab) -> Iterator[None]:
    lab.step()
    yield
    lab.forget()


@dataclass
class Inbox:
    rows: list[InboxRow] = field(default_factory=list)

    def add(self, rows: list[InboxRow]) -> None:
        self.rows.extend(rows)

    def prove(self, canary: MessageTag) -> None:
        raise AssertionError(canary)

    @property
    def told(self) -> list[str]:
        """The dedupe keys of what belongs to a message of ours, in the order of arrival."""
        return [row.item.event.dedupe_key for row in self.rows if row.owner and row.item.event]


class Tags:
    def read(self, tag: str) -> MessageTag | None:
        return read_tag(WireTag(tag), b"k" * 32)


def send(lab: RunningLab, to: str) -> None:
    lab.sesv2().send_email(
        FromEmailAddress="anna@sender.test",
        Destination={"ToAddresses": [to]},
        Content={"Raw": {"Data": f"From: anna@sender.test\r\nTo: {to}\r\n\r\nHello.\r\n".encode()}},
        EmailTags=[{"Name": "outreach", "Value": TAG}],
        ConfigurationSetName="outreach",
    )


def ingested(lab: RunningLab, inbox: Inbox, *, at_least: int) -> Ingested:
    """Reads the queue until so many events came, and once more to see that none comes after them."""
    feed, total, until = SqsEventFeed(lab.aws.client("sqs"), lab.queue_url), 0, time.monotonic() + 20
    while total < at_least and time.monotonic() < until:
        total += ingest_events(feed, inbox, Tags(), wait_seconds=1).received
    last = ingest_events(feed, inbox, Tags(), wait_seconds=1)
    return Ingested(total + last.received, len(inbox.told), len(inbox.rows) - len(inbox.told), 0)


def test_a_repeated_event_comes_twice_under_one_key(lab: RunningLab) -> None:
    lab.fault(account="ses-main", fault="repeat_events", count=1)
    inbox = Inbox()

    send(lab, "deliver.twice@people.example")
    ingested(lab, inbox, at_least=2)

    assert len(inbox.told) == 2
    assert len(set(inbox.told)) == 1


def test_an_event_that_is_lost_never_comes(lab: RunningLab) -> None:
    lab.fault(recipient="deliver.lost@people.example", fault="drop_events", count=1)
    inbox = Inbox()

    send(lab, "deliver.lost@people.example")
    send(lab, "deliver.found@people.example")
    counts = ingested(lab, inbox, at_least=1)

    assert counts.received == 1
    assert lab.status()["dropped_events"] >= 1


def test_a_late_event_comes_behind_those_that_were_made_after_it(lab: RunningLab) -> None:
    lab.fault(recipient="deliver.late@people.example", fault="delay_events", seconds=2, count=1)
    inbox = Inbox()

    send(lab, "deliver.late@people.example")
    send(lab, "deliver.soon@people.example")
    ingested(lab, inbox, at_least=2)

    bodies = [row.item.body for row in inbox.rows]
    assert ["deliver.soon" in body for body in bodies] == [True, False]
    assert len(bodies) == 2


def test_shuffled_events_all_come_and_in_another_order(lab: RunningLab) -> None:
    lab.fault(account="ses-main", fault="shuffle_events", count=6)
    inbox = Inbox()

    for number in range(6):
        send(lab, f"deliver.shuffled{number}@people.example")
    ingested(lab, inbox, at_least=6)

    numbers = [row.item.body.partition("deliver.shuffled")[2][0] for row in inbox.rows]
    assert sorted(numbers) == list("012345")
    assert numbers != sorted(numbers)


def test_a_forged_event_is_nobodys_and_the_true_one_is_ours(lab: RunningLab) -> None:
    lab.fault(account="ses-main", fault="forge_events", count=1)
    inbox = Inbox()

    send(lab, "deliver.forged@people.example")
    counts = ingested(lab, inbox, at_least=2)

    assert [row.owner for row in inbox.rows] == [None, SENT]
    assert (counts.owned, counts.parked) == (1, 1)


@pytest.mark.parametrize(
    "order", [{"fault": "slow_answer", "account": "a"}, {"fault": "hang", "account": "a", "seconds": 1}]
)
def test_seconds_are_for_what_lasts_and_for_nothing_else(lab: RunningLab, order: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        lab.fault(**order)
