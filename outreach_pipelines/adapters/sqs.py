"""Provider events from Amazon SQS, as SNS wraps them.

Belongs here: long polling, the SNS envelope, limits on what is read. Does not: verification of the tag
(`application/ingest_events.py`) nor the meaning of an event (`domain/ses_event.py`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from outreach_pipelines.application.ingest_events import FeedItem
from outreach_pipelines.domain.ses_event import Json, NotAnEvent, read_ses_event
from outreach_pipelines.errors import Unreadable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class SqsEventFeed:
    """`EventFeed` over one queue."""

    client: "SQSClient"
    queue_url: str

    def receive(self, *, most: int, wait_seconds: int) -> Sequence[FeedItem]:
        """See `EventFeed.receive`. At most 10 a call, which is SQS's own limit."""
        try:
            answer = self.client.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=min(10, most), WaitTimeSeconds=wait_seconds
            )
        except (ClientError, BotoCoreError) as fault:
            message = f"the event queue did not answer: {fault}"
            raise Unreadable(message) from fault
        return [_item(message) for message in answer.get("Messages", [])]

    def acknowledge(self, items: Sequence[FeedItem]) -> None:
        """See `EventFeed.acknowledge`. What cannot be deleted comes again and is known then."""
        for start in range(0, len(items), 10):
            entries = [
                {"Id": str(number), "ReceiptHandle": item.receipt}
                for number, item in enumerate(items[start : start + 10])
            ]
            self.client.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)  # type: ignore[arg-type]  # plain dicts of its TypedDict


def _item(message: "MessageTypeDef") -> FeedItem:
    body = message.get("Body", "")
    receipt = message.get("ReceiptHandle", "")
    match _document(body):
        case str() as fault:
            return FeedItem(receipt, "ses", body, None, None, fault)
        case document:
            read = read_ses_event(document)
    if isinstance(read, NotAnEvent):
        return FeedItem(receipt, "ses", body, None, None, read.reason)
    return FeedItem(receipt, "ses", body, read.event, read.tag)


def _document(body: str) -> Json:
    """The event inside the SNS envelope (or bare, with raw message delivery); a string is the reason why there is none."""
    if len(body) > MOST_BYTES:
        return "more than 1 MB"
    try:
        outer: Json = json.loads(body)
        if isinstance(outer, dict) and isinstance(inner := outer.get("Message"), str):
            outer = json.loads(inner)
    except (ValueError, RecursionError) as fault:
        return f"not JSON: {type(fault).__name__}"
    return "not an object" if isinstance(outer, str) else outer
