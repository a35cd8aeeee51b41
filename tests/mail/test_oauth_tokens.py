"""Tokens for XOAUTH2 from a token endpoint on loopback, and a login with them at a real SMTP server."""

import asyncio
import json
from base64 import b64decode, urlsafe_b64decode
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, auth_mechanism
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from http_provider import SILENT, Provider, answer, provider
from smtp_stage import Handler, serving
from transport_conformance import a_message, soon

from outreach_pipelines.adapters.oauth import IssuedTokens, google_request, microsoft_request
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent
from outreach_pipelines.domain.send_answer import Refused as RefusedSend
from outreach_pipelines.errors import Refused, SettingsFault, Unreadable

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
GRANTED = answer(200, {"access_token": "token-1", "expires_in": 3600, "token_type": "Bearer"})


def microsoft(url: str, *, timeout: float = 5.0) -> IssuedTokens:
    return IssuedTokens(microsoft_request("directory", "client", Secret("canary"), host=url), timeout=timeout)


def form_of(met: Provider) -> dict[str, str]:
    return dict(parse_qsl(met.requests[-1].body.decode()))


async def test_microsoft_is_asked_by_client_credentials_for_the_mail_of_its_directory() -> None:
    async with provider(GRANTED) as met:
        token = await microsoft(met.url).token()

    assert token == Secret("token-1")
    assert met.requests[0].path == "/directory/oauth2/v2.0/token"
    assert form_of(met) == {
        "grant_type": "client_credentials",
        "client_id": "client",
        "client_secret": "canary",
        "scope": "https://outlook.office365.com/.default",
    }


async def test_google_is_asked_by_a_signed_claim_for_one_mailbox() -> None:
    async with provider(GRANTED) as met:
        document = {"client_email": "robot@project.example", "token_uri": f"{met.url}/token", "private_key": PEM}
        await IssuedTokens(google_request(Secret(json.dumps(document)), "bo@client.example")).token()

    signed, _, signature = form_of(met)["assertion"].rpartition(".")
    KEY.public_key().verify(padded(signature), signed.encode(), PKCS1v15(), SHA256())
    claims = json.loads(padded(signed.partition(".")[2]))
    assert form_of(met)["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert (claims["iss"], claims["sub"], claims["scope"], claims["aud"]) == (
        "robot@project.example",
        "bo@client.example",
        "https://mail.google.com/",
        f"{met.url}/token",
    )
    assert claims["exp"] - claims["iat"] == 3600


def padded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_a_token_is_asked_for_once_by_all_who_wait_and_kept() -> None:
    async with provider(GRANTED) as met:
        tokens = microsoft(met.url)
        await asyncio.gather(*(tokens.token() for _ in range(10)))
        await tokens.token()

    assert len(met.requests) == 1


async def test_a_token_that_ends_within_a_minute_is_asked_for_anew() -> None:
    async with provider(answer(200, {"access_token": "short", "expires_in": 59})) as met:
        tokens = microsoft(met.url)
        await tokens.token()
        await tokens.token()

    assert len(met.requests) == 2


async def test_a_token_that_was_refused_is_asked_for_anew() -> None:
    async with provider(GRANTED) as met:
        tokens = microsoft(met.url)
        await tokens.token()
        tokens.forget()
        await tokens.token()

    assert len(met.requests) == 2


async def test_a_no_of_the_issuer_is_told_by_its_name_and_without_its_text() -> None:
    says = answer(400, {"error": "invalid_grant", "error_description": "secret canary in words"})

    async with provider(says) as met:
        with pytest.raises(Refused, match=r"^no token: invalid_grant$"):
            await microsoft(met.url).token()


