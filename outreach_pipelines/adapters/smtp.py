"""Sending by SMTP submission, over a few kept connections for each account.

Belongs here: the dialogue up to the message, the message, its reply, and which of the four answers each end is. Does
not: what a refusal asks for (`domain/provider_answers.toml`), DKIM, delivery to MX hosts.

Sources: RFC 5321 (SMTP), RFC 6409 (submission), RFC 4954 (AUTH), RFC 3207 (STARTTLS), RFC 6531 (SMTPUTF8).
"""

import asyncio
import re
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from aiosmtplib import SMTP, SMTPException, SMTPResponseException, SMTPServerDisconnected

from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.wire_message import WireMessage

LONGEST_TEXT: Final = 500
_GOODBYE_SECONDS: Final = 2.0
_START_INPUT: Final = 354
_ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")  # RFC 2034: it begins each line of the text
_QUEUED_AS: Final = re.compile(r"\bqueued (?:as|with id) <?([\w.+@-]{1,200})", re.IGNORECASE)
# RFC 5321 section 2.3.8; a lone one of the two lets some receivers see the end of a message where others do not.
_LONE_LINE_END: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_LEADING_DOT: Final = re.compile(rb"^\.", re.MULTILINE)  # RFC 5321 section 4.5.2


@dataclass(frozen=True, slots=True)
class SmtpAccess:
    """One account at one server. `client_name` is said in EHLO.

    `tls_context` replaces the system's trust, for servers with certificates of their own. Raises `ValueError` for an
    unsecured connection to anything but loopback.
    """

    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: Secret | None = None
    client_name: str = "localhost"
    tls_context: ssl.SSLContext | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse to show passwords and letters to the network."""
        if self.tls is Tls.NONE and not _is_loopback(self.host):
            message = f"{self.host} is not loopback: a connection there needs STARTTLS or implicit TLS"
            raise ValueError(message)


class SmtpTransport:
    """At most `pool_size` connections, kept for `messages_per_connection` messages and `idle_seconds` between them.

    `timeout` in seconds bounds each reply. An instance belongs to the event loop it first sends in.
    """

    def __init__(
        self,
        access: SmtpAccess,
        *,
        timeout: float = 25.0,
        pool_size: int = 8,
        messages_per_connection: int = 100,
        idle_seconds: float = 30.0,
    ) -> None:
        self._access = access
        self._timeout = timeout
        self._slots = asyncio.Semaphore(pool_size)
        self._most_messages = messages_per_connection
        self._idle_seconds = idle_seconds
        self._idle: list[_Connection] = []
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
        await asyncio.gather(*(connection.leave() for connection in idle))

    async def _send_in_slot(self, message: WireMessage, deadline: float) -> SendAnswer:
        while (kept := self._take_idle()) is not None:
            answer = await self._attempt(kept, message, deadline)
            # A server may close a kept connection at any time. Certainly nothing was sent, so another one is tried.
            if not isinstance(answer, NotSent) or _boot_time() >= deadline:
                return answer
        return await self._attempt(_Connection(self._access, self._trust, self._timeout), message, deadline)

    async def _attempt(self, connection: "_Connection", message: WireMessage, deadline: float) -> SendAnswer:
        kept = False
        try:
            answer = await _offered(connection, message, deadline) or await connection.hand_over(message)
            # After a refusal a new connection costs less than doubt about the state of this one.
            kept = isinstance(answer, Accepted) and connection.is_open and connection.messages < self._most_messages
            if not kept and isinstance(answer, Accepted | Refused):
                await connection.leave()
        finally:
            if not kept:
                connection.drop()
        if kept:
            self._idle.append(connection)
        return answer

    def _take_idle(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and time.monotonic() - connection.used_at < self._idle_seconds:
                return connection
            connection.drop()
        return None


class _Connection:
    """One SMTP session. Connects at the first offer."""

    def __init__(self, access: SmtpAccess, trust: ssl.SSLContext | None, timeout: float) -> None:
        self._timeout = timeout
        self._smtp = SMTP(
            hostname=access.host,
            port=access.port,
            use_tls=access.tls is Tls.IMPLICIT,
            start_tls=access.tls is Tls.STARTTLS,
            tls_context=trust,
            username=access.username,
            password=access.password.reveal() if access.password else None,
            local_hostname=access.client_name,
            timeout=timeout,
        )
        self._connected = False
        self.messages = 0
        self.used_at = time.monotonic()

    @property
    def is_open(self) -> bool:
        return self._smtp.is_connected

    async def offer(self, message: WireMessage) -> Refused | NotSent | None:
        """All that precedes the message. None when the server waits for its first byte."""
        try:
            if not self._connected:
                await self._smtp.connect()
                if self._smtp.is_ehlo_or_helo_needed:
                    await self._smtp.ehlo()
                self._connected = True
            return await self._announce(message)
        except SMTPResponseException as refused:
            return _reply(refused.code, refused.message) or NotSent(_clean(f"unreadable reply: {refused.message}"))
        except (SMTPException, OSError, ValueError) as broken:
            return NotSent(_clean(f"connection: {type(broken).__name__}: {broken}"))

    async def _announce(self, message: WireMessage) -> Refused | NotSent | None:
        options = self._options(message)
        if isinstance(options, Refused):
            return options
        await self._smtp.mail(message.envelope_sender, options=options, encoding="utf-8")
        await self._smtp.rcpt(message.recipient, encoding="utf-8")
        start = await self._smtp.execute_command(b"DATA")
        if start.code == _START_INPUT:
            return None
        return _reply(start.code, start.message) or NotSent(_clean(f"DATA answered by {start.code} {start.message}"))

    def _options(self, message: WireMessage) -> list[str] | Refused:
        wanted = [f"SIZE={len(message.body)}"] if self._smtp.supports_extension("size") else []  # RFC 1870
        if not (message.recipient.isascii() and message.envelope_sender.isascii()):
            if not self._smtp.supports_extension("smtputf8"):
                return Refused("SMTPUTF8", "5.6.7", "the server does not take addresses beyond ASCII (RFC 6531)")
            wanted.append("SMTPUTF8")
        if not message.body.isascii():
            if not self._smtp.supports_extension("8bitmime"):
                return Refused("8BITMIME", "5.6.3", "the server does not take eight-bit text (RFC 6152)")
            wanted.append("BODY=8BITMIME")
        return wanted

    async def hand_over(self, message: WireMessage) -> SendAnswer:
        """The message and its reply. From the first byte on, only a reply read in full tells what became of it."""
        session = self._smtp.protocol
        if session is None:
            return NotSent("connection: lost before the message")
        try:
            session.write(_stuffed(message.body))
        except SMTPServerDisconnected:  # raised before anything is written
            return NotSent("connection: lost before the message")
        try:
            reply = await session.read_response(self._timeout)
        except (SMTPException, OSError) as broken:
            return ReplyLost(_clean(f"reply lost: {type(broken).__name__}: {broken}"))
        self.messages += 1
        self.used_at = time.monotonic()
        if reply.code // 100 == 2:
            return Accepted(_queue_id(reply.message), message.message_id)
        return _reply(reply.code, reply.message) or ReplyLost(_clean(f"unreadable reply: {reply.code} {reply.message}"))

    async def leave(self) -> None:
        """End the session in the way of RFC 5321 section 4.1.1.10, but wait for no slow server."""
        with suppress(SMTPException, OSError):
            await self._smtp.quit(timeout=_GOODBYE_SECONDS)
        self.drop()

    def drop(self) -> None:
        """End the connection without a word."""
        self._smtp.close()


async def _offered(connection: _Connection, message: WireMessage, deadline: float) -> Refused | NotSent | None:
    try:
        async with asyncio.timeout(deadline - _boot_time()):
            refusal = await connection.offer(message)
    except TimeoutError:
        return NotSent("deadline")
    return NotSent("deadline") if refusal is None and _boot_time() >= deadline else refusal


def _reply(code: int, text: str) -> Refused | None:
    """A reply that says no; None for one that says anything else."""
    if not 400 <= code <= 599:
        return None
    found = _ENHANCED.match(text)
    plain = " ".join(_ENHANCED.sub("", line, count=1) for line in text.splitlines()) if found else text
    return Refused(str(code), found.group(1) if found else "", _clean(plain))


def _queue_id(text: str) -> str:
    found = _QUEUED_AS.search(text)
    return found.group(1) if found else _clean(text)


def _stuffed(body: bytes) -> bytes:
    ended = body if body.endswith(b"\r\n") else body + b"\r\n"
    return _LEADING_DOT.sub(b"..", ended) + b".\r\n"


def _clean(text: str) -> str:
    readable = text[: 2 * LONGEST_TEXT].encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else " " for c in readable).strip()[:LONGEST_TEXT]


def _boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
