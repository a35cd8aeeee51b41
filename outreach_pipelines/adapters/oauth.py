"""Access tokens for mail logins: Google by service account, Microsoft 365 by client credentials; kept until they run out.

Belongs here: the two requests, and how long an answer is believed. Does not: the login (`smtp_session`).

Sources: RFC 6749 section 4.4 (client credentials), RFC 7523 (JWT grants); Google Identity, "Using OAuth 2.0 for server to
server applications"; Microsoft, "Authenticate an IMAP, POP or SMTP connection using OAuth".
"""

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from outreach_pipelines.domain.loopback import is_private_origin
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import Refused, SettingsFault, Unreadable

GOOGLE_SCOPE: Final = "https://mail.google.com/"
MICROSOFT_SCOPE: Final = "https://outlook.office365.com/.default"
MICROSOFT_HOST: Final = "https://login.microsoftonline.com"
_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_JWT_SECONDS: Final = 3600  # Google's own limit
MOST_ANSWER_BYTES: Final = 64 * 1024
SPARE_SECONDS: Final = 60.0
TIMEOUT_SECONDS: Final = 10.0

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Where tokens are issued, and what is posted for one. `form` is called for each request, with seconds since 1970."""

    url: str
    form: Callable[[int], Form] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse to show secrets to the network."""
        parts = urlsplit(self.url)
        if not is_private_origin(f"{parts.scheme}://{parts.netloc}"):
            message = "tokens are issued at https://HOST, or at http on loopback"
            raise SettingsFault(message)


@dataclass(frozen=True, slots=True)
class GoogleAccount:
    """A service account with domain-wide delegation: it may speak for each mailbox of its domain."""

    issuer: str
    url: str
    key: RSAPrivateKey = field(repr=False)

    def request(self, mailbox: str) -> TokenRequest:
        """For the tokens of `mailbox`."""
        claims = {"iss": self.issuer, "sub": mailbox, "scope": GOOGLE_SCOPE, "aud": self.url}
        return TokenRequest(
            self.url, lambda now: {"grant_type": _JWT_GRANT, "assertion": _signed(claims, self.key, now)}
        )


def google_account(key_file: Secret) -> GoogleAccount:
    """`key_file` is the JSON that Google hands out. Raises `SettingsFault` for a text that is no such file."""
    try:
        document = json.loads(key_file.reveal())
        issuer, url = str(document["client_email"]), str(document["token_uri"])
        key = load_pem_private_key(str(document["private_key"]).encode(), None)
    except (ValueError, KeyError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        message = "the secret is no key file of a Google service account"
        raise SettingsFault(message)
    return GoogleAccount(issuer, url, key)


def google_request(key_file: Secret, mailbox: str) -> TokenRequest:
    """For the tokens of one mailbox. Raises as `google_account` does."""
    return google_account(key_file).request(mailbox)


def microsoft_request(
    directory: str, client_id: str, client_secret: Secret, *, host: str = MICROSOFT_HOST
) -> TokenRequest:
    """For an application of Entra ID that may send as its mailboxes (`SMTP.SendAsApp`). `directory` is its tenant id."""
    login = {"grant_type": "client_credentials", "client_id": client_id, "scope": MICROSOFT_SCOPE}
    form = {**login, "client_secret": client_secret.reveal()}
    return TokenRequest(f"{host}/{directory}/oauth2/v2.0/token", lambda _: form)


class IssuedTokens:
    """`TokenSource`: asks once for all who wait, and again when a minute is left.

    An instance belongs to the event loop it is first used in.
    """

    def __init__(self, request: TokenRequest, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._request, self._timeout = request, timeout
        self._asking = asyncio.Lock()
        self._token: Secret | None = None
        self._valid_until = 0.0

    async def token(self) -> Secret:
        """See `TokenSource.token`."""
        async with self._asking:
            if self._token is None or time.monotonic() >= self._valid_until:
                asked_at = time.monotonic()
                self._token, seconds = token_in(await self._posted())
                self._valid_until = asked_at + seconds - SPARE_SECONDS
            return self._token

    def forget(self) -> None:
        """See `TokenSource.forget`."""
        self._token = None

    async def _posted(self) -> tuple[int, bytes]:
        form = self._request.form(int(time.time()))
        try:
            # No proxy of the environment and no redirect: the secret goes where it was meant to go.
            async with (
                asyncio.timeout(self._timeout),
                httpx.AsyncClient(trust_env=False) as client,
                client.stream("POST", self._request.url, data=form) as response,
            ):
                return response.status_code, await _body(response)
        except (httpx.HTTPError, TimeoutError) as broken:
            message = f"no answer for a token: {type(broken).__name__}"
            raise Unreadable(message) from None


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > MOST_ANSWER_BYTES:
            message = f"no token: an answer of more than {MOST_ANSWER_BYTES} bytes"
            raise Unreadable(message)
    return bytes(body)


def token_in(answer: tuple[int, bytes]) -> tuple[Secret, float]:
    """Token and seconds of an HTTP answer, by its status and body (RFC 6749 sections 5.1 and 5.2).

    Raises `Refused` for a no of the issuer, `Unreadable` for anything else. The answer itself is never repeated: it may hold
    a token.
    """
    status, body = answer
    try:
        said = json.loads(body)
        found = said if isinstance(said, dict) else {}
    except (ValueError, RecursionError):
        found = {}
    token, seconds, error = found.get("access_token"), found.get("expires_in"), found.get("error")
    if status == 200 and isinstance(token, str) and token and isinstance(seconds, int | float):
        return Secret(token), float(seconds)
    if 400 <= status < 500 and status != 429 and isinstance(error, str):
        message = f"no token: {error[:100]}"
        raise Refused(message)
    message = f"no token: http {status} without one"
    raise Unreadable(message)


def _signed(claims: Mapping[str, str], key: RSAPrivateKey, now: int) -> str:
    """A JWT (RFC 7519) with RS256."""
    header, body = {"alg": "RS256", "typ": "JWT"}, {**claims, "iat": now, "exp": now + _JWT_SECONDS}
    signed = f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(body).encode())}"
    return f"{signed}.{_base64(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
