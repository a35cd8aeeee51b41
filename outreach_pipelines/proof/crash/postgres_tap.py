"""A tap in the line to PostgreSQL that can act just before a statement, before its commit, or between commit and answer.

Belongs here: forwarding, and recognising statements in the frontend protocol (PostgreSQL documentation, chapter
"Frontend/Backend Protocol"). Does not: what the statements mean.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from outreach_pipelines.proof.crash.loopback_listener import listening

_START_UP_LENGTH = 4


class Moment(StrEnum):
    """Of a statement, as its transaction goes."""

    BEFORE = "before"
    BEFORE_COMMIT = "before the commit of"
    COMMITTED = "committed, not answered"


@dataclass
class PostgresTap:
    """`at` is called with a moment and a statement, before either is passed on; an OSError that it raises cuts the line."""

    host: str
    port: int
    at: Callable[[Moment, str], None] = lambda _moment, _statement: None

    @contextmanager
    def open(self) -> Iterator[int]:
        """Listen on loopback; gives the port."""
        lines: list[_Line] = []

        def welcome(client: socket.socket) -> None:
            with suppress(ConnectionRefusedError):
                lines.append(self._line(client))

        def farewell() -> None:
            for line in lines:
                line.end()

        with listening(welcome, farewell) as port:
            yield port

    def _line(self, client: socket.socket) -> "_Line":
        try:
            server = socket.create_connection((self.host, self.port))
        except ConnectionRefusedError:
            client.close()  # the client must hear that the server is down, as without a tap
            raise
        for side in (client, server):
            # A request is passed on message by message: each would wait for the acknowledgement of the one before it.
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = _Line(client, server, self)
        line.start()
        return line


@dataclass
class _Line:
    client: socket.socket
    server: socket.socket
    tap: PostgresTap
    prepared: dict[bytes, str] = field(default_factory=dict)
    last: str = ""
    committing: str = ""
    in_transaction: bool = False
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self.threads = [threading.Thread(target=self._requests), threading.Thread(target=self._answers)]
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        for side in (self.client, self.server):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.client.close()
        self.server.close()

    def _requests(self) -> None:
        with suppress(OSError):
            start_up = _exactly(self.client, _START_UP_LENGTH)
            self.server.sendall(start_up + _exactly(self.client, int.from_bytes(start_up) - _START_UP_LENGTH))
            while True:
                kind, length = _exactly(self.client, 1), _exactly(self.client, 4)
                body = _exactly(self.client, int.from_bytes(length) - 4)
                self._look(kind, body)
                self.server.sendall(kind + length + body)
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)

    def _answers(self) -> None:
        with suppress(OSError):
            while some := self.server.recv(65536):
                if self.committing:
                    committed, self.committing = self.committing, ""
                    self.tap.at(Moment.COMMITTED, committed)
                self.client.sendall(some)
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)

    def _look(self, kind: bytes, body: bytes) -> None:
        match kind:
            case b"P":
                name, text, *_ = body.split(b"\0")
                self.prepared[name] = text.decode()
            case b"B":
                self._statement(self.prepared.get(body.split(b"\0")[1], ""))
            case b"Q":
                self._statement(body[:-1].decode())

    def _statement(self, text: str) -> None:
        word = text.strip().upper().partition(" ")[0]
        if word == "COMMIT":
            self._commits(self.last)
        elif word not in {"BEGIN", "ROLLBACK"}:
            self.tap.at(Moment.BEFORE, text)
            self.last = text
            if not self.in_transaction:
                # A transaction of its own: its commit is not seen apart from it.
                self._commits(text)
        self.in_transaction = word == "BEGIN" or (self.in_transaction and word not in {"COMMIT", "ROLLBACK"})

    def _commits(self, text: str) -> None:
        self.tap.at(Moment.BEFORE_COMMIT, text)
        self.committing = text


def _exactly(side: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        some = side.recv(length - len(found))
        if not some:
            raise ConnectionResetError
        found += some
    return found
