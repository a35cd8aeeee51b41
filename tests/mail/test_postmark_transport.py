"""Postmark's API, against a small HTTP server that says what Postmark, or a broken network, would say."""

import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from http_provider import CUT, SILENT, Provider, Request, Say, answer, provider
from transport_conformance import TAG, Behaviour, Seen, Served, TransportConformance, a_message, soon

from outreach_pipelines.adapters.http_api import HttpApi
from outreach_pipelines.adapters.postmark import BASE_URL, PostmarkTransport, postmark_access
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.domain.inbound.correlation import TAG_HEADERS
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken, Content, Letter, Recipient, Sender, Thread
from outreach_pipelines.domain.mail_bytes import SMTP_POLICY
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import Rendered, WireMessage, write_letter
from outreach_pipelines.errors import SettingsFault

TOKEN = Secret("token-canary")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MESSAGE_ID = "0a129aee-e1cd-480d-b08d-4f48548ff48d"
ACCEPTED = answer(200, {"ErrorCode": 0, "Message": "OK", "MessageID": MESSAGE_ID, "To": "ada@people.example"})
ANSWERS = {
    Behaviour.ACCEPT: ACCEPTED,
    Behaviour.REFUSE_FOR_NOW: answer(429, {"ErrorCode": 429, "Message": "slow down"}),
    Behaviour.REFUSE_FOR_GOOD: answer(422, {"ErrorCode": 300, "Message": "not wanted"}),
    Behaviour.REFUSE_CREDENTIALS: answer(401, {"ErrorCode": 10, "Message": "bad token"}),
    Behaviour.CUT_AFTER_BODY: CUT,
    Behaviour.SILENT_AFTER_BODY: SILENT,
    Behaviour.GARBAGE: answer(200, b"<html>\x00\xff</html>"),
    Behaviour.FIVE_MEGABYTES: answer(200, b"a" * 5_000_000),
}
Fields = dict[str, Any]


def octets(fields: Fields) -> bytes:
    """The fields as the message that they were taken from: it arrives whole when nothing of it was changed on the way."""
    headers = {each["Name"]: each["Value"] for each in fields["Headers"]}
    names = {"From": fields["From"], "To": fields["To"], "Subject": fields["Subject"]}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**names, "Message-ID": headers["Message-ID"]}.items())
    return f"{head}\r\n{fields['TextBody']}".encode()


def a_transport(url: str, *, patience: float = 10.0) -> PostmarkTransport:
    api = HttpApi(postmark_access(TOKEN, url), timeout=patience, connect_timeout=1.0, connections=20)
    return PostmarkTransport(api, stream="outreach")


@asynccontextmanager
async def saying(says: Say | bytes, *, patience: float = 10.0) -> AsyncIterator[tuple[PostmarkTransport, Provider]]:
    async with provider(says) as met:
        transport = a_transport(met.url, patience=patience)
        try:
            yield transport, met
        finally:
            await transport.close()


async def answer_to(
    says: bytes, message: WireMessage | None = None, *, patience: float = 10.0
) -> tuple[SendAnswer, list[Request]]:
    async with saying(says, patience=patience) as (transport, met):
        return await transport.send(message or a_message(), deadline=soon()), met.requests


async def fields_of(message: WireMessage) -> Fields:
    found, (request,) = await answer_to(ACCEPTED, message)
    assert isinstance(found, Accepted)
    fields: Fields = json.loads(request.body)
    return fields


class TestPostmarkTransport(TransportConformance):
    @asynccontextmanager
    async def serving(self, behaviour: Behaviour, *, patience: float = 10.0) -> AsyncIterator[Served]:
        seen = Seen()

        def say(request: Request) -> bytes:
            seen.bodies.append(octets(json.loads(request.body)))
            return ANSWERS[behaviour]

        async with saying(say, patience=patience) as (transport, _):
            yield Served(transport, seen)

    def unreachable(self) -> MailTransport:
        return a_transport("http://127.0.0.1:1")


