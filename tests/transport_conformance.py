"""What every mail transport does, whatever its protocol, against a real server that behaves in a given way.

A test module inherits `TransportConformance` and says how its server shows each behaviour.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto

from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag, write_tag
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import WireMessage

TAG = write_tag(MessageTag(TenantId(1), date(2026, 11, 21), MessageId(7), 1), b"k" * 32)


class Behaviour(Enum):
    """How the server meets a message."""

    ACCEPT = auto()
    REFUSE_FOR_NOW = auto()
    REFUSE_FOR_GOOD = auto()
    REFUSE_CREDENTIALS = auto()
    CUT_AFTER_BODY = auto()
    SILENT_AFTER_BODY = auto()
    GARBAGE = auto()
    FIVE_MEGABYTES = auto()


@dataclass
class Seen:
    """What reached the server: whole bodies, and how many connections were made."""

    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0


@dataclass(frozen=True)
class Served:
    transport: MailTransport
    seen: Seen


def boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def soon() -> float:
    """A deadline that no test reaches."""
    return boot_time() + 30


def a_message(
    *, recipient: str = "ada@people.example", text: str = "Hello.\r\n", number: int = 1, tag: WireTag = TAG
) -> WireMessage:
    message_id = f"<{tag}.{number}@mail.client.example>"
    head = f"From: Bo <bo@mail.client.example>\r\nTo: {recipient}\r\nSubject: Tea\r\nMessage-ID: {message_id}\r\n\r\n"
    return WireMessage(
        tag=tag,
        envelope_sender=f"bounce+{tag}@mail.client.example",
        sender="bo@mail.client.example",
        recipient=recipient,
        subject="Tea",
        message_id=message_id,
        body=(head + text).encode(),
    )


class TransportConformance:
    """Inherit, and give the two servers."""

    def serving(self, behaviour: Behaviour, *, patience: float = 10.0) -> AbstractAsyncContextManager[Served]:
        """A transport whose server behaves so; `patience` is the transport's, in seconds."""
        raise NotImplementedError

    def unreachable(self) -> MailTransport:
        """A transport to a port on which nobody listens."""
        raise NotImplementedError

    async def test_a_message_that_the_server_takes_is_accepted_with_both_ids(self) -> None:
        async with self.serving(Behaviour.ACCEPT) as served:
            answer = await served.transport.send(a_message(), deadline=soon())

        assert isinstance(answer, Accepted)
        assert answer.provider_message_id
        assert answer.wire_message_id.startswith("<")
        assert answer.wire_message_id.endswith(">")
        assert len(served.seen.bodies) == 1

    async def test_the_body_arrives_octet_for_octet(self) -> None:
        message = a_message(text=".a dot\r\n..two\r\n.\r\nlast line\r\n")

        async with self.serving(Behaviour.ACCEPT) as served:
            await served.transport.send(message, deadline=soon())

        assert served.seen.bodies == [message.body]

    async def test_a_refusal_for_now_is_read_in_full(self) -> None:
        async with self.serving(Behaviour.REFUSE_FOR_NOW) as served:
            answer = await served.transport.send(a_message(), deadline=soon())

        assert isinstance(answer, Refused)
        assert "slow down" in answer.text

    async def test_a_refusal_for_good_is_read_in_full(self) -> None:
        async with self.serving(Behaviour.REFUSE_FOR_GOOD) as served:
            answer = await served.transport.send(a_message(), deadline=soon())

        assert isinstance(answer, Refused)
        assert "not wanted" in answer.text

    async def test_wrong_credentials_are_a_refusal_and_no_message_leaves(self) -> None:
        async with self.serving(Behaviour.REFUSE_CREDENTIALS) as served:
            answer = await served.transport.send(a_message(), deadline=soon())

        assert isinstance(answer, Refused)

    async def test_a_server_that_is_not_there_is_certainly_not_sent(self) -> None:
        transport = self.unreachable()

        answer = await transport.send(a_message(), deadline=soon())
        await transport.close()

        assert isinstance(answer, NotSent)
        assert answer.cause.startswith("connection")

    async def test_a_connection_cut_after_the_body_leaves_doubt(self) -> None:
        async with self.serving(Behaviour.CUT_AFTER_BODY) as served:
            answer = await served.transport.send(a_message(), deadline=soon())

        assert isinstance(answer, ReplyLost)
        assert len(served.seen.bodies) == 1

    async def test_silence_after_the_body_leaves_doubt_and_ends(self) -> None:
        async with self.serving(Behaviour.SILENT_AFTER_BODY, patience=0.2) as served:
            answer = await asyncio.wait_for(served.transport.send(a_message(), deadline=soon()), 8)

        assert isinstance(answer, ReplyLost)
        assert len(served.seen.bodies) == 1

    async def test_an_answer_that_cannot_be_read_leaves_doubt(self) -> None:
        async with self.serving(Behaviour.GARBAGE) as served:
            answer = await served.transport.send(a_message(), deadline=soon())

        assert isinstance(answer, ReplyLost)

    async def test_an_answer_of_five_megabytes_leaves_doubt_and_a_short_cause(self) -> None:
        async with self.serving(Behaviour.FIVE_MEGABYTES) as served:
            answer = await served.transport.send(a_message(), deadline=soon())

        assert isinstance(answer, ReplyLost)
        assert len(answer.cause) <= 500

    async def test_past_the_deadline_nothing_leaves(self) -> None:
        async with self.serving(Behaviour.ACCEPT) as served:
            answer = await served.transport.send(a_message(), deadline=boot_time() - 0.001)

        assert answer == NotSent("deadline")
        assert served.seen.bodies == []

    async def test_doubt_is_never_tried_again(self) -> None:
        async with self.serving(Behaviour.CUT_AFTER_BODY) as served:
            for number in (1, 2):
                await served.transport.send(a_message(number=number), deadline=soon())

        assert len(served.seen.bodies) == 2

    async def test_twenty_messages_at_once_arrive_once_each(self) -> None:
        messages = [a_message(number=number) for number in range(20)]

        async with self.serving(Behaviour.ACCEPT) as served:
            answers = await asyncio.gather(*(served.transport.send(each, deadline=soon()) for each in messages))

        assert all(isinstance(answer, Accepted) for answer in answers)
        assert sorted(served.seen.bodies) == sorted(each.body for each in messages)


@asynccontextmanager
async def closing(transport: MailTransport, server: asyncio.Server, seen: Seen) -> AsyncIterator[Served]:
    """Both ends for one test. Clients go first: a server waits for its connections."""
    try:
        yield Served(transport, seen)
    finally:
        await transport.close()
        server.close()
        await _let_the_server_end()


async def _let_the_server_end() -> None:
    # Before Python 3.12 a server that is closed does not wait for its connections.
    for _ in range(100):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    for _ in range(10):
        await asyncio.sleep(0)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])
