"""How much a stranger may send us before we stop listening.

Belongs here: the ASGI layer that counts headers, and reading a small body. Does not: what the request means.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

MOST_HEADER_OCTETS: Final = 16 * 1024
MOST_BODY_OCTETS: Final = 8 * 1024
BODY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class HeaderLimit:
    """Answers 431 (RFC 6585 section 5) to a request whose target and headers together are too long."""

    app: ASGIApp
    most_octets: int = MOST_HEADER_OCTETS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is small enough."""
        if scope["type"] == "http" and _octets(scope) > self.most_octets:
            await PlainTextResponse("Request header fields too large.", 431)(scope, receive, send)
            return
        await self.app(scope, receive, send)


async def small_body(
    request: Request, *, most_octets: int = MOST_BODY_OCTETS, seconds: float = BODY_SECONDS
) -> bytes | None:
    """The body, or None when it is longer, slower, or breaks off."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most_octets:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(body)


def _octets(scope: Scope) -> int:
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    return headers + len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