def a_letter(thread: Thread | None = None) -> Letter:
    return Letter(
        claim=ClaimedMessage(TenantId(1), NOON.date(), MessageId(7), 1, ClaimToken(UUID(int=1))),
        enrollment_id=1, campaign_id=1, step=1, due_at=NOON, window_end=NOON,
        recipient=Recipient("ada@people.example", b"", {}),
        sender=Sender(
            1, "bo@mail.client.example", "Müller, Bo", "Client Ltd", "https://client.example", "hello@client.example",
            "https://client.example/privacy", "1 Test Street", "u.client.example",
        ),
        content=Content("Tea", "a" * 64, None),
        thread=thread,
    )  # fmt: skip


def written(rendered: Rendered, *, thread: Thread | None = None) -> WireMessage:
    url = "https://u.client.example/u/" + "t" * 90
    message = write_letter(a_letter(thread), rendered, tag=TAG, unsubscribe_url=url, now=NOON)
    assert isinstance(message, WireMessage)
    return message


async def test_a_letter_arrives_in_postmarks_fields_with_the_headers_that_have_none() -> None:
    thread = Thread(("<first@mail.client.example>", "<second@mail.client.example>"), "Tea")
    message = written(Rendered("Tea", "Grüße,\nwie geht’s?\n", "<p>Grüße</p>\n"), thread=thread)

    fields = await fields_of(message)

    unsubscribe = (
        f"<https://u.client.example/u/{'t' * 90}>, <mailto:unsubscribe+{TAG}@mail.client.example?subject=unsubscribe>"
    )
    assert {name: fields[name] for name in fields if name != "Headers"} == {
        "From": '"Müller, Bo" <bo@mail.client.example>',
        "To": "ada@people.example",
        "Subject": "Re: Tea",
        "TextBody": "Grüße,\r\nwie geht’s?\r\n",
        "HtmlBody": "<p>Grüße</p>\r\n",
        "MessageStream": "outreach",
        "Metadata": {"tag": TAG},
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    assert {each["Name"]: each["Value"] for each in fields["Headers"]} == {
        "Message-ID": message.message_id,
        "In-Reply-To": "<second@mail.client.example>",
        "References": "<first@mail.client.example> <second@mail.client.example>",
        "List-Unsubscribe": unsubscribe,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "X-PM-KeepID": "true",
    }


async def test_the_tag_stands_in_a_header_by_which_a_report_that_returns_the_message_is_read() -> None:
    (name,) = (await fields_of(a_message()))["Metadata"]

    assert f"x-pm-metadata-{name}" in TAG_HEADERS


async def test_a_letter_without_html_has_no_such_field() -> None:
    fields = await fields_of(written(Rendered("Tea", "Hello.\n", None)))

    assert "HtmlBody" not in fields


def a_mail() -> EmailMessage:
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"], mail["To"], mail["Subject"] = "bo@mail.client.example", "ada@people.example", "Tea"
    mail["Message-ID"], mail["Reply-To"] = "<7@mail.client.example>", "desk@mail.client.example"
    mail.set_content("Hello.\n")
    return mail


def on_the_wire(mail: EmailMessage) -> WireMessage:
    return replace(a_message(), body=mail.as_bytes(), message_id="<7@mail.client.example>")


async def test_attachments_and_the_address_for_answers_have_fields_of_their_own() -> None:
    mail = a_mail()
    mail.add_alternative("<p>Hello.</p>\n", subtype="html")
    mail.add_attachment(b"%PDF\x00\xff", maintype="application", subtype="pdf", filename="offer.pdf")

    fields = await fields_of(on_the_wire(mail))

    (attached,) = fields["Attachments"]
    assert (attached["Name"], attached["ContentType"]) == ("offer.pdf", "application/pdf")
    assert b64decode(attached["Content"]) == b"%PDF\x00\xff"
    assert (fields["TextBody"], fields["HtmlBody"]) == ("Hello.\r\n", "<p>Hello.</p>\r\n")
    assert fields["ReplyTo"] == "desk@mail.client.example"


def with_a_picture_inside() -> WireMessage:
    mail = a_mail()
    mail.add_alternative('<img src="cid:a">', subtype="html")
    mail.get_payload()[1].add_related(b"GIF", maintype="image", subtype="gif", cid="<a>")  # type: ignore[union-attr, index, call-arg]  # the typeshed knows payloads as text
    return on_the_wire(mail)


def with_two_senders() -> WireMessage:
    mail = a_mail()
    mail.replace_header("From", "bo@mail.client.example, eve@mail.client.example")
    return on_the_wire(mail)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(with_a_picture_inside(), id="a picture inside the HTML"),
        pytest.param(with_two_senders(), id="two senders"),
        pytest.param(replace(a_message(), sender="eve@mail.client.example"), id="another sender"),
        pytest.param(replace(a_message(), message_id="<other@mail.client.example>"), id="another Message-ID"),
        pytest.param(replace(a_message(), body=b""), id="nothing"),
    ],
)
async def test_what_would_not_arrive_whole_is_refused_before_the_call(message: WireMessage) -> None:
    found, requests = await answer_to(ACCEPTED, message)

    assert isinstance(found, Refused)
    assert (found.code, requests) == ("MESSAGE", [])


