"""Simulated providers with a truth of their own, and the queue in which their events come back.

Belongs here: taking, refusing, losing; events late, repeated, shuffled, put aside. Does not: anything of our own store. What
was taken stands in the journal's append-only list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from outreach_pipelines.application.ingest_events import CANARY_ATTEMPT, FeedItem
from outreach_pipelines.application.ports import TagReader
from outreach_pipelines.application.prove_accounts import SIMULATOR
from outreach_pipelines.domain.delivery_event import DeliveryEvent, EventKind
from outreach_pipelines.domain.doubt import Held
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import WireMessage
from outreach_pipelines.proof.journal import Journal, Taken
from outreach_pipelines.proof.process import Process
from outreach_pipelines.proof.rows import Clocks
from outreach_pipelines.proof.schedule import Answer, Answered, EventDeadLettered, EventRepeated, FeedSilent
from outreach_pipelines.proof.virtual_loop import VirtualLoop

CALL_TIMEOUT = 30.0
REFUSALS: Mapping[tuple[str, Answer], Refused] = {
    ("ses", Answer.REFUSE_FOR_NOW): Refused("ThrottlingException", "", "maximum sending rate exceeded"),
    ("ses", Answer.REFUSE_FOR_GOOD): Refused("BadRequestException", "", "malformed content"),
    ("ses", Answer.STOP_PATH): Refused("SendingPausedException", "", "sending is paused"),
    ("smtp", Answer.REFUSE_FOR_NOW): Refused("451", "4.3.0", "busy"),
    ("smtp", Answer.REFUSE_FOR_GOOD): Refused("550", "5.1.1", "no such user"),
    ("smtp", Answer.STOP_PATH): Refused("550", "5.7.1", "blocked: poor reputation"),
}
HIDDEN_WHILE_READ = 30.0
LONGEST_JITTER = 30 * 60.0


@dataclass(slots=True)
class QueuedEvent:
    """One delivery. `visible_at` is in seconds of the world; `dead_until` while an operator must bring it back."""

    receipt: str
    item: FeedItem
    visible_at: float
    dead_until: float = 0.0


@dataclass(slots=True)
class EventQueue:
    """`EventFeed` of all accounts: at least once, in any order, `lag` late; never lost for ever."""

    loop: VirtualLoop
    chance: Random
    lag: float
    silences: Sequence[FeedSilent]
    repeated: Mapping[int, EventRepeated]
    dead_lettered: Mapping[int, EventDeadLettered]
    unpublished: list[tuple[float, FeedItem]] = field(default_factory=list)
    queued: list[QueuedEvent] = field(default_factory=list)
    published: int = 0

    def publish(self, item: FeedItem) -> None:
        """The provider has news: it reaches the queue some time later."""
        at = self.loop.now + self.lag + self.chance.choice((1.0, 1.0, self.chance.random() * LONGEST_JITTER))
        for silence in self.silences:
            if silence.at <= at < silence.at + silence.seconds:
                at = silence.at + silence.seconds
        self.unpublished.append((at, item))

    def _arrive(self) -> None:
        if not self.unpublished:
            return
        now = self.loop.now
        due = [each for each in self.unpublished if each[0] <= now]
        self.unpublished = [each for each in self.unpublished if each[0] > now]
        for at, item in due:
            self.published += 1
            aside = self.dead_lettered.get(self.published)
            again = self.repeated.get(self.published)
            dead_until = at + aside.seconds if aside else 0.0
            for copy in range(1 + (again.times if again else 0)):
                self.queued.append(QueuedEvent(f"{self.published}.{copy}", item, at, dead_until))

    def receive(self, *, most: int, wait_seconds: int) -> Sequence[FeedItem]:
        """See `EventFeed.receive`. What is read stays hidden for a while, and comes back unless it is acknowledged."""
        del wait_seconds
        self._arrive()
        if not self.queued:
            return ()
        now = self.loop.now
        here = [each for each in self.queued if max(each.visible_at, each.dead_until) <= now]
        self.chance.shuffle(here)
        for each in here[:most]:
            each.visible_at = now + HIDDEN_WHILE_READ
        return [_as_received(each) for each in here[:most]]

    def acknowledge(self, items: Sequence[FeedItem]) -> None:
        """See `EventFeed.acknowledge`."""
        done = {item.receipt for item in items}
        self.queued = [each for each in self.queued if each.receipt not in done]

    def held(self) -> Held:
        """See `CountedFeed.held`. What is not published yet, nobody can count."""
        self._arrive()
        now = self.loop.now
        dead = sum(each.dead_until > now for each in self.queued)
        hidden = sum(each.visible_at > now >= each.dead_until for each in self.queued)
        return Held(len(self.queued) - dead - hidden, hidden, 0, dead)

    def is_drained(self) -> bool:
        """Nothing will ever come any more, as only the world can know."""
        return not self.unpublished and not self.queued


def _as_received(event: QueuedEvent) -> FeedItem:
    item = event.item
    return FeedItem(event.receipt, item.source, item.body, item.event, item.tag)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller is told, and after how many seconds."""

    answer: SendAnswer
    seconds: float


