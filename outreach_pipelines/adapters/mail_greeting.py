"""A call at a mail server that ends before MAIL FROM: banner, STARTTLS, certificate (RFC 5321, RFC 3207).

Here: the talk. Not here: judgement (domain/dns_audit/greeting_check.py).
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Cause, MailGreeting, Records, Unknown

_LONGEST_LINE: Final = 2048
_MOST_LINES: Final = 100
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpCaller:
    """The port `MailCaller`. `helo`: the name this machine greets with; `trust`: the machine's authorities when left out."""

    helo: str
    timeout_seconds: float = 15.0
    trust: ssl.SSLContext | None = None
    port: int = 25
    clock: Callable[[], float] = time.time

    async def greeting(self, host: DomainName) -> Answer:
        """See `MailCaller.greeting`."""
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return Records((await self._call(host),), 0)
        except TimeoutError:
            return Unknown(Cause.TIMEOUT)
        except (OSError, EOFError):
            return Unknown(Cause.UNREACHABLE)
        except (ValueError, asyncio.LimitOverrunError):
            return Unknown(Cause.MALFORMED)

    async def _call(self, host: DomainName) -> MailGreeting:
        reader, writer = await asyncio.open_connection(host, self.port, limit=_LONGEST_LINE)
        try:
            banner = (await _reply(reader))[0]
            if not banner.startswith("220"):
                return MailGreeting(banner=banner, starttls=False)
            offers = await _said(reader, writer, f"EHLO {self.helo}")
            if not any(line[4:].upper() == "STARTTLS" for line in offers):
                return MailGreeting(banner=banner, starttls=False)
            if not (await _said(reader, writer, "STARTTLS"))[0].startswith("220"):
                return MailGreeting(banner=banner, starttls=False)
            return await self._with_tls(host, writer, banner)
        finally:
            with suppress(OSError):
                writer.close()

    async def _with_tls(self, host: DomainName, writer: asyncio.StreamWriter, banner: str) -> MailGreeting:
        try:
            await writer.start_tls(self.trust or ssl.create_default_context(), server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            return MailGreeting(banner=banner, starttls=True, certificate_fault=error.verify_message)
        except ssl.SSLError as error:
            return MailGreeting(banner=banner, starttls=True, certificate_fault=f"TLS fails: {error.reason}")
        ends = ssl.cert_time_to_seconds(writer.get_extra_info("peercert")["notAfter"])
        writer.write(b"QUIT\r\n")
        return MailGreeting(banner=banner, starttls=True, days_left=int((ends - self.clock()) // _DAY))


async def _said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: str) -> list[str]:
    writer.write(f"{command}\r\n".encode("ascii"))
    return await _reply(reader)


async def _reply(reader: asyncio.StreamReader) -> list[str]:
    """Read one reply, of several lines where its fourth character says so (RFC 5321 section 4.2.1)."""
    lines: list[str] = []
    while len(lines) < _MOST_LINES:
        line = (await reader.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n")
        lines.append(line)
        if line[3:4] != "-":
            return lines
    message = "a reply without end"
    raise ValueError(message)
