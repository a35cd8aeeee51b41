"""What the world saw happen, in order: the witness that the judge hears beside the providers' ledger.

Belongs here: plain values that were noted at the ports, by nobody who decides, and message rows as they stood at the end.
Does not: anything that imports the protocol.
"""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What was planned: to whom, from which mailbox (counted from 0), as which step, until when (policy time)."""

    recipient: str
    mailbox: int
    follow_up: bool
    due_at: datetime
    window_end: datetime


@dataclass(frozen=True, slots=True)
class Intent:
    """A committed T2. `order` counts all notes of the journal, and was taken before the transaction began.

    `born` is the note at which its process had begun.
    """

    order: int
    born: int
    message: int
    attempt: int
    facts: MessageFacts
    machine: datetime
    policy: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """A provider took a message: the truth. `began` is when the first byte came, `machine` when it was taken."""

    order: int
    message: int
    attempt: int
    recipient: str
    account: int
    began: datetime
    machine: datetime


@dataclass(frozen=True, slots=True)
class Silence:
    """From here on nothing may begin for this person: an unsubscribe, a complaint or a reply was committed."""

    order: int
    recipient: str


@dataclass(frozen=True, slots=True)
class Cap:
    """A mailbox's daily cap from here on."""

    order: int
    mailbox: int
    cap: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A hold or a pause of the whole tenant, from one note of the journal to another (None: still in force)."""

    order: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """The way back worked: an account's probe came home, or an inbox was read to its end (machine time)."""

    order: int
    what: str
    machine: datetime


@dataclass(frozen=True, slots=True)
class FinalMessage:
    """One message row at the end, as plain values for the judge. `accepted` counts attempts, `twice` those past the first."""

    message: int
    recipient: str
    state: str
    current: bool
    attempts: int
    accepted: int
    twice: int
    released_on_absence: int


@dataclass(frozen=True, slots=True)
class CountedEvent:
    """How often an event of a kind was counted for a message."""

    message: int
    kind: str
    times: int


@dataclass(slots=True)
class Journal:
    """Append-only."""

    intents: list[Intent] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    caps: list[Cap] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    story: list[tuple[datetime, str]] = field(default_factory=list)
    _order: int = 0

    def next(self) -> int:
        """The number of the next note."""
        self._order += 1
        return self._order

    def hear(self, what: str, at: datetime) -> None:
        """The way back was seen to work at that moment of machine time."""
        self.heard.append(Heard(self.next(), what, at))

    def tell(self, at: datetime, sentence: str) -> None:
        """A line for people."""
        self.story.append((at, sentence))
