"""SES by its API v2, against a small HTTP server that says what SES, or a broken network, would say."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from http_provider import CUT, SILENT, TRICKLE, Provider, Request, Say, provider
from http_provider import answer as spoken
from transport_conformance import Behaviour, Seen, Served, TransportConformance, a_message, soon

from outreach_pipelines.adapters.ses import SesPath, SesTransport, wire_message_id
from outreach_pipelines.adapters.ses_client import SesAccess, ses_clients
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer


def answer(status: int, body: bytes, *, error: str = "") -> bytes:
    return spoken(status, body, headers=f"x-amzn-ErrorType: {error}\r\n" if error else "")


ACCEPTED = answer(200, b'{"MessageId": "010001-abc-000000"}')
ANSWERS = {
    Behaviour.ACCEPT: ACCEPTED,
    Behaviour.REFUSE_FOR_NOW: answer(429, b'{"message": "slow down"}', error="TooManyRequestsException"),
    Behaviour.REFUSE_FOR_GOOD: answer(400, b'{"message": "not wanted"}', error="MessageRejected:http://x/"),
    Behaviour.REFUSE_CREDENTIALS: answer(403, b'{"message": "bad token"}', error="UnrecognizedClientException"),
    Behaviour.CUT_AFTER_BODY: CUT,
    Behaviour.SILENT_AFTER_BODY: SILENT,
    Behaviour.GARBAGE: answer(200, b"<html>\x00\xff</html>"),
    Behaviour.FIVE_MEGABYTES: answer(200, b"a" * 5_000_000),
}


def a_transport(
    port: int, *, patience: float = 10.0, path: SesPath | None = None, region: str = "eu-west-1"
) -> SesTransport:
    access = SesAccess(region, f"http://127.0.0.1:{port}", Secret("AKIAEXAMPLE"), Secret("canary-secret"))
    clients = ses_clients(access)
    return SesTransport(
        clients, region=region, path=path or SesPath("set-a"), timeout=patience, connect_timeout=1.0, connections=20
    )


@asynccontextmanager
async def saying(
    says: Say | bytes, *, patience: float = 10.0, path: SesPath | None = None, region: str = "eu-west-1"
) -> AsyncIterator[tuple[SesTransport, Provider]]:
    async with provider(says) as met:
        transport = a_transport(met.port, patience=patience, path=path, region=region)
        try:
            yield transport, met
        finally:
            await transport.close()


async def answer_to(says: bytes, *, patience: float = 10.0) -> tuple[SendAnswer, Provider]:
    async with saying(says, patience=patience) as (transport, met):
        return await transport.send(a_message(), deadline=soon()), met


class TestSesTransport(TransportConformance):
    @asynccontextmanager
    async def serving(self, behaviour: Behaviour, *, patience: float = 10.0) -> AsyncIterator[Served]:
        seen = Seen()

        def say(request: Request) -> bytes:
            seen.bodies.append(b64decode(json.loads(request.body)["Content"]["Raw"]["Data"]))
            return ANSWERS[behaviour]

        async with saying(say, patience=patience) as (transport, _):
            yield Served(transport, seen)

    def unreachable(self) -> MailTransport:
        return a_transport(1)


async def test_the_request_names_sender_recipient_configuration_set_tenant_and_tag() -> None:
    message = a_message()

    async with saying(ACCEPTED, path=SesPath("set-a", "client-a")) as (transport, seen):
        await transport.send(message, deadline=soon())

    (request,) = (json.loads(each.body) for each in seen.requests)
    del request["Content"]
    assert request == {
        "FromEmailAddress": "bo@mail.client.example",
        "Destination": {"ToAddresses": ["ada@people.example"]},
        "ConfigurationSetName": "set-a",
        "TenantName": "client-a",
        "EmailTags": [{"Name": "outreach", "Value": message.tag}],
    }


async def test_without_set_and_tenant_the_request_names_none() -> None:
    async with saying(ACCEPTED, path=SesPath(None)) as (transport, seen):
        await transport.send(a_message(), deadline=soon())

    assert {"ConfigurationSetName", "TenantName"}.isdisjoint(json.loads(seen.requests[0].body))


@pytest.mark.parametrize(
    ("region", "wire_id"),
    [
        ("eu-west-1", "<010001-abc-000000@eu-west-1.amazonses.com>"),
        ("us-east-1", "<010001-abc-000000@email.amazonses.com>"),
    ],
)
async def test_the_wire_id_is_the_one_that_ses_writes(region: str, wire_id: str) -> None:
    async with saying(ACCEPTED, region=region) as (transport, _):
        found = await transport.send(a_message(), deadline=soon())

    assert found == Accepted("010001-abc-000000", wire_id)


def test_a_wire_id_has_angle_brackets() -> None:
    assert wire_message_id("a-1", "eu-central-1") == "<a-1@eu-central-1.amazonses.com>"


@pytest.mark.parametrize(
    "says",
    [
        answer(500, b'{"message": "oops"}', error="InternalFailure"),
        answer(503, b'{"message": "busy"}', error="ServiceUnavailable"),
        answer(502, b"<html>Bad gateway</html>"),
        answer(400, b"<html>Bad request</html>"),
        answer(302, b"{}"),
        answer(200, b"{}"),
        answer(200, b"[]"),
        answer(200, b'{"MessageId": 5}'),
        answer(200, b'{"MessageId": "<b>\\u0000"}'),
        answer(200, b'{"MessageId": "abc"}')[:-4],
        b"HTTP/1.1 999 ?\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
    ],
)
async def test_anything_but_a_named_error_or_a_message_id_leaves_doubt_and_is_asked_once(says: bytes) -> None:
    found, seen = await answer_to(says, patience=0.3)

    assert isinstance(found, ReplyLost), found
    assert len(seen.requests) == 1


async def test_a_refusal_carries_the_name_that_the_table_of_answers_knows() -> None:
    found, seen = await answer_to(ANSWERS[Behaviour.REFUSE_FOR_GOOD])

    assert found == Refused("MessageRejected", "", "not wanted")
    assert len(seen.requests) == 1


async def test_a_throttled_call_is_not_repeated_by_the_sdk() -> None:
    _, seen = await answer_to(ANSWERS[Behaviour.REFUSE_FOR_NOW])

    assert len(seen.requests) == 1


async def test_a_refusal_keeps_500_printable_characters() -> None:
    text = json.dumps({"message": "a\u0000\ud800\n" + "b" * 2_000}).encode()

    found, _ = await answer_to(answer(400, text, error="BadRequestException"))

    assert isinstance(found, Refused)
    assert len(found.text) == 500
    assert found.text.isprintable()


async def test_an_answer_that_trickles_without_end_leaves_doubt_in_bounded_time() -> None:
    async with asyncio.timeout(8):
        found, _ = await answer_to(TRICKLE, patience=0.3)

    assert isinstance(found, ReplyLost)


async def test_an_international_recipient_is_refused_before_the_call() -> None:
    async with saying(ACCEPTED) as (transport, seen):
        found = await transport.send(a_message(recipient="jürgen@people.example"), deadline=soon())

    assert isinstance(found, Refused)
    assert found.code == "SMTPUTF8"
    assert seen.requests == []


async def test_missing_credentials_are_certainly_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    transport = SesTransport(
        ses_clients(SesAccess("eu-west-1", "http://127.0.0.1:1")), region="eu-west-1", path=SesPath(None)
    )

    found = await transport.send(a_message(), deadline=soon())
    await transport.close()

    assert isinstance(found, NotSent)
    assert "NoCredentials" in found.cause


async def test_one_connection_serves_many_messages() -> None:
    async with saying(ACCEPTED) as (transport, seen):
        for number in range(5):
            await transport.send(a_message(number=number), deadline=soon())

    assert (len(seen.requests), seen.connections) == (5, 1)
