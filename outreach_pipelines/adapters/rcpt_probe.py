"""A call at a recipient's mail server that ends after RCPT TO: from the null sender, and never with DATA (RFC 5321).

Here: the talk. Not here: what replies mean (domain/recipient_probe.py), who is asked (application/probe_recipients.py).
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from outreach_pipelines.domain.address import Address, DomainName
from outreach_pipelines.domain.recipient_probe import ProbeTalk, RcptReply

_LONGEST_LINE: Final = 2048
_MOST_LINES: Final = 100
_MOST_ADDRESSES: Final = 3
# What needs quotes or SMTPUTF8 is not asked: an unknown more is better than a command that means something else.
_PLAIN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9.-]+")
_REPLY: Final = re.compile(r"([2-5]\d\d)(?:[ -](?:([245]\.\d{1,3}\.\d{1,3})(?:\s|$))?|$)")
_HUNG_UP: Final = 421


@dataclass(slots=True)
class _Wire:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def said(self, command: str) -> tuple[RcptReply, list[str]]:
        self.writer.write(f"{command}\r\n".encode("ascii"))
        return await self.reply()

    async def reply(self) -> tuple[RcptReply, list[str]]:
        """Read one reply; of several lines the first one's code counts (RFC 5321 section 4.2.1)."""
        lines: list[str] = []
        while len(lines) < _MOST_LINES:
            line = (await self.reader.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n")
            lines.append(line)
            if line[3:4] != "-":
                return _read(lines[0]), lines
        message = "a reply without end"
        raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class RcptCaller:
    """The port `RecipientCaller`. `helo`: the name that this host greets with, which should lead back to it; `inside`: whether hosts at addresses
    of this machine and of private networks are called. Whose DNS leads there is not asked.
    """

    helo: str
    timeout_seconds: float = 30.0
    port: int = 25
    inside: bool = False

    async def ask(self, host: DomainName, made_up: Address, addresses: Sequence[Address]) -> ProbeTalk:
        """See `RecipientCaller.ask`."""
        replies: dict[Address, RcptReply] = {}
        # A call that breaks leaves what was answered before.
        with suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            async with asyncio.timeout(self.timeout_seconds):
                await self._call(host, [made_up, *addresses], replies)
        return ProbeTalk(replies.pop(made_up, None), replies)

    async def _call(self, host: DomainName, wanted: Sequence[Address], replies: dict[Address, RcptReply]) -> None:
        wire = await self._connected(host)
        try:
            if (await wire.reply())[0].code == 220 and await self._greeted(wire, host):
                await _ask_each(wire, wanted, replies)
            await wire.said("QUIT")
        finally:
            # All is said: whoever is slow to end TLS is not waited for.
            wire.writer.transport.abort()

    async def _connected(self, host: DomainName) -> _Wire:
        """Connect to the first of the host's addresses that takes it: of many hosts one is IPv6, which not everybody has."""
        found = await asyncio.get_running_loop().getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(place[0]) for *_, place in found]
        for address in [each for each in addresses if self.inside or ip_address(each).is_global][:_MOST_ADDRESSES]:
            with suppress(OSError):
                async with asyncio.timeout(self.timeout_seconds / 3):
                    return _Wire(*await asyncio.open_connection(address, self.port, limit=_LONGEST_LINE))
        message = f"{host} has no address of the public internet that answers"
        raise ValueError(message)

    async def _greeted(self, wire: _Wire, host: DomainName) -> bool:
        """Greet, over TLS where it is offered: addresses are nobody's business on the way (RFC 7435)."""
        reply, offers = await wire.said(f"EHLO {self.helo}")
        if any(line[4:].upper() == "STARTTLS" for line in offers) and (await wire.said("STARTTLS"))[0].code == 220:
            await wire.writer.start_tls(_opportunistic(), server_hostname=host)
            reply, _ = await wire.said(f"EHLO {self.helo}")
        return reply.code == 250 and (await wire.said("MAIL FROM:<>"))[0].code == 250


async def _ask_each(wire: _Wire, wanted: Sequence[Address], replies: dict[Address, RcptReply]) -> None:
    """Ask the made-up name first: who takes that one says nothing of the others, which are not asked then."""
    for number, address in enumerate(wanted):
        if not _PLAIN.fullmatch(address.deliver_to):
            continue
        reply, _ = await wire.said(f"RCPT TO:<{address.deliver_to}>")
        if reply.code == _HUNG_UP:
            return
        replies[address] = reply
        if number == 0 and reply.takes:
            return


def _read(line: str) -> RcptReply:
    found = _REPLY.match(line)
    if found is None:
        message = "no reply of SMTP"
        raise ValueError(message)
    return RcptReply(int(found[1]), found[2] or "")


def _opportunistic() -> ssl.SSLContext:
    """Who answers need not be proven: nothing secret is said, and nothing is believed that would be worth a forgery."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
