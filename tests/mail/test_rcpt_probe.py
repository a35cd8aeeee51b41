"""Calls at servers of recipients on loopback: what is asked, what is never said, and what a broken call leaves."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from outreach_pipelines.adapters.rcpt_probe import RcptCaller
from outreach_pipelines.domain.address import Address, DomainName
from outreach_pipelines.domain.recipient_probe import ProbeTalk, RcptReply

HOST = DomainName("127.0.0.1")
FIRM = DomainName("firm.example")
NOBODY = Address("zz", FIRM, "zz")
ADA, BEN = Address("ada", FIRM, "Ada"), Address("ben", FIRM, "ben")
DENIED = "550 5.1.1 <someone>: Recipient address rejected: User unknown"


@dataclass
class Server:
    """What an SMTP server replies to recipients, and what it heard. Names and signatures are aiosmtpd's."""

    replies: Mapping[str, str] = field(default_factory=dict)
    others: str = DENIED
    heard: list[str] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)

    async def handle_MAIL(self, _: SMTP, __: Session, envelope: Envelope, address: str | None, ___: list[str]) -> str:
        self.heard.append(f"MAIL {address or '<>'}")
        envelope.mail_from = address or ""
        return "250 2.1.0 Ok"

    async def handle_RCPT(self, _: SMTP, session: Session, envelope: Envelope, address: str, ___: list[str]) -> str:
        self.heard.append(f"RCPT {address}")
        self.over_tls.append(session.ssl is not None)
        envelope.rcpt_tos.append(address)
        return self.replies.get(address, self.others)

    async def handle_DATA(self, _: SMTP, __: Session, ___: Envelope) -> str:
        self.heard.append("DATA")
        return "250 2.0.0 Ok"

    async def handle_QUIT(self, _: SMTP, __: Session, ___: Envelope) -> str:
        self.heard.append("QUIT")
        return "221 2.0.0 Bye"


def self_signed(folder: Path) -> ssl.SSLContext:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.firm.example")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    chain = folder / "chain.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain.write_bytes(private + dated.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


@asynccontextmanager
async def listening(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    sessions: list[SMTP] = []

    def session() -> SMTP:
        sessions.append(SMTP(server, loop=loop, hostname="mx.firm.example", enable_SMTPUTF8=False, tls_context=tls))
        return sessions[-1]

    door = await loop.create_server(session, "127.0.0.1", 0)
    try:
        yield door.sockets[0].getsockname()[1]
    finally:
        for each in sessions:
            # One of TLS that is closed already has no protocol to abort.
            if isinstance(each.transport, asyncio.Transport) and not each.transport.is_closing():
                each.transport.abort()
        door.close()
        await door.wait_closed()
        await asyncio.sleep(0)


async def asked(server: Server, *addresses: Address, inside: bool = True) -> ProbeTalk:
    async with listening(server) as port:
        caller = RcptCaller(helo="probe.acme.example", timeout_seconds=5, port=port, inside=inside)
        return await caller.ask(HOST, NOBODY, addresses)


async def test_each_address_is_asked_from_the_null_sender_and_no_message_is_begun() -> None:
    server = Server({"Ada@firm.example": "250 2.1.5 Ok"})

    talk = await asked(server, ADA, BEN)

    assert talk == ProbeTalk(RcptReply(550, "5.1.1"), {ADA: RcptReply(250, "2.1.5"), BEN: RcptReply(550, "5.1.1")})
    assert server.heard == [
        "MAIL <>", "RCPT zz@firm.example", "RCPT Ada@firm.example", "RCPT ben@firm.example", "QUIT",
    ]  # fmt: skip


async def test_where_tls_is_offered_names_go_over_it_whoever_vouches_for_the_server(tmp_path: Path) -> None:
    server = Server()
    async with listening(server, self_signed(tmp_path)) as port:
        talk = await RcptCaller(helo="probe.acme.example", port=port, inside=True).ask(HOST, NOBODY, [ADA])

    assert talk.replies == {ADA: RcptReply(550, "5.1.1")}
    assert server.over_tls == [True, True]


async def test_a_server_that_takes_a_made_up_name_is_asked_about_nobody() -> None:
    server = Server(others="250 2.1.5 Ok")

    talk = await asked(server, ADA)

    assert talk == ProbeTalk(RcptReply(250, "2.1.5"), {})
    assert server.heard == ["MAIL <>", "RCPT zz@firm.example", "QUIT"]


async def test_a_server_that_hangs_up_leaves_what_it_said_before() -> None:
    server = Server({"Ada@firm.example": "421 4.7.0 Too many"})

    talk = await asked(server, ADA, BEN)

    assert talk == ProbeTalk(RcptReply(550, "5.1.1"), {})
    assert "RCPT ben@firm.example" not in server.heard


@pytest.mark.parametrize("local", ["a>\r\nDATA\r\n", "\N{LATIN SMALL LETTER U WITH DIAERESIS}ber", '"a b"', "a..b"])
async def test_a_name_that_is_no_plain_word_is_not_asked(local: str) -> None:
    server = Server()

    talk = await asked(server, Address(local, FIRM, local), BEN)

    assert list(talk.replies) == [BEN]
    assert server.heard == ["MAIL <>", "RCPT zz@firm.example", "RCPT ben@firm.example", "QUIT"]


async def test_dns_that_leads_into_our_own_network_is_not_followed() -> None:
    server = Server()

    talk = await asked(server, ADA, inside=False)

    assert (talk, server.heard) == (ProbeTalk(), [])


@pytest.mark.parametrize(
    "banner", [b"554 5.7.1 No\r\n", b"\xff\xfe\r\n", b"220-" + b"x" * 5000 + b"\r\n", b"", b"220-a\r\n" * 200]
)
async def test_a_server_that_talks_nonsense_says_nothing(banner: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        writer.close()

    door = await asyncio.start_server(talk, "127.0.0.1", 0)
    caller = RcptCaller(
        helo="probe.acme.example", timeout_seconds=5, port=door.sockets[0].getsockname()[1], inside=True
    )

    found = await caller.ask(HOST, NOBODY, [ADA])

    door.close()
    await door.wait_closed()
    assert found == ProbeTalk()


@pytest.mark.parametrize("banner", [b"554 5.7.1 No\r\n", b"421 4.3.2 Later\r\n", b"220-a\r\n" * 200 + b"220 b\r\n"])
async def test_a_server_that_does_not_welcome_us_is_not_greeted(banner: bytes) -> None:
    heard, ended = list[bytes](), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        with suppress(ConnectionError):
            while line := await reader.readline():
                heard.append(line)
                writer.write(b"250 Ok\r\n")
        writer.close()
        ended.set()

    door = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with door:
        port = door.sockets[0].getsockname()[1]
        await RcptCaller(helo="probe.acme.example", timeout_seconds=5, port=port, inside=True).ask(HOST, NOBODY, [ADA])
        await ended.wait()
        await asyncio.sleep(0)

    assert heard in ([], [b"QUIT\r\n"])


async def test_nobody_at_home_says_nothing() -> None:
    async with listening(Server()) as port:
        pass

    found = await RcptCaller(helo="probe.acme.example", port=port, inside=True).ask(HOST, NOBODY, [ADA])

    assert found == ProbeTalk()