@pytest.mark.parametrize(
    "says",
    [
        answer(503, {"error": "temporarily_unavailable"}),
        answer(429, {"error": "slow_down"}),
        answer(200, {"expires_in": 3600}),
        answer(200, {"access_token": "", "expires_in": 3600}),
        answer(200, b"<html>login</html>"),
        answer(200, b"[" * 60_000),
        answer(200, b"a" * 1_000_000),
        answer(302, b"", headers="Location: http://127.0.0.1:1/\r\n"),
        SILENT,
    ],
)
async def test_an_issuer_that_gives_neither_a_token_nor_a_no_did_not_answer(says: bytes) -> None:
    async with provider(says) as met:
        with pytest.raises(Unreadable, match="token"):
            await microsoft(met.url, timeout=0.5).token()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"client_email": "a", "token_uri": "b", "private_key": "c"}'])
def test_a_secret_that_is_no_key_file_is_a_fault_of_the_settings(text: str) -> None:
    with pytest.raises(SettingsFault, match="no key file"):
        google_request(Secret(text), "bo@client.example")


def test_a_secret_never_goes_over_plain_http() -> None:
    with pytest.raises(SettingsFault, match="https"):
        microsoft_request("directory", "client", Secret("canary"), host="http://login.client.example")


class XoauthServer(SMTP):
    """aiosmtpd with the mechanism of Google and Microsoft; `right` is the token it takes."""

    right = "token-1"

    @auth_mechanism("XOAUTH2")
    async def auth_xoauth2(self, _: SMTP, args: list[str]) -> AuthResult:
        said = b64decode(args[1]).decode()
        if said == f"user=bo@client.example\x01auth=Bearer {self.right}\x01\x01":
            return AuthResult(success=True)
        # Google says why in a challenge, and no only after the client's answer to it.
        await self.push("334 eyJzdGF0dXMiOiI0MDEifQ==")
        await self._reader.readline()
        await self.push("535 5.7.8 Username and Password not accepted")
        return AuthResult(success=False, handled=True)


async def login(says: Any, *, right: str = "token-1") -> tuple[object, Handler, Provider]:
    handler, server = Handler(), type("Server", (XoauthServer,), {"right": right})
    async with provider(says) as met:
        access = {"username": "bo@client.example", "token": microsoft(met.url)}
        async with serving(handler, access=access, server=server, auth_require_tls=False) as transport:
            return await transport.send(a_message(), deadline=soon()), handler, met


async def test_a_mailbox_logs_in_by_its_token_and_sends() -> None:
    sent, handler, met = await login(GRANTED)

    assert isinstance(sent, Accepted), sent
    assert (len(handler.seen.bodies), len(met.requests)) == (1, 1)


async def test_a_token_that_was_revoked_early_is_replaced_by_a_new_one_before_anything_is_sent() -> None:
    given = iter(("old", "new"))

    sent, handler, met = await login(
        lambda _: answer(200, {"access_token": next(given), "expires_in": 3600}), right="new"
    )

    assert isinstance(sent, Accepted), sent
    assert (len(handler.seen.bodies), len(met.requests)) == (1, 2)


async def test_two_tokens_that_are_refused_are_a_refusal_of_the_account() -> None:
    sent, handler, met = await login(GRANTED, right="another")

    assert isinstance(sent, RefusedSend)
    assert (sent.code, sent.enhanced_code, handler.seen.bodies, len(met.requests)) == ("535", "5.7.8", [], 2)


async def test_an_issuer_that_says_no_is_a_refusal_of_the_account() -> None:
    sent, handler, _ = await login(answer(401, {"error": "invalid_client"}))

    assert sent == RefusedSend("XOAUTH2", "5.7.8", "no token: invalid_client")
    assert handler.seen.bodies == []


async def test_an_issuer_that_does_not_answer_leaves_the_message_unsent() -> None:
    sent, _, _ = await login(answer(500, b"oops"))

    assert isinstance(sent, NotSent)
    assert sent.cause.startswith("connection: Unreadable: no token")


async def test_a_server_without_xoauth2_is_never_shown_a_token() -> None:
    async with provider(GRANTED) as met:
        access = {"username": "bo@client.example", "token": microsoft(met.url)}
        async with serving(Handler(), access=access, auth_require_tls=False) as transport:
            sent = await transport.send(a_message(), deadline=soon())

    assert isinstance(sent, NotSent)
    assert "XOAUTH2" in sent.cause
    assert met.requests == []
