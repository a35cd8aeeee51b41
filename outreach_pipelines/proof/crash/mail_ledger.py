"""An SMTP server that writes down each message it takes, on disk for good, before it says so: the witness of crashes.

Belongs here: the dialogue of one account, its ledger, and stages at which a proof may do something to the client. It knows
nothing of the system that sends.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from io import BufferedRWPair
from pathlib import Path

from outreach_pipelines.proof.crash.loopback_listener import listening

Wire = BufferedRWPair
_ANSWERS = {
    b"EHLO": ("250-ledger.test", "250 AUTH PLAIN"),
    b"AUTH": ("235 2.7.0 Ok",),
    b"QUIT": ("221 2.0.0 Bye",),
}


class Stage(StrEnum):
    """Where a dialogue stands, in its order."""

    CONNECTED = "connected"
    MAIL = "mail"
    RECIPIENT = "recipient"
    BEFORE_GO_AHEAD = "before the go-ahead"  # DATA was said
    BEFORE_BODY = "before the body is read"  # 354 was answered
    BODY_READ = "body read, not taken"
    TAKEN = "taken, not answered"
    ANSWERED = "answered"


@dataclass
class MailLedger:
    """`at` is called at each stage with the recipient, if it is known; an OSError that it raises cuts the connection."""

    path: Path
    at: Callable[[Stage, str], None] = lambda _stage, _recipient: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Serve on loopback; gives the port."""
        talks: list[tuple[socket.socket, threading.Thread]] = []

        def welcome(client: socket.socket) -> None:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talks.append((client, threading.Thread(target=self._talk, args=(client,))))
            talks[-1][1].start()

        def farewell() -> None:
            for client, talk in talks:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                talk.join()

        with listening(welcome, farewell) as port:
            yield port

    def recipients(self) -> list[str]:
        """All messages taken, by whom they were for, in order."""
        return [recipient for recipient, _ in self.messages()]

    def messages(self) -> list[tuple[str, str]]:
        """All messages taken, each by its recipient and its Message-ID."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [(recipient, name) for recipient, _, name in (line.partition(" ") for line in lines)]

    def _talk(self, client: socket.socket) -> None:
        # A client that is killed in mid-sentence is what this server is for.
        with client, suppress(OSError), client.makefile("rwb") as wire:
            _say(wire, "220 ledger.test")
            self._dialogue(wire)

    def _dialogue(self, wire: Wire) -> None:
        recipient = ""
        self.at(Stage.CONNECTED, recipient)
        for line in wire:
            verb = line[:4].upper()
            if verb == b"DATA":
                self._take(wire, recipient)
                continue
            if verb == b"MAIL":
                self.at(Stage.MAIL, recipient)
            elif verb == b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
                self.at(Stage.RECIPIENT, recipient)
            _say(wire, *_ANSWERS.get(verb, ("250 2.1.0 Ok",)))
            if verb == b"QUIT":
                return

    def _take(self, wire: Wire, recipient: str) -> None:
        self.at(Stage.BEFORE_GO_AHEAD, recipient)
        _say(wire, "354 Go ahead")
        self.at(Stage.BEFORE_BODY, recipient)
        name = ""
        for line in wire:
            if line == b".\r\n":
                break
            if line.lower().startswith(b"message-id:"):
                name = line.decode().partition(":")[2].strip()
        else:
            return  # cut off before its end: RFC 5321 section 4.1.1.4, nothing was taken
        self.at(Stage.BODY_READ, recipient)
        self._write_down(recipient, name)
        self.at(Stage.TAKEN, recipient)
        _say(wire, f"250 2.0.0 Ok: queued as {recipient.partition('@')[0]}")
        self.at(Stage.ANSWERED, recipient)

    def _write_down(self, recipient: str, name: str) -> None:
        with self._lock, self.path.open("a") as ledger:
            ledger.write(f"{recipient} {name}\n")
            ledger.flush()
            os.fsync(ledger.fileno())


def _say(wire: Wire, *lines: str) -> None:
    wire.write("".join(f"{line}\r\n" for line in lines).encode())
    wire.flush()
