"""How the SMTP transport holds its line: connections that are shared and renewed, TLS, and what never goes without it."""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from smtp_stage import Handler, _connection, accept, cut, serving
from transport_conformance import (
    a_message,
    soon,
)

from outreach_pipelines.adapters.smtp import SmtpAccess
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent, ReplyLost


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
