"""Calls to web and mail servers on loopback: MTA-STS policies and SMTP greetings, with certificates good and bad."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from outreach_pipelines.adapters.mail_greeting import SmtpCaller
from outreach_pipelines.adapters.policy_fetch import HttpsPolicies
from outreach_pipelines.application.ask_everywhere import AskEverywhere
from outreach_pipelines.application.audit_domains import DnsResolver
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Answer,
    Cause,
    MailGreeting,
    NoData,
    PolicyText,
    Query,
    Records,
    RecordType,
    Unknown,
)

HOST = DomainName("localhost")
POLICY = "version: STSv1\nmode: testing\nmx: mx.test\nmax_age: 60\n"


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate of its own for `localhost`, and who trusts it."""

    server: ssl.SSLContext
    trust: ssl.SSLContext


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return made(tmp_path_factory.mktemp("tls"), "localhost", timedelta(days=90))


def made(folder: Path, name: str, lasts: timedelta) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.2"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "both.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return Authority(server, ssl.create_default_context(cafile=str(path)))


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@asynccontextmanager
async def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            result = talk(reader, writer)
            if asyncio.iscoroutine(result):
                await result
        except (OSError, EOFError):
            pass  # the caller left: some do so on purpose
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "localhost", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    for each in server.sockets[1:]:
        each.close()
    try:
        yield port
    finally:
        server.close()


def web(status: str, kind: str, body: bytes, more: str = "") -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return talk


async def fetched(talk: Talk, authority: Authority, trust: ssl.SSLContext | None = None) -> Answer:
    async with serving(talk, authority.server) as port:
        return await HttpsPolicies(port=port, trust=trust or authority.trust, timeout_seconds=5).policy(HOST)


async def test_a_policy_is_fetched(authority: Authority) -> None:
    answer = await fetched(web("200 OK", "text/plain; charset=utf-8", POLICY.encode()), authority)

    assert answer == Records((PolicyText(POLICY),), 0)


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_a_policy_that_is_not_there_is_definitely_not_there(status: str, authority: Authority) -> None:
    assert await fetched(web(status, "text/html", b"no"), authority) == NoData()


@pytest.mark.parametrize("status", ["500 Oops", "503 Later", "429 Slowly"])
async def test_a_server_in_trouble_says_nothing_about_the_policy(status: str, authority: Authority) -> None:
    assert await fetched(web(status, "text/plain", POLICY.encode()), authority) == Unknown(Cause.SERVER_FAILURE)


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (web("301 Moved", "text/plain", b"", "Location: https://other.test/\r\n"), "redirects to https://other.test/"),
        (web("200 OK", "text/html", POLICY.encode()), "media type is text/html"),
        (web("200 OK", "text/plain", b"x" * 70_000), "larger than"),
    ],
)
async def test_a_policy_that_senders_must_not_use_tells_why(talk: Talk, words: str, authority: Authority) -> None:
    answer = await fetched(talk, authority)

    assert isinstance(answer, Records)
    assert isinstance(answer.rrs[0], PolicyText)
    assert words in answer.rrs[0].fault


async def test_a_certificate_that_nobody_vouches_for_is_a_fault_of_the_policy(authority: Authority) -> None:
    answer = await fetched(web("200 OK", "text/plain", POLICY.encode()), authority, ssl.create_default_context())

    assert isinstance(answer, Records)
    assert isinstance(answer.rrs[0], PolicyText)
    assert "certificate is not valid" in answer.rrs[0].fault


async def test_nobody_at_the_port_is_unknown(authority: Authority) -> None:
    async with serving(web("200 OK", "text/plain", b"")) as port:
        pass

    assert await HttpsPolicies(port=port, trust=authority.trust).policy(HOST) == Unknown(Cause.UNREACHABLE)
    assert await SmtpCaller(helo="probe.test", port=port).greeting(HOST) == Unknown(Cause.UNREACHABLE)


