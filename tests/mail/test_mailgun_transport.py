"""Mailgun's API, against a small HTTP server that says what Mailgun, or a broken network, would say."""

import email
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message

import pytest
from http_provider import CUT, SILENT, TRICKLE, Provider, Request, Say, answer, provider
from transport_conformance import Behaviour, Seen, Served, TransportConformance, a_message, boot_time, soon

from outreach_pipelines.adapters.http_api import HttpApi
from outreach_pipelines.adapters.mailgun import BASE_URLS, MailgunPath, MailgunTransport, mailgun_access
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer
from outreach_pipelines.errors import SettingsFault

KEY = Secret("key-canary")
ACCEPTED = answer(200, {"id": "<20261121.7@mail.client.example>", "message": "Queued. Thank you."})
ANSWERS = {
    Behaviour.ACCEPT: ACCEPTED,
    Behaviour.REFUSE_FOR_NOW: answer(429, {"message": "slow down"}),
    Behaviour.REFUSE_FOR_GOOD: answer(400, {"message": "not wanted"}),
    Behaviour.REFUSE_CREDENTIALS: answer(401, b"Forbidden"),
    Behaviour.CUT_AFTER_BODY: CUT,
    Behaviour.SILENT_AFTER_BODY: SILENT,
    Behaviour.GARBAGE: answer(200, b"<html>\x00\xff</html>"),
    Behaviour.FIVE_MEGABYTES: answer(200, b"a" * 5_000_000),
}


@dataclass(frozen=True)
class Uploaded:
    """A form as it came: the texts, and the message octet for octet."""

    fields: dict[str, str]
    message: bytes
    message_type: str


def uploaded(request: Request) -> Uploaded:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    boundary = email.message_from_bytes(head).get_boundary()
    parts = request.body.split(f"--{boundary}".encode())[1:-1]
    fields, message, kind = {}, b"", ""
    for part in parts:
        raw_head, _, content = part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        headers: Message = email.message_from_bytes(raw_head)
        name = headers.get_param("name", header="Content-Disposition")
        if name == "message":
            message, kind = content, headers.get_content_type()
        else:
            fields[str(name)] = content.decode()
    return Uploaded(fields, message, kind)


def a_transport(url: str, *, patience: float = 10.0, path: MailgunPath = MailgunPath()) -> MailgunTransport:  # noqa: B008 - frozen
    api = HttpApi(mailgun_access(url, KEY), timeout=patience, connect_timeout=1.0, connections=20)
    return MailgunTransport(api, path=path)


@asynccontextmanager
async def saying(
    says: Say | bytes,
    *,
    patience: float = 10.0,
    path: MailgunPath = MailgunPath(),  # noqa: B008 - frozen
) -> AsyncIterator[tuple[MailgunTransport, Provider]]:
    async with provider(says) as met:
        transport = a_transport(met.url, patience=patience, path=path)
        try:
            yield transport, met
        finally:
            await transport.close()


async def answer_to(says: bytes, *, patience: float = 10.0) -> tuple[SendAnswer, Provider]:
    async with saying(says, patience=patience) as (transport, met):
        return await transport.send(a_message(), deadline=soon()), met


class TestMailgunTransport(TransportConformance):
    @asynccontextmanager
    async def serving(self, behaviour: Behaviour, *, patience: float = 10.0) -> AsyncIterator[Served]:
        seen = Seen()

        def say(request: Request) -> bytes:
            seen.bodies.append(uploaded(request).message)
            return ANSWERS[behaviour]

        async with saying(say, patience=patience) as (transport, _):
            yield Served(transport, seen)

    def unreachable(self) -> MailTransport:
        return a_transport("http://127.0.0.1:1")


async def test_the_upload_names_the_recipient_our_tag_and_no_tracking() -> None:
    message = a_message()

    async with saying(ACCEPTED) as (transport, met):
        await transport.send(message, deadline=soon())

    (request,) = met.requests
    form = uploaded(request)
    assert (request.method, request.path) == ("POST", "/v3/mail.client.example/messages.mime")
    assert form.fields == {
        "to": "ada@people.example",
        "v:outreach": message.tag,
        "o:tag": "outreach",
        "o:tracking": "no",
        "o:require-tls": "no",
    }
    assert form.message_type == "message/rfc822"


async def test_an_account_that_requires_tls_says_so_in_each_upload() -> None:
    async with saying(ACCEPTED, path=MailgunPath(require_tls=True)) as (transport, met):
        await transport.send(a_message(), deadline=soon())

    assert uploaded(met.requests[0]).fields["o:require-tls"] == "yes"


