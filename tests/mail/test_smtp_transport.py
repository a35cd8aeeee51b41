"""SMTP submission against real servers: aiosmtpd on loopback, made to behave as servers and broken networks do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from smtp_stage import Handler, Reply, accept, cut, serving
from transport_conformance import (
    Behaviour,
    Served,
    TransportConformance,
    a_message,
    boot_time,
    soon,
)

from outreach_pipelines.adapters.smtp import SmtpAccess, SmtpTransport
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.domain.inbound.verdict import Stage
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost


async def silent(_: SMTP) -> str:
    await asyncio.Event().wait()
    return "250 never said"


def says(text: str) -> Reply:
    async def reply(_: SMTP) -> str:
        return text

    return reply


AFTER_BODY = {
    Behaviour.ACCEPT: accept,
    Behaviour.REFUSE_FOR_NOW: says("451 4.7.1 slow down"),
    Behaviour.REFUSE_FOR_GOOD: says("554 5.7.1 not wanted"),
    Behaviour.REFUSE_CREDENTIALS: accept,
    Behaviour.CUT_AFTER_BODY: cut,
    Behaviour.SILENT_AFTER_BODY: silent,
    Behaviour.GARBAGE: says("\x00\x01lorem ipsum"),
    Behaviour.FIVE_MEGABYTES: says("250 " + "a" * 5_000_000),
}


def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, data: Any) -> AuthResult:
    # `handled=False` lets aiosmtpd write the refusal; a client would wait for it otherwise.
    return AuthResult(success=data.password == b"right", handled=False)


class TestSmtpTransport(TransportConformance):
    @asynccontextmanager
    async def serving(self, behaviour: Behaviour, *, patience: float = 10.0) -> AsyncIterator[Served]:
        password = "wrong" if behaviour is Behaviour.REFUSE_CREDENTIALS else "right"
        handler = Handler(AFTER_BODY[behaviour])
        login = {"username": "bo", "password": Secret(password)}
        needs: dict[str, Any] = {"auth_require_tls": False, "authenticator": authenticate}
        async with serving(handler, patience=patience, access=login, **needs) as transport:
            yield Served(transport, handler.seen)

    def unreachable(self) -> MailTransport:
        return SmtpTransport(SmtpAccess("127.0.0.1", 1, Tls.NONE))


async def test_an_acceptance_carries_the_queue_id_and_our_message_id() -> None:
    message = a_message()

    async with serving(Handler()) as transport:
        answer = await transport.send(message, deadline=soon())

    assert answer == Accepted("4XyZ-12", message.message_id)


async def test_a_reply_without_a_queue_id_is_kept_whole() -> None:
    async with serving(Handler(says("250 2.0.0 thank you"))) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert isinstance(answer, Accepted)
    assert answer.provider_message_id == "2.0.0 thank you"


async def test_the_envelope_is_the_tagged_bounce_address_and_the_recipient() -> None:
    handler, message = Handler(), a_message()

    async with serving(handler) as transport:
        await transport.send(message, deadline=soon())

    assert handler.envelopes == [(message.envelope_sender, ["ada@people.example"])]


async def test_a_refusal_of_many_lines_gives_code_enhanced_code_and_joined_text() -> None:
    handler = Handler(after_rcpt=says("550-5.1.1 No such user.\r\n550 5.1.1 Ask your postmaster."))

    async with serving(handler) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert answer == Refused("550", "5.1.1", "No such user. Ask your postmaster.", Stage.RCPT_TO)
    assert handler.seen.bodies == []


async def test_a_421_read_in_full_after_the_body_is_a_refusal() -> None:
    async with serving(Handler(says("421 4.3.2 closing, slow down"))) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert answer == Refused("421", "4.3.2", "closing, slow down", Stage.DATA)


async def test_a_421_before_the_body_is_a_refusal_and_no_body_leaves() -> None:
    handler = Handler(after_rcpt=says("421 4.3.2 closing"))

    async with serving(handler) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert answer == Refused("421", "4.3.2", "closing", Stage.RCPT_TO)
    assert handler.seen.bodies == []


@pytest.mark.parametrize("reply", [cut, says("lorem ipsum"), says("250-"), says("a" * 5_000_000), says("354 already?")])
async def test_whatever_breaks_before_the_body_is_certainly_not_sent(reply: Reply) -> None:
    handler = Handler(after_rcpt=reply)

    async with serving(handler, patience=0.3) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert isinstance(answer, NotSent), answer
    assert handler.seen.bodies == []


@pytest.mark.parametrize("reply", ["354 again?", "999 what", "-25 what", "25", "250-first line and no more"])
async def test_a_reply_that_is_neither_yes_nor_no_leaves_doubt(reply: str) -> None:
    async with serving(Handler(says(reply)), patience=0.3) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert isinstance(answer, ReplyLost), answer


async def test_a_deadline_that_passes_during_the_dialogue_lets_no_body_leave() -> None:
    deadline = boot_time() + 0.3

    async def slowly(_: SMTP) -> str:
        while boot_time() < deadline:  # noqa: ASYNC110 - no event tells of the boot clock
            await asyncio.sleep(0)
        return "250 2.1.5 Ok"

    handler = Handler(after_rcpt=slowly)
    async with serving(handler) as transport:
        answer = await transport.send(a_message(), deadline=deadline)

    assert answer == NotSent("deadline")
    assert handler.seen.bodies == []


async def test_a_server_that_is_silent_before_the_body_is_left_at_the_deadline() -> None:
    handler = Handler(after_rcpt=silent)

    async with serving(handler, patience=60) as transport, asyncio.timeout(8):
        answer = await transport.send(a_message(), deadline=boot_time() + 0.2)

    assert answer == NotSent("deadline")
    assert handler.seen.bodies == []


async def test_a_deadline_that_passes_while_all_connections_are_busy_ends_the_wait() -> None:
    async with serving(Handler(silent), patience=0.5, pool={"pool_size": 1}) as transport:
        first = asyncio.create_task(transport.send(a_message(number=1), deadline=soon()))
        await asyncio.sleep(0)
        second = await transport.send(a_message(number=2), deadline=boot_time() + 0.1)

        assert second == NotSent("deadline")
        assert not first.done()
        assert isinstance(await first, ReplyLost)


async def test_an_international_recipient_is_never_sent_to_a_server_without_smtputf8() -> None:
    handler = Handler()

    async with serving(handler) as transport:
        answer = await transport.send(a_message(recipient="jürgen@people.example"), deadline=soon())

    assert isinstance(answer, Refused)
    assert (answer.code, answer.enhanced_code) == ("SMTPUTF8", "5.6.7")
    assert handler.seen.bodies == []


async def test_an_international_recipient_goes_to_a_server_with_smtputf8() -> None:
    handler = Handler()

    async with serving(handler, enable_SMTPUTF8=True) as transport:
        answer = await transport.send(a_message(recipient="jürgen@people.example"), deadline=soon())

    assert isinstance(answer, Accepted)
    assert handler.envelopes[0][1] == ["jürgen@people.example"]


@pytest.mark.parametrize("text", ["a\nb\r\n", "a\rb\r\n", "a\r\n.\n\r\n"])
async def test_a_lone_line_end_that_could_smuggle_a_second_message_is_refused(text: str) -> None:
    handler = Handler()

    async with serving(handler) as transport:
        answer = await transport.send(a_message(text=text), deadline=soon())

    assert isinstance(answer, Refused)
    assert handler.seen.bodies == []