@dataclass(slots=True)
class Providers:
    """All accounts. `answers` by the number of the call, counted over all of them."""

    loop: VirtualLoop
    clocks: Clocks
    chance: Random
    journal: Journal
    queue: EventQueue
    tags: TagReader
    kind: str
    answers: Mapping[int, Answered]
    calls: int = 0
    happened: list[Answer] = field(default_factory=list)

    def ask(self, message: WireMessage, account: AccountId) -> Reply:
        """One call with the whole message in it."""
        tag = self.tags.read(message.tag)
        assert tag is not None  # noqa: S101 - our own tag
        if tag.attempt == CANARY_ATTEMPT:
            return self._take_probe(message, tag)
        self.calls += 1
        fault = self.answers.get(self.calls)
        if fault is None:
            return Reply(self._take(message, tag, account, self.clocks.machine()), self.chance.random() * 2)
        self.happened.append(fault.how)
        return self._otherwise(fault, message, tag, account)

    def _otherwise(self, fault: Answered, message: WireMessage, tag: MessageTag, account: AccountId) -> Reply:
        began = self.clocks.machine()
        match fault.how:
            case Answer.REFUSE_FOR_NOW | Answer.REFUSE_FOR_GOOD | Answer.STOP_PATH:
                return Reply(REFUSALS[self.kind, fault.how], 1.0)
            case Answer.NO_CONNECTION:
                return Reply(NotSent("connection refused"), 0.1)
            case Answer.LOSE_REQUEST:
                return Reply(ReplyLost("time-out"), CALL_TIMEOUT)
            case Answer.TAKE_AND_LOSE_ANSWER:
                self._take(message, tag, account, began)
                return Reply(ReplyLost("connection cut"), self.chance.random() * CALL_TIMEOUT)
            case Answer.TAKE_TOO_LATE:
                self.loop.call_later(CALL_TIMEOUT + fault.seconds, self._take, message, tag, account, began)
                return Reply(ReplyLost("time-out"), CALL_TIMEOUT)

    def _take(self, message: WireMessage, tag: MessageTag, account: AccountId, began: datetime) -> Accepted:
        now = self.clocks.machine()
        self.journal.taken.append(
            Taken(self.journal.next(), tag.message, tag.attempt, message.recipient, account, began, now)
        )
        self.journal.tell(
            now, f"the provider takes attempt {tag.attempt} of message {tag.message} to {message.recipient}"
        )
        if self.kind == "ses":
            self._publish(message, tag, EventKind.SENT)
        if self.chance.random() < (0.5 if self.kind == "ses" else 0.2):
            self._publish(message, tag, EventKind.DELIVERED)
        return Accepted(f"id-{tag.message}-{tag.attempt}", message.message_id)

    def _take_probe(self, message: WireMessage, tag: MessageTag) -> Reply:
        self._publish(message, tag, EventKind.SENT)
        return Reply(Accepted("probe", message.message_id), 0.5)

    def _publish(self, message: WireMessage, tag: MessageTag, kind: EventKind) -> None:
        key = f"{kind}:{tag.message}:{tag.attempt}"
        event = DeliveryEvent(key, kind, self.clocks.machine(), provider_message_id=f"id-{tag.message}-{tag.attempt}")
        self.queue.publish(FeedItem(key, "simulated", "", event, message.tag))


@dataclass(frozen=True, slots=True)
class SimulatedTransport:
    """`MailTransport` of one account, as one process uses it."""

    process: Process
    providers: Providers
    account: AccountId

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        """See `MailTransport.send`."""
        await self.process.stand()
        if self.is_late(deadline):
            return NotSent("deadline")
        point = "probe" if message.recipient == SIMULATOR else "call"
        reply = self.process.call(point, self.providers.ask, message, self.account)
        await self.providers.loop.sleep(reply.seconds)
        await self.process.stand()
        return reply.answer

    def is_late(self, deadline: float) -> bool:
        """Past the deadline nothing leaves."""
        return self.providers.loop.now >= deadline

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class SimulatedTransports:
    """`Transports` of one process."""

    process: Process
    providers: Providers

    def of(self, tenant: TenantId, account: AccountId) -> SimulatedTransport:
        """See `Transports.of`."""
        del tenant
        return SimulatedTransport(self.process, self.providers, account)

    def kind(self, tenant: TenantId, account: AccountId) -> str:
        """See `Transports.kind`."""
        del tenant, account
        return self.providers.kind

    async def close(self) -> None:
        """Nothing is open."""