async def test_the_key_goes_as_the_password_of_the_user_api() -> None:
    _, met = await answer_to(ACCEPTED)

    scheme, _, login = met.requests[0].headers["authorization"].partition(" ")
    assert (scheme, b64decode(login)) == ("Basic", b"api:key-canary")


async def test_both_ids_are_those_that_mailgun_answers() -> None:
    found, _ = await answer_to(ACCEPTED)

    assert found == Accepted("20261121.7@mail.client.example", "<20261121.7@mail.client.example>")


@pytest.mark.parametrize(
    "says",
    [
        answer(500, {"message": "oops"}),
        answer(503, {"message": "busy"}),
        answer(502, b"<html>Bad gateway</html>"),
        answer(400, b"<html>Bad request</html>"),
        answer(413, b"<html>Request Entity Too Large</html>"),
        answer(401, b"<html>Forbidden</html>"),
        answer(400, {"error": "of a gateway"}),
        answer(400, {"message": ["a", "list"]}),
        answer(418, {"message": "a status that is not Mailgun's"}),
        answer(302, {"message": "moved"}, headers="Location: http://127.0.0.1:1/\r\n"),
        answer(202, {"id": "<a@b.example>", "message": "a status that is not Mailgun's"}),
        answer(200, {}),
        answer(200, []),
        answer(200, {"id": 5}),
        answer(200, {"id": "a@b.example"}),
        answer(200, {"id": "<no-at-sign>"}),
        answer(200, {"id": "<a b@c.example>"}),
        answer(200, {"id": "<a\u0000@c.example>"}),
        answer(200, b"[" * 60_000),
        answer(400, b'{"message": "' + b"a" * 100_000 + b'"}'),
        answer(200, {"id": "<a@b.example>"}, headers="Content-Encoding: gzip\r\n")[:-4],
        b"HTTP/1.1 999 ?\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    ],
)
async def test_anything_but_mailguns_own_answers_leaves_doubt_and_is_asked_once(says: bytes) -> None:
    found, met = await answer_to(says, patience=0.3)

    assert isinstance(found, ReplyLost), found
    assert len(found.cause) <= 500
    assert len(met.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 429])
async def test_a_documented_refusal_is_read_with_its_words(status: int) -> None:
    found, met = await answer_to(answer(status, {"message": "no\u0000 more " + "b" * 2_000}))

    assert isinstance(found, Refused)
    assert (found.code, found.text[:9], len(found.text)) == (str(status), "no  more ", 500)
    assert len(met.requests) == 1


async def test_an_answer_that_trickles_without_end_leaves_doubt_in_bounded_time() -> None:
    found, _ = await answer_to(TRICKLE, patience=0.3)

    assert isinstance(found, ReplyLost)


async def test_the_deadline_holds_on_a_connection_that_is_kept() -> None:
    async with saying(ACCEPTED) as (transport, met):
        await transport.send(a_message(), deadline=soon())
        found = await transport.send(a_message(number=2), deadline=boot_time() - 0.001)
        after = await transport.send(a_message(number=3), deadline=soon())

    assert found == NotSent("deadline")
    assert isinstance(after, Accepted)
    assert len(met.requests) == 2


async def test_a_server_that_is_not_trusted_gets_nothing() -> None:
    async with provider(ACCEPTED) as met:
        transport = a_transport(met.url.replace("http:", "https:"))
        found = await transport.send(a_message(), deadline=soon())
        await transport.close()

    assert isinstance(found, NotSent)
    assert met.requests == []


async def test_an_international_recipient_is_refused_before_the_call() -> None:
    async with saying(ACCEPTED) as (transport, met):
        found = await transport.send(a_message(recipient="jürgen@people.example"), deadline=soon())

    assert isinstance(found, Refused)
    assert met.requests == []


async def test_one_connection_serves_many_messages() -> None:
    async with saying(ACCEPTED) as (transport, met):
        for number in range(5):
            await transport.send(a_message(number=number), deadline=soon())

    assert (len(met.requests), met.connections) == (5, 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.mailgun.example",
        "http://127.0.0.1:80@api.mailgun.example",
        "https://user@api.mailgun.example",
        "https://api.mailgun.example:port",
        "https://api.mailgun.example/v3",
        "ftp://127.0.0.1",
        "https://",
        "api.mailgun.example",
        "https://[::1",
        "",
    ],
)
def test_the_key_goes_to_nobody_but_by_https_or_on_this_machine(url: str) -> None:
    with pytest.raises(SettingsFault, match="https"):
        mailgun_access(url, KEY)


@pytest.mark.parametrize("url", [*BASE_URLS.values(), "http://127.0.0.1:8080", "http://localhost", "http://[::1]:1/"])
def test_the_key_goes_to_mailgun_and_to_a_lab(url: str) -> None:
    assert "canary" not in repr(mailgun_access(url, KEY))