async def test_the_token_stands_in_its_header_and_in_no_text() -> None:
    _, (request,) = await answer_to(ACCEPTED)

    assert (request.method, request.path) == ("POST", "/email")
    assert request.headers["x-postmark-server-token"] == "token-canary"
    assert "canary" not in repr(postmark_access(TOKEN))


async def test_people_see_our_own_message_id() -> None:
    found, _ = await answer_to(ACCEPTED)

    assert found == Accepted(MESSAGE_ID, a_message().message_id)


@pytest.mark.parametrize(
    "says",
    [
        answer(500, {"ErrorCode": 500, "Message": "oops"}),
        answer(503, {"ErrorCode": 100, "Message": "Maintenance"}),
        answer(502, b"<html>Bad gateway</html>"),
        answer(422, b"<html>Unprocessable</html>"),
        answer(422, {"Message": "of a gateway"}),
        answer(422, {"ErrorCode": "300", "Message": "not a number"}),
        answer(422, {"ErrorCode": True, "Message": "not a number"}),
        answer(422, {"ErrorCode": 0, "Message": "OK", "MessageID": MESSAGE_ID}),
        answer(302, {"ErrorCode": 300}),
        answer(200, {"ErrorCode": 0, "Message": "OK"}),
        answer(200, {"ErrorCode": 0, "MessageID": "not-a-uuid"}),
        answer(200, {"MessageID": MESSAGE_ID}),
        answer(200, []),
        ACCEPTED[:-4],
        b"HTTP/1.1 999 ?\r\n\r\n",
    ],
)
async def test_anything_but_postmarks_own_answers_leaves_doubt_and_is_asked_once(says: bytes) -> None:
    found, requests = await answer_to(says, patience=0.3)

    assert isinstance(found, ReplyLost), found
    assert len(requests) == 1


@pytest.mark.parametrize("status", [200, 401, 422])
async def test_an_error_code_is_a_refusal_whatever_the_status(status: int) -> None:
    found, _ = await answer_to(answer(status, {"ErrorCode": 406, "Message": "marked as inactive"}))

    assert found == Refused("406", "", "marked as inactive")


async def test_an_international_recipient_is_refused_before_the_call() -> None:
    found, requests = await answer_to(ACCEPTED, a_message(recipient="jürgen@people.example"))

    assert isinstance(found, Refused)
    assert requests == []


async def test_a_server_that_speaks_no_tls_gets_no_token() -> None:
    async with provider(ACCEPTED) as met:
        transport = a_transport(met.url.replace("http:", "https:"))
        found = await transport.send(a_message(), deadline=soon())
        await transport.close()

    assert isinstance(found, NotSent)
    assert met.requests == []


def test_the_token_goes_to_postmark_itself_unless_told_otherwise() -> None:
    assert postmark_access(TOKEN).base_url == BASE_URL
    with pytest.raises(SettingsFault, match="https"):
        postmark_access(TOKEN, "http://api.postmark.example")
