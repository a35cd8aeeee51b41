"""Publishes SES events to SNS: off the request path, in order, until SNS takes them; faults included."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from outreach_pipelines.lab.config import Aws
from outreach_pipelines.lab.faults import Fault, FaultBoard
from outreach_pipelines.lab.json_value import JsonObject
from outreach_pipelines.lab.ses.events import with_forged_tag

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.1
LONGEST_RETRY_S = 5.0
# https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
MAX_BATCH = 10
MAX_BATCH_BYTES = 250_000


class NotTakenError(Exception):
    """SNS took only a part of a batch. The whole is published again: SES too promises each event at least once."""


class Topics(Protocol):
    """Where events go. Called in a thread."""

    def publish(self, topic_arn: str, bodies: Sequence[str]) -> None:
        """Publish at most ten messages. Raises NotTakenError, BotoCoreError or ClientError when that fails."""


class SnsTopics:
    """The topics of an AWS account."""

    def __init__(self, aws: Aws) -> None:
        self._client = boto3.client(
            "sns",
            endpoint_url=aws.endpoint_url,
            region_name=aws.region,
            aws_access_key_id=aws.access_key_id,
            aws_secret_access_key=aws.secret_access_key,
            config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}),
        )

    def publish(self, topic_arn: str, bodies: Sequence[str]) -> None:
        """Publish with the subject that SES uses."""
        answer = self._client.publish_batch(
            TopicArn=topic_arn,
            PublishBatchRequestEntries=[
                {"Id": str(i), "Message": body, "Subject": "Amazon SES Email Event Notification"}
                for i, body in enumerate(bodies)
            ],
        )
        if answer.get("Failed"):
            raise NotTakenError(answer["Failed"])


@dataclass(frozen=True, slots=True)
class _Event:
    topic_arn: str
    body: str


class EventPublisher:
    """A queue of events and the task that empties it."""

    def __init__(self, topics: Topics, faults: FaultBoard, *, account: str, seed: int) -> None:
        self._topics, self._faults, self._account = topics, faults, account
        self._shuffle = Random(seed).shuffle  # noqa: S311 - the order of a rehearsed fault
        self._queue: deque[_Event] = deque()
        self._held: list[_Event] = []
        self._late: list[_Event] = []
        self._filled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    @property
    def unpublished(self) -> int:
        """How many events SNS has not taken yet; dropped ones do not count."""
        return len(self._queue) + len(self._held) + len(self._late)

    def publish(self, topic_arn: str, event: JsonObject, *, recipient: str) -> None:
        """Queue an event that concerns `recipient`, unless a fault drops, repeats, holds or delays it."""
        queued = _Event(topic_arn, json.dumps(event))
        targets = (self._account, recipient)
        if self._faults.take(Fault.FORGE_EVENTS, *targets):
            self._enqueue([_Event(topic_arn, json.dumps(with_forged_tag(event)))])
        if self._faults.take(Fault.DROP_EVENTS, *targets):
            self.dropped += 1
        elif self._faults.take(Fault.SHUFFLE_EVENTS, *targets):
            self._hold(queued, *targets)
        elif (seconds := self._faults.take_seconds(Fault.DELAY_EVENTS, *targets)) is not None:
            self._late.append(queued)
            asyncio.get_running_loop().call_later(seconds, self._release_late, queued)
        else:
            self._enqueue([queued] * (2 if self._faults.take(Fault.REPEAT_EVENTS, *targets) else 1))

    def release_held(self) -> None:
        """Publish what a shuffle holds, in another order, and what is late."""
        self._release_shuffled()
        for late in tuple(self._late):
            self._release_late(late)

    def start(self) -> None:
        """Begin to publish, in the running event loop."""
        self._task = asyncio.create_task(self._publish_forever(), name="lab-publisher")

    async def stop(self) -> None:
        """End the task. What is queued is lost, as it is when a provider loses an event."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _hold(self, event: _Event, *targets: str) -> None:
        self._held.append(event)
        if not any(self._faults.left(Fault.SHUFFLE_EVENTS, target) for target in targets):
            self._release_shuffled()

    def _release_shuffled(self) -> None:
        self._shuffle(self._held)
        held, self._held = self._held, []
        self._enqueue(held)

    def _release_late(self, event: _Event) -> None:
        # By identity: two late events may say the same, and a cleared order has let this one go before its time.
        waiting = [late for late in self._late if late is not event]
        if len(waiting) < len(self._late):
            self._late = waiting
            self._enqueue([event])

    def _enqueue(self, events: list[_Event]) -> None:
        self._queue.extend(events)
        self._filled.set()

    async def _publish_forever(self) -> None:
        while True:
            await self._filled.wait()
            while self._queue:
                batch = self._next_batch()
                await self._publish_until_taken(batch[0].topic_arn, [event.body for event in batch])
                for _ in batch:
                    self._queue.popleft()
            self._filled.clear()

    def _next_batch(self) -> list[_Event]:
        """The next events for one topic, within SNS's limits; they stay queued until they are taken."""
        first = self._queue[0]
        batch = [first]
        size = len(first.body)
        for event in islice(self._queue, 1, MAX_BATCH):
            size += len(event.body)
            if event.topic_arn != first.topic_arn or size > MAX_BATCH_BYTES:
                break
            batch.append(event)
        return batch

    async def _publish_until_taken(self, topic_arn: str, bodies: Sequence[str]) -> None:
        wait = FIRST_RETRY_S
        while True:
            try:
                return await asyncio.to_thread(self._topics.publish, topic_arn, bodies)
            except (NotTakenError, BotoCoreError, ClientError) as error:
                log.warning("SNS did not take events for %s: %s", topic_arn, error)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_RETRY_S)
