"""Access tokens for many mailboxes that are read in threads: each grant's token is asked for once, and kept till it runs out.

Microsoft's are an application's, so that all mailboxes of a directory share one; Google's are one mailbox's each. Belongs
here: whose token is whose, and who asks. Does not: what is asked and what an answer means (`oauth`).
"""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import assert_never

import httpx

from outreach_pipelines.adapters.oauth import (
    MICROSOFT_HOST,
    MOST_ANSWER_BYTES,
    SPARE_SECONDS,
    TIMEOUT_SECONDS,
    GoogleAccount,
    TokenRequest,
    google_account,
    microsoft_request,
    token_in,
)
from outreach_pipelines.application.access_tokens import MailboxTokens
from outreach_pipelines.domain.provider_account import GoogleTokens, MailTokens, MicrosoftTokens
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import Unreadable

_Grant = tuple[MailTokens, str, Secret]
"""Issuer, user name (empty where a token serves all of them) and secret."""


class KeptTokens:
    """`TokensFor`. One instance serves all threads of a process.

    `allow` is asked before a token is asked for anywhere, and raises where that may not be. `microsoft_host` is for tests.
    """

    def __init__(
        self, *, allow: Callable[[str], None], microsoft_host: str = MICROSOFT_HOST, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self._allow, self._microsoft_host, self._timeout = allow, microsoft_host, timeout
        self._making = Lock()
        self._kept: dict[_Grant, _KeptToken] = {}
        self._accounts: dict[Secret, GoogleAccount] = {}

    def __call__(self, issuer: MailTokens, username: str, secret: Secret) -> MailboxTokens:
        """See `TokensFor`. Raises `SettingsFault` for a secret that is no key file, and as `allow` does."""
        grant = (issuer, username if isinstance(issuer, GoogleTokens) else "", secret)
        with self._making:
            if grant not in self._kept:
                request = self._request(*grant)
                self._allow(request.url)
                self._kept[grant] = _KeptToken(request, self._timeout)
            return self._kept[grant]

    def _request(self, issuer: MailTokens, username: str, secret: Secret) -> TokenRequest:
        match issuer:
            case GoogleTokens():
                # A service account speaks for all mailboxes of its domain, and its key takes long to load.
                if secret not in self._accounts:
                    self._accounts[secret] = google_account(secret)
                return self._accounts[secret].request(username)
            case MicrosoftTokens(directory, client_id):
                return microsoft_request(directory, client_id, secret, host=self._microsoft_host)
        assert_never(issuer)


@dataclass(slots=True)
class _KeptToken:
    """`MailboxTokens` of one grant."""

    request: TokenRequest
    timeout: float
    _asking: Lock = field(default_factory=Lock, repr=False)
    _token: Secret | None = field(default=None, repr=False)
    _valid_until: float = 0.0

    def token(self) -> Secret:
        """See `MailboxTokens.token`."""
        with self._asking:
            if self._token is None or time.monotonic() >= self._valid_until:
                asked_at = time.monotonic()
                self._token, seconds = token_in(_posted(self.request, self.timeout))
                self._valid_until = asked_at + seconds - SPARE_SECONDS
            return self._token

    def forget(self, token: Secret) -> None:
        """See `MailboxTokens.forget`."""
        with self._asking:
            if self._token == token:
                self._token = None


def _posted(request: TokenRequest, timeout: float) -> tuple[int, bytes]:
    form = request.form(int(time.time()))
    body = bytearray()
    until = time.monotonic() + timeout
    try:
        # No proxy of the environment and no redirect: the secret goes where it was meant to go.
        with (
            httpx.Client(trust_env=False, timeout=timeout, verify=_trust()) as client,
            client.stream("POST", request.url, data=form) as response,
        ):
            for part in response.iter_bytes():
                body += part
                if len(body) > MOST_ANSWER_BYTES or time.monotonic() > until:
                    message = "no token: an answer that is too long, or too slow"
                    raise Unreadable(message)
            return response.status_code, bytes(body)
    except httpx.HTTPError as broken:
        message = f"no answer for a token: {type(broken).__name__}"
        raise Unreadable(message) from None


@cache
def _trust() -> ssl.SSLContext:
    # Reading the authorities takes longer than asking for a token.
    return httpx.create_ssl_context(trust_env=False)
