"""The event queue over boto3, against a small HTTP server that speaks SQS's JSON protocol as far as the feed needs it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from boto3 import Session
from botocore.config import Config

from outreach_pipelines.adapters.sqs import SqsEventFeed
from outreach_pipelines.domain.delivery_event import EventKind
from outreach_pipelines.domain.doubt import Held
from outreach_pipelines.errors import Unreadable

EVENT = {
    "eventType": "Delivery",
    "mail": {"timestamp": "2026-11-18T12:00:00Z", "messageId": "0100-a", "tags": {"outreach": ["the-tag"]}},
    "delivery": {"timestamp": "2026-11-18T12:00:05Z"},
}


@dataclass
class Queue:
    """What a standard queue does: a message is given until it is deleted; `broken` answers nothing but faults."""

    bodies: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    broken: bool = False
    counts: dict[str, dict[str, str]] = field(default_factory=dict)

    def put(self, body: str) -> None:
        self.bodies[f"receipt-{len(self.bodies)}"] = body

    def answer(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        if action == "ReceiveMessage":
            found = list(self.bodies.items())[: request["MaxNumberOfMessages"]]
            return {"Messages": [{"MessageId": name, "ReceiptHandle": name, "Body": body} for name, body in found]}
        if action == "GetQueueUrl":
            return {"QueueUrl": f"/{request['QueueOwnerAWSAccountId']}/{request['QueueName']}"}
        if action == "GetQueueAttributes":
            return {"Attributes": self.counts[request["QueueUrl"].rpartition("/")[2]]}
        for entry in request["Entries"]:
            del self.bodies[entry["ReceiptHandle"]]
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]], "Failed": []}


class Server(ThreadingHTTPServer):
    """Serves one queue."""

    queue = Queue()


class Endpoint(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        action = self.headers["X-Amz-Target"].partition(".")[2]
        broken = self.server.queue.broken
        said = {"__type": "InternalError"} if broken else self.server.queue.answer(action, request)
        body = json.dumps(said).encode()
        self.send_response(500 if broken else 200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Not to the tests' output."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Endpoint)
    server.queue = Queue()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def queue(server: Server) -> Queue:
    return server.queue


@pytest.fixture
def feed(server: Server) -> Iterator[SqsEventFeed]:
    address = f"http://127.0.0.1:{server.server_port}"
    client = Session().client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=address,
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="canary-secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield SqsEventFeed(client, f"{address}/1/events")
    client.close()


def in_envelope(event: object) -> str:
    return json.dumps({"Type": "Notification", "Message": json.dumps(event)})


@pytest.mark.parametrize("body", [in_envelope(EVENT), json.dumps(EVENT)], ids=["inside the SNS envelope", "raw"])
def test_an_event_is_read_from_the_queue_with_the_tag_it_claims(feed: SqsEventFeed, queue: Queue, body: str) -> None:
    queue.put(body)

    (item,) = feed.receive(most=10, wait_seconds=0)

    assert item.event is not None
    assert (item.event.kind, item.tag, item.body, item.fault) == (EventKind.DELIVERED, "the-tag", body, "")


def test_what_was_not_acknowledged_is_given_again_and_what_was_is_gone(feed: SqsEventFeed, queue: Queue) -> None:
    for number in range(25):
        queue.put(in_envelope(EVENT | {"number": number}))

    first, again = feed.receive(most=10, wait_seconds=0), feed.receive(most=10, wait_seconds=0)
    feed.acknowledge(first)

    assert [item.receipt for item in first] == [item.receipt for item in again]
    assert len(queue.bodies) == 15


def test_more_than_ten_are_acknowledged_in_calls_of_ten(feed: SqsEventFeed, queue: Queue) -> None:
    for _ in range(12):
        queue.put(in_envelope(EVENT))
    (item,) = feed.receive(most=1, wait_seconds=0)

    feed.acknowledge([replace(item, receipt=receipt) for receipt in queue.bodies])

    assert queue.bodies == {}
    assert [len(request["Entries"]) for request in queue.asked[1:]] == [10, 2]


def test_no_call_asks_for_more_than_the_ten_that_sqs_allows(feed: SqsEventFeed, queue: Queue) -> None:
    feed.receive(most=500, wait_seconds=3)

    assert (queue.asked[0]["MaxNumberOfMessages"], queue.asked[0]["WaitTimeSeconds"]) == (10, 3)


def test_an_empty_queue_gives_nothing(feed: SqsEventFeed) -> None:
    assert list(feed.receive(most=10, wait_seconds=0)) == []


def test_a_queue_that_does_not_answer_is_unreadable_and_not_empty(feed: SqsEventFeed, queue: Queue) -> None:
    queue.put(in_envelope(EVENT))
    items = feed.receive(most=10, wait_seconds=0)
    queue.broken = True

    with pytest.raises(Unreadable):
        feed.receive(most=10, wait_seconds=0)
    with pytest.raises(Unreadable):
        feed.acknowledge(items)


NESTED = "[" * 100_000 + "]" * 100_000
GARBAGE = {
    "empty": "",
    "no JSON": "Successfully validated SNS topic for Amazon SES event publishing.",
    "an envelope around no JSON": json.dumps({"Message": "Successfully validated"}),
    "nested deeply": NESTED,
    "nested deeply inside the envelope": json.dumps({"Message": NESTED}),
    "nested deeply in objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "5 MB": json.dumps({"Message": "a" * 5_000_000}),
    "a number of 5,000 digits": "9" * 5000,
    "NaN": '{"eventType": NaN, "mail": {"timestamp": NaN, "messageId": 1e999}}',
    "lone surrogates": '{"eventType": "\\ud800", "mail": {"messageId": "\\udfff"}}',
    "NUL": '{"eventType": "Send\\u0000", "mail": {"messageId": "\\u0000"}}',
    "a list": json.dumps([EVENT]),
    "a text": json.dumps("Delivery"),
    "a text in the envelope": json.dumps({"Message": json.dumps("Delivery")}),
    "null": "null",
    "an envelope in an envelope": in_envelope({"Message": json.dumps(EVENT)}),
    "a timestamp as a number": in_envelope(EVENT | {"delivery": {"timestamp": 1.5}, "mail": {"messageId": "a", "timestamp": -1}}),
    "a byte order mark": "\ufeff" + json.dumps(EVENT),
}  # fmt: skip


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_event_comes_with_its_reason_and_stops_nothing(feed: SqsEventFeed, queue: Queue, body: str) -> None:
    queue.put(body)
    queue.put(in_envelope(EVENT))

    bad, good = feed.receive(most=10, wait_seconds=0)

    assert (bad.event, bad.tag, bad.body) == (None, None, body)
    assert 0 < len(bad.fault) < 200
    assert good.event is not None


def test_of_duplicate_keys_the_last_one_counts_and_the_tag_is_judged_all_the_same(
    feed: SqsEventFeed, queue: Queue
) -> None:
    queue.put(
        json.dumps(EVENT)[:-1]
        + ', "mail": {"timestamp": "2026-11-18T12:00:00Z", "messageId": "b", "tags": {"outreach": ["other"]}}}'
    )

    (item,) = feed.receive(most=10, wait_seconds=0)

    assert item.event is not None
    assert (item.event.provider_message_id, item.tag) == ("b", "other")


def test_infinite_and_lone_parts_beside_the_event_do_no_harm(feed: SqsEventFeed, queue: Queue) -> None:
    body = json.dumps(EVENT)[:-1] + ', "x": 1e999, "y": NaN, "z": "\\ud800"}'
    queue.put(body)

    (item,) = feed.receive(most=10, wait_seconds=0)

    assert item.event is not None


def counted(visible: int = 0, in_flight: int = 0, delayed: int = 0, **more: str) -> dict[str, str]:
    name = "ApproximateNumberOfMessages"
    return {name: str(visible), f"{name}NotVisible": str(in_flight), f"{name}Delayed": str(delayed)} | more


def test_what_the_queue_holds_is_told_with_its_dead_letters(feed: SqsEventFeed, queue: Queue) -> None:
    redrive = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead", "maxReceiveCount": 5})
    queue.counts = {"events": counted(1, 2, 3, RedrivePolicy=redrive), "dead": counted(4, 5, 6)}

    held = feed.held()

    assert held == Held(visible=1, in_flight=2, delayed=3, dead_lettered=15)
    assert not held.clean


def test_an_empty_queue_without_a_dead_letter_queue_is_clean(feed: SqsEventFeed, queue: Queue) -> None:
    queue.counts = {"events": counted()}

    assert feed.held().clean


@pytest.mark.parametrize(
    "counts",
    [
        {"events": {}},
        {"events": counted() | {"ApproximateNumberOfMessagesDelayed": "many"}},
        {"events": counted(RedrivePolicy="no policy")},
        {"events": counted(RedrivePolicy="{}")},
        {"events": counted(RedrivePolicy='{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:1:dead"}'), "dead": {}},
    ],
    ids=["no counts", "no number", "no JSON", "no target", "a silent dead-letter queue"],
)
def test_a_queue_that_does_not_say_all_of_it_is_not_clean(
    feed: SqsEventFeed, queue: Queue, counts: dict[str, dict[str, str]]
) -> None:
    queue.counts = counts

    with pytest.raises(Unreadable):
        feed.held()


def test_a_queue_that_answers_by_a_fault_is_not_clean(feed: SqsEventFeed, queue: Queue) -> None:
    queue.broken = True

    with pytest.raises(Unreadable):
        feed.held()
