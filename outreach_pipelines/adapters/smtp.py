"""Sending by SMTP submission, over a few kept connections for each account.

Belongs here: how many sessions there are, how long each is kept, and the deadline before the first byte. Does not: what is
said in a session (`smtp_session`), what a refusal asks for (`domain/provider_answers.toml`).
"""

import asyncio
import re
import ssl
import time
from typing import Final

from outreach_pipelines.adapters.smtp_session import SmtpAccess, SmtpSession
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, SendAnswer
from outreach_pipelines.domain.wire_message import WireMessage

__all__ = ["SmtpAccess", "SmtpTransport"]

# RFC 5321 section 2.3.8; a lone one of the two lets some receivers see the end of a message where others do not.
_LONE_LINE_END: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")


class SmtpTransport:
    """At most `pool_size` connections, kept for `messages_per_connection` messages and `idle_seconds` between them.

    None keeps a connection for as long as its server does. `timeout` in seconds bounds each reply. An instance belongs to
    the event loop it first sends in.
    """

    def __init__(
        self,
        access: SmtpAccess,
        *,
        timeout: float = 25.0,
        pool_size: int = 8,
        messages_per_connection: int | None = None,
        idle_seconds: float = 30.0,
    ) -> None:
        self._access = access
        self._timeout = timeout
        self._slots = asyncio.Semaphore(pool_size)
        self._most_messages = messages_per_connection
        self._idle_seconds = idle_seconds
        self._idle: list[SmtpSession] = []
        self._trust = None if access.tls is Tls.NONE else access.tls_context or ssl.create_default_context()

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        """Make one call and say what came of it; never raises for what a server or the network does.

        `deadline` (`CLOCK_BOOTTIME`, seconds) bounds all that precedes the message; checked before its first byte.
        """
        if _LONE_LINE_END.search(message.body):
            return Refused("LONE_LINE_END", "5.6.0", "the message holds a CR or LF that is not part of a CRLF")
        try:
            async with asyncio.timeout(deadline - _boot_time()):
                await self._slots.acquire()
        except TimeoutError:
            return NotSent("deadline")
        try:
            return await self._send_in_slot(message, deadline)
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Take leave of the servers that still listen, and end all idle connections."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(session.leave() for session in idle))

    async def _send_in_slot(self, message: WireMessage, deadline: float) -> SendAnswer:
        while (kept := self._take_idle()) is not None:
            answer = await self._attempt(kept, message, deadline)
            # A server may close a kept connection at any time. Certainly nothing was sent, so another one is tried.
            if not isinstance(answer, NotSent) or _boot_time() >= deadline:
                return answer
        return await self._attempt(SmtpSession(self._access, self._trust, self._timeout), message, deadline)

    async def _attempt(self, session: SmtpSession, message: WireMessage, deadline: float) -> SendAnswer:
        kept = False
        try:
            answer = await _offered(session, message, deadline) or await session.hand_over(message)
            # After a refusal a new connection costs less than doubt about the state of this one.
            kept = isinstance(answer, Accepted) and session.is_open and not self._is_used_up(session)
            if not kept and isinstance(answer, Accepted | Refused):
                await session.leave()
        finally:
            if not kept:
                session.drop()
        if kept:
            self._idle.append(session)
        return answer

    def _is_used_up(self, session: SmtpSession) -> bool:
        return self._most_messages is not None and session.messages >= self._most_messages

    def _take_idle(self) -> SmtpSession | None:
        while self._idle:
            session = self._idle.pop()
            if session.is_open and time.monotonic() - session.used_at < self._idle_seconds:
                return session
            session.drop()
        return None


async def _offered(session: SmtpSession, message: WireMessage, deadline: float) -> Refused | NotSent | None:
    try:
        async with asyncio.timeout(deadline - _boot_time()):
            refusal = await session.offer(message)
    except TimeoutError:
        return NotSent("deadline")
    return NotSent("deadline") if refusal is None and _boot_time() >= deadline else refusal


def _boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
