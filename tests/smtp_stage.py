"""An SMTP server of the tests that answers as it is told, and a transport that speaks to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from transport_conformance import (
    Seen,
    closing,
    port_of,
)

from outreach_pipelines.adapters.smtp import SmtpAccess, SmtpTransport
from outreach_pipelines.domain.provider_account import Tls

Reply = Callable[[SMTP], Awaitable[str]]


async def accept(_: SMTP) -> str:
    return "250 2.0.0 Ok: queued as 4XyZ-12"


async def cut(server: SMTP) -> str:
    _connection(server).abort()
    return "250 never heard"


def _connection(server: SMTP) -> asyncio.Transport:
    assert isinstance(server.transport, asyncio.Transport)
    return server.transport


@dataclass
class Handler:
    """What the server replies to RCPT and after the body. Names and signatures are aiosmtpd's."""

    after_body: Reply = accept
    after_rcpt: Reply | None = None
    seen: Seen = field(default_factory=Seen)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.seen.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]) -> str:
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok" if self.after_rcpt is None else await self.after_rcpt(server)

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.original_content, bytes)
        self.seen.bodies.append(envelope.original_content)
        self.envelopes.append((str(envelope.mail_from), envelope.rcpt_tos))
        return await self.after_body(server)


@asynccontextmanager
async def serving(
    handler: Handler,
    *,
    patience: float = 10.0,
    pool: dict[str, Any] | None = None,
    access: dict[str, Any] | None = None,
    **server: Any,
) -> AsyncIterator[SmtpTransport]:
    loop = asyncio.get_running_loop()
    tls, make = server.pop("implicit_tls", None), server.pop("server", SMTP)
    options = {"enable_SMTPUTF8": False, "hostname": "mail.client.example", **server}
    sessions: list[SMTP] = []

    def session() -> SMTP:
        sessions.append(make(handler, loop=loop, **options))
        return sessions[-1]

    listening = await loop.create_server(session, "127.0.0.1", 0, ssl=tls)
    chosen = {"tls": Tls.NONE, "host": "127.0.0.1", "port": port_of(listening), **(access or {})}
    transport = SmtpTransport(SmtpAccess(**chosen), timeout=patience, **(pool or {}))
    try:
        async with closing(transport, listening, handler.seen):
            yield transport
    finally:
        await _cut_what_is_left(sessions)


async def _cut_what_is_left(sessions: list[SMTP]) -> None:
    # A session that was cancelled in the middle of its goodbye leaves its connection open.
    for left in (each.transport for each in sessions if each.transport is not None):
        left.abort()
    for _ in range(3):
        await asyncio.sleep(0)
