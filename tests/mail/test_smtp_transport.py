"""SMTP submission against real servers: aiosmtpd on loopback, made to behave as servers and broken networks do."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from transport_conformance import (
    Behaviour,
    Seen,
    Served,
    TransportConformance,
    a_message,
    boot_time,
    closing,
    port_of,
    soon,
)

from outreach_pipelines.adapters.smtp import SmtpAccess, SmtpTransport
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost

Reply = Callable[[SMTP], Awaitable[str]]


async def accept(_: SMTP) -> str:
    return "250 2.0.0 Ok: queued as 4XyZ-12"


async def cut(server: SMTP) -> str:
    _connection(server).abort()
    return "250 never heard"


def _connection(server: SMTP) -> asyncio.Transport:
    assert isinstance(server.transport, asyncio.Transport)
    return server.transport


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


@dataclass
class Handler:
    """What the server replies to RCPT and after the body. Names and signatures are aiosmtpd's."""

    after_body: Reply = accept
    after_rcpt: Reply | None = None
    seen: Seen = field(default_factory=Seen)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.seen.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]) -> str:
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok" if self.after_rcpt is None else await self.after_rcpt(server)

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.original_content, bytes)
        self.seen.bodies.append(envelope.original_content)
        self.envelopes.append((str(envelope.mail_from), envelope.rcpt_tos))
        return await self.after_body(server)


def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, data: Any) -> AuthResult:
    # `handled=False` lets aiosmtpd write the refusal; a client would wait for it otherwise.
    return AuthResult(success=data.password == b"right", handled=False)


@asynccontextmanager
async def serving(
    handler: Handler,
    *,
    patience: float = 10.0,
    pool: dict[str, Any] | None = None,
    access: dict[str, Any] | None = None,
    **server: Any,
) -> AsyncIterator[SmtpTransport]:
    loop = asyncio.get_running_loop()
    tls = server.pop("implicit_tls", None)
    options = {"enable_SMTPUTF8": False, "hostname": "mail.client.example", **server}
    listening = await loop.create_server(lambda: SMTP(handler, loop=loop, **options), "127.0.0.1", 0, ssl=tls)
    chosen = {"tls": Tls.NONE, "host": "127.0.0.1", "port": port_of(listening), **(access or {})}
    transport = SmtpTransport(SmtpAccess(**chosen), timeout=patience, **(pool or {}))
    async with closing(transport, listening, handler.seen):
        yield transport


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

    assert answer == Refused("550", "5.1.1", "No such user. Ask your postmaster.")
    assert handler.seen.bodies == []


async def test_a_421_read_in_full_after_the_body_is_a_refusal() -> None:
    async with serving(Handler(says("421 4.3.2 closing, slow down"))) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert answer == Refused("421", "4.3.2", "closing, slow down")


async def test_a_421_before_the_body_is_a_refusal_and_no_body_leaves() -> None:
    handler = Handler(after_rcpt=says("421 4.3.2 closing"))

    async with serving(handler) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert answer == Refused("421", "4.3.2", "closing")
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


async def test_one_connection_serves_many_messages() -> None:
    handler = Handler()

    async with serving(handler) as transport:
        for number in range(5):
            await transport.send(a_message(number=number), deadline=soon())

    assert (len(handler.seen.bodies), handler.seen.connections) == (5, 1)


async def test_a_connection_is_renewed_after_its_share_of_messages() -> None:
    handler = Handler()

    async with serving(handler, pool={"messages_per_connection": 2}) as transport:
        for number in range(5):
            await transport.send(a_message(number=number), deadline=soon())

    assert (len(handler.seen.bodies), handler.seen.connections) == (5, 3)


async def test_a_kept_connection_that_the_server_has_closed_costs_no_message() -> None:
    async def accept_and_close(server: SMTP) -> str:
        asyncio.get_running_loop().call_soon(_connection(server).close)
        return "250 2.0.0 queued as A1"

    handler = Handler(accept_and_close)
    async with serving(handler) as transport:
        answers = [await transport.send(a_message(number=number), deadline=soon()) for number in range(3)]

    assert [type(answer) for answer in answers] == [Accepted] * 3
    assert len(handler.seen.bodies) == 3


async def test_doubt_on_a_kept_connection_is_not_tried_on_another_one() -> None:
    async def accept_then_cut(server: SMTP) -> str:
        return await (accept(server) if len(handler.seen.bodies) == 1 else cut(server))

    handler = Handler(accept_then_cut)
    async with serving(handler) as transport:
        answers = [await transport.send(a_message(number=number), deadline=soon()) for number in range(2)]

    assert [type(answer) for answer in answers] == [Accepted, ReplyLost]
    assert len(handler.seen.bodies) == 2


async def test_twenty_messages_at_once_use_no_more_connections_than_the_pool_has() -> None:
    handler = Handler()

    async with serving(handler, pool={"pool_size": 3}) as transport:
        await asyncio.gather(*(transport.send(a_message(number=number), deadline=soon()) for number in range(20)))

    assert len(handler.seen.bodies) == 20
    assert handler.seen.connections <= 3


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


@dataclass(frozen=True)
class Certificate:
    server: ssl.SSLContext
    trust: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder: Path = tmp_path_factory.mktemp("tls")
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key").write_bytes(key.private_bytes(*private))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert", folder / "key")
    return Certificate(server, ssl.create_default_context(cafile=str(folder / "cert")))


def tls_of(mode: Tls, certificate: Certificate) -> dict[str, Any]:
    return {"implicit_tls": certificate.server} if mode is Tls.IMPLICIT else {"tls_context": certificate.server}


@pytest.mark.parametrize("mode", [Tls.IMPLICIT, Tls.STARTTLS])
async def test_a_message_goes_over_tls(mode: Tls, certificate: Certificate) -> None:
    access = {"tls": mode, "tls_context": certificate.trust}

    async with serving(Handler(), access=access, **tls_of(mode, certificate)) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert isinstance(answer, Accepted), answer


@pytest.mark.parametrize("mode", [Tls.IMPLICIT, Tls.STARTTLS])
async def test_a_certificate_that_nobody_trusts_ends_the_call_before_the_password(
    mode: Tls, certificate: Certificate
) -> None:
    handler, access = Handler(), {"tls": mode, "username": "bo", "password": Secret("right")}

    async with serving(handler, access=access, **tls_of(mode, certificate)) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert isinstance(answer, NotSent), answer
    assert "CERTIFICATE_VERIFY_FAILED" in answer.cause
    assert handler.seen.bodies == []


async def test_a_server_without_starttls_gets_neither_password_nor_message() -> None:
    handler, access = Handler(), {"tls": Tls.STARTTLS, "username": "bo", "password": Secret("right")}

    async with serving(handler, access=access) as transport:
        answer = await transport.send(a_message(), deadline=soon())

    assert isinstance(answer, NotSent)
    assert "STARTTLS" in answer.cause
    assert handler.seen.bodies == []


@pytest.mark.parametrize("host", ["mail.client.example", "192.0.2.1", "localhost.client.example"])
def test_an_unsecured_connection_is_for_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match="is not loopback"):
        SmtpAccess(host, 25, Tls.NONE)


def test_a_password_does_not_show_in_a_repr() -> None:
    assert "canary" not in repr(SmtpAccess("127.0.0.1", 25, Tls.NONE, "bo", Secret("canary")))