def mail(lines: Mapping[str, str], banner: str = "220 mx.test ESMTP", tls: ssl.SSLContext | None = None) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{banner}\r\n".encode())
        while True:
            verb = (await reader.readuntil(b"\n")).decode().split()[0].upper()
            writer.write(f"{lines.get(verb, '500 what?')}\r\n".encode())
            if verb == "STARTTLS" and tls is not None:
                await writer.start_tls(tls)

    return talk


WITH_TLS = {"EHLO": "250-mx.test\r\n250-SIZE 1000\r\n250 STARTTLS", "STARTTLS": "220 go", "QUIT": "221 bye"}


async def greeted(talk: Talk, trust: ssl.SSLContext | None = None) -> Answer:
    async with serving(talk) as port:
        return await SmtpCaller(helo="probe.test", port=port, trust=trust, timeout_seconds=5).greeting(HOST)


async def test_a_greeting_with_tls_tells_how_long_the_certificate_lasts(authority: Authority) -> None:
    answer = await greeted(mail(WITH_TLS, tls=authority.server), authority.trust)

    assert answer == Records((MailGreeting(banner="220 mx.test ESMTP", starttls=True, days_left=89),), 0)


async def test_a_certificate_that_is_not_valid_is_told(authority: Authority, tmp_path: Path) -> None:
    strange = await greeted(mail(WITH_TLS, tls=authority.server), ssl.create_default_context())
    ended = made(tmp_path, "localhost", timedelta(days=-1))
    late = await greeted(mail(WITH_TLS, tls=ended.server), ended.trust)

    assert [fault_of(strange), fault_of(late)] == ["self-signed certificate", "certificate has expired"]


def fault_of(answer: Answer) -> str:
    assert isinstance(answer, Records)
    assert isinstance(answer.rrs[0], MailGreeting)
    return answer.rrs[0].certificate_fault


@pytest.mark.parametrize(
    ("talk", "banner"),
    [
        (mail({"EHLO": "250 mx.test"}), "220 mx.test ESMTP"),
        (mail({}, banner="554 not here"), "554 not here"),
        (mail({"EHLO": "250 STARTTLS", "STARTTLS": "454 later"}), "220 mx.test ESMTP"),
    ],
)
async def test_a_server_without_tls_is_told_by_its_banner(talk: Talk, banner: str) -> None:
    assert await greeted(talk) == Records((MailGreeting(banner=banner, starttls=False),), 0)


async def test_a_server_that_never_speaks_is_unknown() -> None:
    silent: Talk = lambda reader, _: reader.read()  # noqa: E731 a talk that only listens

    async with serving(silent) as port:
        answer = await SmtpCaller(helo="probe.test", port=port, timeout_seconds=0.05).greeting(HOST)

    assert answer == Unknown(Cause.TIMEOUT)


@pytest.mark.parametrize("noise", [b"x" * 10_000, b"220-more\r\n" * 200])
async def test_a_server_that_never_ends_a_reply_is_unknown(noise: bytes) -> None:
    assert isinstance(await greeted(lambda _, writer: writer.write(noise)), Unknown)


@dataclass(slots=True)
class NoDns:
    """Answers nothing and remembers who asked."""

    asked: list[Query] = field(default_factory=list)

    async def resolve(self, queries: object) -> Mapping[Query, Answer]:
        assert isinstance(queries, list)
        self.asked.extend(queries)
        return {}


async def test_each_question_goes_to_the_one_who_can_answer_and_nobody_is_unknown() -> None:
    dns: DnsResolver = NoDns()
    queries = [Query(HOST, RecordType.MX), Query(HOST, RecordType.POLICY), Query(HOST, RecordType.SMTP)]

    answers = await AskEverywhere(dns=dns).resolve(queries)

    assert dns.asked == queries[:1]  # type: ignore[attr-defined]  # the fake above
    assert answers == dict.fromkeys(queries[1:], Unknown(Cause.NOT_ASKED))
