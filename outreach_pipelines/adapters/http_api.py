"""One HTTP request to a provider's API, made exactly once, and how it ended.

Belongs here: the deadline before the first byte, bounds of time and size, and telling "certainly not sent" from "may have
been taken". Does not: what a provider's answer means (`mailgun`, `postmark`).

Sources: httpx, "Request extensions: trace"; httpcore, "Extensions": the events of a request.
"""

import asyncio
import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from math import inf
from typing import Final

import httpx

from outreach_pipelines.domain.loopback import is_private_origin
from outreach_pipelines.domain.send_answer import NotSent, ReplyLost
from outreach_pipelines.errors import SettingsFault

# httpx logs each URL at INFO, and those of look-ups name recipients.
logging.getLogger("httpx").setLevel(logging.WARNING)

LONGEST_TEXT: Final = 500
MOST_ANSWER_BYTES: Final = 64 * 1024
MOST_FOUND_BYTES: Final = 4 * 1024 * 1024
_FIRST_BYTE: Final = "http11.send_request_headers.started"
JsonObject = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class HttpAccess:
    """Where an API answers, and the headers that prove who asks.

    `base_url` is scheme, host and port. Raises `SettingsFault` for anything but https, unless it stays on this machine.
    """

    base_url: str
    headers: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse to show keys and letters to the network."""
        if not is_private_origin(self.base_url):
            message = "an API's address is https://HOST[:PORT], or http on loopback"
            raise SettingsFault(message)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer read in full."""

    status: int
    body: bytes

    def json_object(self) -> JsonObject | None:
        """The body as a JSON object; None for anything else."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


class _DeadlinePassedError(Exception):
    """Raised when a connection stands and nothing has been written to it."""


class _AnswerTooLongError(Exception):
    """Raised while an answer is read."""


@dataclass(slots=True)
class _Call:
    """One request under way. `began` turns true just before the first byte leaves."""

    deadline: float
    began: bool = False

    async def trace(self, event: str, _: object) -> None:
        """Called by httpcore at each step of a request."""
        if event == _FIRST_BYTE:
            if time.clock_gettime(time.CLOCK_BOOTTIME) >= self.deadline:
                raise _DeadlinePassedError
            self.began = True


class HttpApi:
    """Connections to one API. `timeout` in seconds bounds a whole request beyond connecting, and each silence in it.

    Nothing is tried again, no redirect is followed, and no proxy is taken from the environment. An instance belongs to the
    event loop it is first used in.
    """

    def __init__(
        self, access: HttpAccess, *, timeout: float = 25.0, connect_timeout: float = 5.0, connections: int = 32
    ) -> None:
        self._most_seconds = timeout + connect_timeout
        self._client = httpx.AsyncClient(
            base_url=access.base_url,
            headers={**access.headers, "Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(timeout, connect=connect_timeout),
            verify=_trust(),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=False,
        )

    async def upload(
        self, path: str, *, form: Mapping[str, str], file: tuple[str, bytes, str], deadline: float
    ) -> HttpAnswer | NotSent | ReplyLost:
        """POST a form with one file: its field's name, content and media type."""
        name, content, media_type = file
        files = {name: (name, content, media_type)}
        return await self._made(partial(self._client.build_request, "POST", path, data=form, files=files), deadline)

    async def post(self, path: str, body: JsonObject, *, deadline: float) -> HttpAnswer | NotSent | ReplyLost:
        """POST a JSON object."""
        # ASCII alone: half a surrogate pair then is the provider's to refuse.
        content, kind = json.dumps(body).encode("ascii"), {"Content-Type": "application/json"}
        return await self._made(
            partial(self._client.build_request, "POST", path, content=content, headers=kind), deadline
        )

    async def get(self, path: str, query: Mapping[str, str]) -> HttpAnswer | NotSent | ReplyLost:
        """GET, for what changes nothing: the two ways not to be answered are alike to who asks."""
        build = partial(self._client.build_request, "GET", path, params=query)
        return await self._made(build, deadline=inf, most_bytes=MOST_FOUND_BYTES)

    async def close(self) -> None:
        """End all connections."""
        await self._client.aclose()

    async def _made(
        self, build: Callable[..., httpx.Request], deadline: float, *, most_bytes: int = MOST_ANSWER_BYTES
    ) -> HttpAnswer | NotSent | ReplyLost:
        call = _Call(deadline)
        try:
            async with asyncio.timeout(self._most_seconds):
                return await self._answer(build(extensions={"trace": call.trace}), most_bytes)
        except _DeadlinePassedError:
            return NotSent("deadline")
        except TimeoutError:
            return _broken(f"timeout: no whole answer within {self._most_seconds:g} s", call)
        except _AnswerTooLongError:
            return ReplyLost(f"unreadable: an answer of more than {most_bytes} bytes")
        except Exception as broken:  # noqa: BLE001 - whatever broke, it broke before the bytes or it is doubt
            return _broken(f"{type(broken).__name__}: {broken}", call)

    async def _answer(self, request: httpx.Request, most_bytes: int) -> HttpAnswer:
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            # Raw: a compressed answer was not asked for, and unpacked it could be of any size.
            async for part in response.aiter_raw():
                body += part
                if len(body) > most_bytes:
                    raise _AnswerTooLongError
            return HttpAnswer(response.status_code, bytes(body))
        finally:
            await response.aclose()


@cache
def _trust() -> ssl.SSLContext:
    """The system's certificates, read once: that takes a fifth of a second, and each account has a client."""
    return ssl.create_default_context()


def printable(text: str) -> str:
    """At most 500 characters of what a server said, without controls."""
    readable = text[: 2 * LONGEST_TEXT].encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else " " for c in readable).strip()[:LONGEST_TEXT]


def _broken(cause: str, call: _Call) -> NotSent | ReplyLost:
    return ReplyLost(printable(f"reply lost: {cause}")) if call.began else NotSent(printable(f"connection: {cause}"))
