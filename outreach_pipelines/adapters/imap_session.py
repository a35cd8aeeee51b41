"""What IMAP is asked for here, as values: logins, folders, their state, mails.

Belongs here: the words of commands and answers. Does not: framing (`imap_line`), which folders and mails are wanted
(`imap_mail`, `sent_folder`), what a failure means (`imap`). Answers are taken apart by imapclient's parser.

Sources: RFC 9051 and RFC 3501 section 6 (commands); RFC 4616 (PLAIN); RFC 4959 (SASL-IR); RFC 6154 (special-use folders).
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from imapclient.datetime_util import parse_to_datetime
from imapclient.imap_utf7 import decode, encode
from imapclient.response_parser import parse_fetch_response, parse_response

from outreach_pipelines.adapters.imap_line import Answers, ImapFault, ImapLine, Untagged

JUNK: Final = b"\\Junk"
SENT: Final = b"\\Sent"
LIST: Final = b'LIST "" "*"'
LOGOUT: Final = b"LOGOUT"
# Names bare, or in quotes without a backslash; others are left to the parser.
_PLAIN_NAME: Final = rb'(?:"(?P<quoted>[^"\\]+)"|(?P<bare>[A-Za-z][\w./-]*))'
_PLAIN_LIST: Final = re.compile(rb'\((?P<flags>[^()"]*)\) (?:"[^"\\]"|NIL) ' + _PLAIN_NAME + rb"$", re.ASCII)
_PLAIN_MAIL: Final = re.compile(
    rb"\d{1,18} \((?:UID (?P<uid>\d{1,10}) |RFC822\.SIZE (?P<size>\d{1,18}) "
    rb'|INTERNALDATE "(?P<date>[ \d][\d]-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d [+-]\d{4})" ){3}BODY\[\]<0> \{\d{1,18}\}$'
)
_PLAIN_STATUS: Final = re.compile(_PLAIN_NAME + rb" \((?P<items>(?:[A-Z]+ \d{1,18} ?)+)\)$", re.ASCII)


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """A folder with its flags as the server writes them."""

    name: str
    flags: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class FolderState:
    """Numbers of a folder (RFC 9051 section 2.3.1.1); None where the server does not tell the next UID."""

    uid_validity: int
    uid_next: int | None
    mails: int


class ImapSession:
    """One connection; `line` may be asked several commands of this module in one packet."""

    def __init__(self, line: ImapLine) -> None:
        self.line = line
        self.capabilities: frozenset[bytes] = frozenset()

    def ask_capabilities(self) -> None:
        """As they are before the login; most servers greet with them."""
        told = self.line.greeting.upper().partition(b"[CAPABILITY ")[2].partition(b"]")[0]
        if not told:
            lines = self.line.ask_all(b"CAPABILITY").told(b"CAPABILITY")
            told = b" ".join(line[0] for line in lines if isinstance(line[0], bytes)).upper()
        self.capabilities = frozenset(told.split())

    def log_in(self, username: str, password: str) -> None:
        """By LOGIN where that can say it. Raises `ImapRefused`."""
        # LOGIN cannot say what is not ASCII; SASL PLAIN is UTF-8 (RFC 4616), and two more lines.
        hard_to_say = not (username + password).isascii() and b"AUTH=PLAIN" in self.capabilities
        if hard_to_say or b"LOGINDISABLED" in self.capabilities:
            self.authenticate(b"PLAIN", f"\0{username}\0{password}")
        else:
            self.line.ask_all(b"LOGIN %b %b" % (quoted(username), quoted(password)))

    def authenticate(self, mechanism: bytes, first: str) -> None:
        """By SASL; any challenge behind `first` is answered by an empty line, which ends a refusal (XOAUTH2)."""
        said = base64.b64encode(first.encode())
        # At once where the server lets us, else when it asks.
        at_once = b"SASL-IR" in self.capabilities
        command = b"AUTHENTICATE " + mechanism + (b" " + said if at_once else b"")
        self.line.dialogue(command, () if at_once else (said,)).insist(0)

    def folders(self) -> Sequence[ListedFolder]:
        """All of them."""
        return folders_in(self.line.ask_all(LIST))

    def examine(self, folder: str) -> FolderState:
        """Open it for reading alone."""
        return state_of_opened(self.line.ask_all(examine(folder)))

    def search(self, *criteria: str) -> Sequence[int]:
        """UIDs in rising order; criteria in the order of their words, each an atom or a string in quotes."""
        lines = self.line.ask_all(b"UID SEARCH " + " ".join(criteria).encode("ascii")).told(b"SEARCH")
        # Behind the UIDs may stand (MODSEQ n).
        heads = (line[0].partition(b"(")[0] for line in lines if isinstance(line[0], bytes))
        return sorted(int(word) for head in heads for word in head.split())

    def fetch(self, uids: Sequence[int], wanted: Sequence[str]) -> Mapping[int, Mapping[bytes, Any]]:
        """Facts by UID; what is gone is not there."""
        return fetched_in(self.line.ask_all(fetch(uids, wanted)))


def quoted(text: str) -> bytes:
    """Raises `ImapFault` for what no quoted string can hold (RFC 9051, quoted)."""
    if not text.isascii() or not text.isprintable():
        message = "a login that IMAP's LOGIN cannot say"
        raise ImapFault(message)
    return b'"%b"' % text.replace("\\", "\\\\").replace('"', '\\"').encode("ascii")


def examine(folder: str) -> bytes:
    """The command that opens a folder for reading alone."""
    return b"EXAMINE " + _named(folder)


def status(folder: str) -> bytes:
    """The command that asks for the state of a folder that is not open."""
    return b"STATUS " + _named(folder) + b" (MESSAGES UIDNEXT UIDVALIDITY)"


def fetch(uids: Sequence[int], wanted: Sequence[str]) -> bytes:
    """The command that fetches them."""
    return f"UID FETCH {_sequence_set(uids)} ({' '.join(wanted)})".encode("ascii")


def folders_in(answers: Answers) -> Sequence[ListedFolder]:
    """Of LIST."""
    return [_listed(line) for line in answers.told(b"LIST")]


def _listed(line: Untagged) -> ListedFolder:
    plain = _plainly(_PLAIN_LIST, line)
    if plain is not None:
        return ListedFolder(_name(plain["quoted"] or plain["bare"]), frozenset(plain["flags"].split()))
    flags, _, name = parse_response(line)
    return ListedFolder(_name(name), frozenset(flags))


def states_in(answers: Answers) -> Mapping[str, FolderState]:
    """Of STATUS, by folder; a folder of which the server does not tell enough is not there."""
    told = dict(_told_of(line) for line in answers.told(b"STATUS"))
    return {name: _state(items) for name, items in told.items() if items.keys() >= {b"UIDVALIDITY", b"MESSAGES"}}


def _told_of(line: Untagged) -> tuple[str, dict[bytes, Any]]:
    plain = _plainly(_PLAIN_STATUS, line)
    name, items = (
        (plain["quoted"] or plain["bare"], plain["items"].split()) if plain is not None else parse_response(line)
    )
    return _name(name), dict(zip(items[::2], items[1::2], strict=True))


def _plainly(pattern: re.Pattern[bytes], line: Untagged) -> re.Match[bytes] | None:
    """The form in which nearly all servers answer, each inbox each time: taken apart without the parser, for a fifth of its time."""
    first = line[0]
    return pattern.match(first) if len(line) == 1 and isinstance(first, bytes) else None


def state_of_opened(answers: Answers) -> FolderState:
    """Of EXAMINE."""
    validity, exists = answers.code(b"UIDVALIDITY"), answers.numbered(b"EXISTS")
    if validity is None or not exists:
        message = "a folder without UIDVALIDITY or EXISTS"
        raise ImapFault(message)
    return FolderState(validity, answers.code(b"UIDNEXT"), exists[-1])


def fetched_in(answers: Answers) -> Mapping[int, Mapping[bytes, Any]]:
    """Of FETCH. What the server tells unasked of other mails may name no UID, and is not there.

    Numbers of mails are not looked at: they change while a server answers (RFC 9051 section 7.5.1).
    """
    found: dict[int, dict[bytes, Any]] = {}
    for line in answers.fetched():
        plain = _mail_in(line)
        parsed = [plain] if plain else parse_fetch_response(line, normalise_times=False, uid_is_key=False).values()
        for facts in parsed:
            if b"UID" in facts:
                found.setdefault(facts[b"UID"], {}).update(facts)
    return found


def _mail_in(line: Untagged) -> Mapping[bytes, Any] | None:
    """As the parser tells it: the first bytes of a mail with its UID, size and time, in the form `_PLAIN_MAIL`."""
    first = line[0]
    if not isinstance(first, tuple) or line[1:] != [b")"] or (told := _PLAIN_MAIL.match(first[0])) is None:
        return None
    if None in (told["uid"], told["size"], told["date"]):
        return None
    return {
        b"UID": int(told["uid"]),
        b"RFC822.SIZE": int(told["size"]),
        b"INTERNALDATE": parse_to_datetime(told["date"], normalise=False),
        b"BODY[]<0>": first[1],
    }


def _state(items: Mapping[bytes, Any]) -> FolderState:
    uid_next = items.get(b"UIDNEXT")
    return FolderState(int(items[b"UIDVALIDITY"]), None if uid_next is None else int(uid_next), int(items[b"MESSAGES"]))


def _named(folder: str) -> bytes:
    return b'"%b"' % encode(folder).replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def _name(told: object) -> str:
    # The parser takes a name of digits for a number.
    name = decode(str(told).encode() if isinstance(told, int) else told)
    return "INBOX" if name.upper() == "INBOX" else name


def _sequence_set(uids: Sequence[int]) -> str:
    """Runs of neighbours as ranges (RFC 9051, sequence-set)."""
    runs: list[tuple[int, int]] = []
    for uid in uids:
        if runs and uid == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], uid)
        else:
            runs.append((uid, uid))
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)
