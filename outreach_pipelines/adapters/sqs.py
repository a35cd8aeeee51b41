"""Provider events from Amazon SQS, as SNS wraps them.

Belongs here: long polling, the SNS envelope, limits on what is read, what the queue still holds. Does not: verification of the tag
(`application/ingest_events.py`) nor the meaning of an event (`domain/ses_event.py`).
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from outreach_pipelines.application.ingest_events import FeedItem
from outreach_pipelines.domain.doubt import Held
from outreach_pipelines.domain.ses_event import Json, NotAnEvent, SesEvent, read_ses_event
from outreach_pipelines.errors import Unreadable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef, MessageTypeDef

MOST_BYTES = 1_000_000
_MOST_A_CALL = 10
# Amazon SQS API Reference, GetQueueAttributes.
_COUNTS: "Final[tuple[QueueAttributeNameType, ...]]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, slots=True)
class SqsEventFeed:
    """`EventFeed` over one queue, and `CountedFeed`."""

    client: "SQSClient"
    queue_url: str

    def receive(self, *, most: int, wait_seconds: int) -> Sequence[FeedItem]:
        """See `EventFeed.receive`. At most 10 a call, which is SQS's own limit."""
        try:
            answer = self.client.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=min(_MOST_A_CALL, most), WaitTimeSeconds=wait_seconds
            )
        except (ClientError, BotoCoreError) as fault:
            message = f"the event queue did not answer: {fault}"
            raise Unreadable(message) from fault
        return [_item(message) for message in answer.get("Messages", [])]

    def acknowledge(self, items: Sequence[FeedItem]) -> None:
        """See `EventFeed.acknowledge`. What cannot be deleted comes again and is known then."""
        for start in range(0, len(items), _MOST_A_CALL):
            entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
                {"Id": str(number), "ReceiptHandle": item.receipt}
                for number, item in enumerate(items[start : start + _MOST_A_CALL])
            ]
            try:
                self.client.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)
            except (ClientError, BotoCoreError) as fault:
                message = f"the event queue did not take the acknowledgement: {fault}"
                raise Unreadable(message) from fault

    def held(self) -> Held:
        """See `CountedFeed.held`. The counts are SQS's own, approximate for about a minute after a change."""
        counts, policy = self._counts(self.queue_url)
        dead = self._dead_letters(policy) if policy else 0
        return Held(*counts, dead_lettered=dead)

    def _dead_letters(self, redrive_policy: str) -> int:
        with _answering("the dead-letter queue could not be found"):
            *_, owner, name = json.loads(redrive_policy)["deadLetterTargetArn"].split(":")
            url = self.client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=owner)["QueueUrl"]
        return sum(self._counts(url)[0])

    def _counts(self, queue_url: str) -> tuple[tuple[int, int, int], str]:
        """Messages visible, in flight and delayed; and the redrive policy, empty where there is none."""
        with _answering("the event queue did not say what it holds"):
            answer = self.client.get_queue_attributes(
                QueueUrl=queue_url, AttributeNames=[*_COUNTS, "RedrivePolicy"]
            ).get("Attributes", {})
            visible, in_flight, delayed = (int(answer[name]) for name in _COUNTS)
        return (visible, in_flight, delayed), answer.get("RedrivePolicy", "")


@contextmanager
def _answering(what: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError, KeyError, ValueError) as fault:
        message = f"{what}: {fault}"
        raise Unreadable(message) from fault


def _item(message: "MessageTypeDef") -> FeedItem:
    body = message.get("Body", "")
    receipt = message.get("ReceiptHandle", "")
    read = _read(body)
    if isinstance(read, NotAnEvent):
        return FeedItem(receipt, "ses", body, None, None, read.reason)
    return FeedItem(receipt, "ses", body, read.event, read.tag)


def _read(body: str) -> SesEvent | NotAnEvent:
    """The event inside the SNS envelope, or bare where raw message delivery is on."""
    if len(body) > MOST_BYTES:
        return NotAnEvent("more than 1 MB")
    try:
        document: Json = json.loads(body)
        if isinstance(document, dict) and isinstance(inner := document.get("Message"), str):
            document = json.loads(inner)
    except (ValueError, RecursionError) as fault:
        return NotAnEvent(f"not JSON: {type(fault).__name__}")
    return read_ses_event(document)
