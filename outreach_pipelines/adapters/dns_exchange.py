"""Datagrams to one DNS server and back: many questions at once, each by an id nobody can guess.

Here: sockets and which datagram answers which question. Not here: when to give up (dns.py), what bytes mean (dns_wire.py).
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from outreach_pipelines.adapters.dns_wire import encode_query, is_answer_to
from outreach_pipelines.domain.dns_audit.answers import Query

Token = TypeVar("Token")

_RECEIVE_BUFFER: Final = 4 * 1024 * 1024
_AT_ONCE: Final = 64
"""So many datagrams are read before other work gets its turn."""
_LARGEST: Final = 65_535


@dataclass(frozen=True, slots=True)
class NameServerAddress:
    """Where a name server listens; `host` is an IP address."""

    host: str
    port: int = 53

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Posted:
    """A question on its way: by which port and id its answer must come."""

    port: int
    identity: int


@dataclass(slots=True)
class Exchange(Generic[Token]):
    """Sockets to one server, open until `close`.

    `on_answer` gets the question's token and the message, `on_refusal` the token of each question that met a closed port.

    Several source ports with random ids: who cannot see the questions cannot forge an answer (RFC 5452 section 4).
    """

    server: NameServerAddress
    on_answer: Callable[[Token, bytes], None]
    on_refusal: Callable[[Token], None]
    ports: int = 4
    _sockets: list[socket.socket] = field(default_factory=list)
    _waiting: list[dict[int, tuple[Token, bytes]]] = field(default_factory=list)
    _random: bytes = b""

    def open(self) -> None:
        """Take the ports; raises `OSError` where the machine has no way to the server."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in self.server.host else socket.AF_INET
        for number in range(self.ports):
            connected = socket.socket(family, socket.SOCK_DGRAM)
            self._sockets.append(connected)
            self._waiting.append({})
            connected.settimeout(0)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            connected.connect((self.server.host, self.server.port))
            loop.add_reader(connected, self._read, number)

    def close(self) -> None:
        """Give the ports back; what still waits is never answered."""
        loop = asyncio.get_running_loop()
        for each in self._sockets:
            if each.fileno() >= 0:
                loop.remove_reader(each)
            each.close()
        self._sockets.clear()
        self._waiting.clear()

    @property
    def is_idle(self) -> bool:
        """Tell whether no question waits."""
        return not any(self._waiting)

    def post(self, token: Token, query: Query, question: bytes, *, edns: bool) -> Posted:
        """Send a question. A send that fails is a datagram lost: the caller's patience covers both."""
        port, identity = self._free_identity()
        self._waiting[port][identity] = (token, question)
        with suppress(OSError):
            self._sockets[port].send(encode_query(identity, query, question, edns=edns))
        return Posted(port, identity)

    def withdraw(self, posted: Posted) -> None:
        """Wait no longer for an answer; one that comes late is thrown away."""
        if self._waiting:
            self._waiting[posted.port].pop(posted.identity, None)

    def _free_identity(self) -> tuple[int, int]:
        while True:
            if len(self._random) < 3:
                self._random = os.urandom(3 * 256)
            drawn, self._random = self._random[:3], self._random[3:]
            port, identity = drawn[0] % len(self._sockets), drawn[1] << 8 | drawn[2]
            if identity not in self._waiting[port]:
                return port, identity

    def _read(self, port: int) -> None:
        receive = self._sockets[port].recv
        for _ in range(_AT_ONCE):
            try:
                message = receive(_LARGEST)
            except ConnectionRefusedError:
                self._refuse(port)
                return
            except OSError:
                return
            identity = message[0] << 8 | message[1] if len(message) > 1 else -1
            entry = self._waiting[port].get(identity)
            if entry is not None and is_answer_to(message, entry[1]):
                del self._waiting[port][identity]
                self.on_answer(entry[0], message)
                if not self._sockets:
                    return

    def _refuse(self, port: int) -> None:
        """ICMP says that nobody listens; to which question it does not say."""
        waiting, self._waiting[port] = self._waiting[port], {}
        for token, _ in waiting.values():
            self.on_refusal(token)


async def over_tcp(server: NameServerAddress, query: Query, question: bytes) -> bytes:
    """Ask one question over TCP (RFC 7766). Raises `OSError`, `EOFError`; the caller bounds the time."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        identity = int.from_bytes(os.urandom(2), "big")
        wire = encode_query(identity, query, question)
        writer.write(len(wire).to_bytes(2, "big") + wire)
        while True:
            size = int.from_bytes(await reader.readexactly(2), "big")
            message = await reader.readexactly(size)
            if message[:2] == identity.to_bytes(2, "big") and is_answer_to(message, question):
                return message
    finally:
        writer.close()
