"""A connection that speaks IMAP: commands out, several in one packet; lines with their literals in.

Belongs here: framing, tags, and which answer ends a command. Does not: what answers say (`imap_session`), who logs in where
and what a failure means for an inbox (`imap`).

Sources: RFC 9051 and RFC 3501 sections 2.2 (tags), 4.3 (literals), 5.5 (commands that need not wait for one another), 7
(answers).
"""

import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from io import BufferedReader
from typing import Final

LONGEST_LINE: Final = 1_000_000
LARGEST_LITERAL: Final = 64 * 1024 * 1024
_LITERAL: Final = re.compile(rb"\{(\d{1,18})\}$")
_FETCHED: Final = re.compile(rb"(\d{1,18} )FETCH ", re.IGNORECASE)

Untagged = list[bytes | tuple[bytes, bytes]]
"""One answer as imapclient's parser takes it: what stands before a literal with that literal, and the rest."""


class ImapFault(Exception):
    """The server did not answer as it should, or not at all."""


class ImapRefused(ImapFault):
    """NO or BAD to a command, in the server's words."""


@dataclass(slots=True)
class Answers:
    """What a packet of commands was answered: lines of data in order of arrival, and the word that ended each command."""

    data: list[Untagged] = field(default_factory=list)
    ends: dict[int, bytes] = field(default_factory=dict)

    def refusal(self, command: int) -> bytes | None:
        """Of the command at this place: None when it was OK."""
        end = self.ends[command]
        return None if end[:2].upper() == b"OK" else end

    def insist(self, command: int) -> None:
        """Raises `ImapRefused` unless the command at this place was OK."""
        refusal = self.refusal(command)
        if refusal is not None:
            raise ImapRefused(refusal.decode("utf-8", "replace"))

    def told(self, word: bytes) -> list[Untagged]:
        """Data that begins with `word` (upper case), without it."""
        size = len(word) + 1
        return [[_cut(line[0], size), *line[1:]] for line in self.data if _head(line)[:size].upper() == word + b" "]

    def numbered(self, word: bytes) -> list[int]:
        """The numbers of lines such as "3 EXISTS"."""
        heads = (_head(line).upper().split() for line in self.data)
        return [int(head[0]) for head in heads if len(head) == 2 and head[1] == word and head[0].isdigit()]

    def fetched(self) -> list[Untagged]:
        """Data of FETCH, without that word."""
        matches = ((_FETCHED.match(_head(line)), line) for line in self.data)
        return [[_cut(line[0], match.end(), match[1]), *line[1:]] for match, line in matches if match is not None]

    def code(self, word: bytes) -> int | None:
        """The number of a response code such as OK [UIDNEXT 4]."""
        for line in self.data:
            match = _code(word).match(_head(line))
            if match is not None:
                return int(match[1])
        return None


@cache
def _code(word: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"OK \[" + word + rb" (\d{1,18})\]", re.IGNORECASE)


def _head(line: Untagged) -> bytes:
    first = line[0]
    return first if isinstance(first, bytes) else first[0]


def _cut(first: bytes | tuple[bytes, bytes], size: int, instead: bytes = b"") -> bytes | tuple[bytes, bytes]:
    return instead + first[size:] if isinstance(first, bytes) else (instead + first[0][size:], first[1])


class ImapLine:
    """One connection, for one thread. Faults are `ImapFault` and `OSError`; afterwards it is good for `close` alone."""

    def __init__(self, connection: socket.socket) -> None:
        # Commands are short and each waits for its answer: held back for more, every one of them would cost 40 ms.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection
        self._file: BufferedReader = connection.makefile("rb")
        self._tags = 0
        self._goodbye = b""
        try:
            self.greeting = self._greeting()
        except BaseException:
            self._file.close()  # it holds the connection open
            raise

    @classmethod
    def connected(
        cls, host: str, port: int, *, trust: ssl.SSLContext | None, connect_seconds: float, read_seconds: float
    ) -> "ImapLine":
        """With TLS from the first byte where there is a `trust` (RFC 8314 section 3.2)."""
        connection = socket.create_connection((host, port), timeout=connect_seconds)
        try:
            connection.settimeout(read_seconds)
            return cls(connection if trust is None else trust.wrap_socket(connection, server_hostname=host))
        except BaseException:
            connection.close()
            raise

    def ask(self, *commands: bytes) -> Answers:
        """Send them in one packet and wait for the end of each; what it was is in the answers."""
        tags = [self._next_tag() for _ in commands]
        self._socket.sendall(b"".join(b"%b %b\r\n" % each for each in zip(tags, commands, strict=True)))
        answers, places = Answers(), {tag: place for place, tag in enumerate(tags)}
        while places:
            line = self._answer()
            tag, _, rest = _head(line).partition(b" ")
            if tag == b"*":
                self._take(answers, [_cut(line[0], 2), *line[1:]])
            elif tag in places:
                answers.ends[places.pop(tag)] = rest
            else:
                message = f"an answer to nothing that was asked: {_head(line)[:100]!r}"
                raise ImapFault(message)
        return answers

    def ask_all(self, *commands: bytes) -> Answers:
        """As `ask`; raises `ImapRefused` for the first that was not OK."""
        answers = self.ask(*commands)
        for place in range(len(commands)):
            answers.insist(place)
        return answers

    def dialogue(self, command: bytes, said: Sequence[bytes]) -> Answers:
        """A command that the server answers with challenges: each gets the next of `said`, and then an empty line."""
        tag, left, answers = self._next_tag(), iter(said), Answers()
        self._socket.sendall(b"%b %b\r\n" % (tag, command))
        while True:
            line = self._answer()
            first, _, rest = _head(line).partition(b" ")
            if first == b"+":
                self._socket.sendall(next(left, b"") + b"\r\n")
            elif first == b"*":
                self._take(answers, [_cut(line[0], 2), *line[1:]])
            else:
                answers.ends[0] = rest
                return answers

    def close(self) -> None:
        """The connection ends, whatever the server does."""
        self._file.close()
        self._socket.close()

    def _greeting(self) -> bytes:
        line = self._line()
        if line[:5].upper() == b"* OK ":
            return line[2:]
        message = f"no greeting of an IMAP server that will talk: {line[:200].decode('utf-8', 'replace')}"
        raise ImapFault(message)

    def _next_tag(self) -> bytes:
        self._tags += 1
        return b"A%d" % self._tags

    def _take(self, answers: Answers, line: Untagged) -> None:
        answers.data.append(line)
        if _head(line)[:4].upper() == b"BYE ":
            self._goodbye = _head(line)

    def _answer(self) -> Untagged:
        line = self._line()
        parts: Untagged = []
        while match := _LITERAL.search(line):
            parts.append((line, self._literal(int(match[1]))))
            line = self._line()
        return [*parts, line]

    def _line(self) -> bytes:
        line = self._file.readline(LONGEST_LINE + 2)
        if line.endswith(b"\n"):
            return line.rstrip(b"\r\n")
        if len(line) > LONGEST_LINE:
            message = f"a line of more than {LONGEST_LINE} bytes"
            raise ImapFault(message)
        raise self._ended()

    def _literal(self, size: int) -> bytes:
        if size > LARGEST_LITERAL:
            message = f"a literal of {size} bytes"
            raise ImapFault(message)
        literal = self._file.read(size)
        if len(literal) < size:
            raise self._ended()
        return literal

    def _ended(self) -> ImapFault:
        return ImapFault(f"the server ended the connection {self._goodbye.decode('utf-8', 'replace')}".strip())
