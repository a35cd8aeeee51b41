"""What a proof of the send protocol remembers by itself: calls, the provider's ledger, and who must not be written to.

Belongs here: promises judged from that memory and from rows. Does not: any act on the database.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from small_world import HOUR

from outreach_pipelines.domain.letter import Letter

GAP = timedelta(seconds=120)  # the pace of a small world's mailboxes
ROLLING_FACTOR = 1.25
DAY = timedelta(days=1)
COUNTS_NOT = frozenset({"refused", "not_sent", "absent"})
MAY_BE_WITH_A_PROVIDER = frozenset({"open", "accepted", "accepted_twice", "in_doubt", "unknown"})
Row = Mapping[str, object]
SendKey = tuple[int, int]


@dataclass(slots=True)
class Call:
    """A call whose intent is committed. `taken` is the provider's own truth, settled as soon as the call begins."""

    letter: Letter
    at: datetime
    taken: bool
    non_send: bool = False  # known to be none by the system, rightly or not

    @property
    def attempt(self) -> tuple[int, int]:
        return int(self.letter.claim.message_id), self.letter.claim.attempt

    @property
    def key(self) -> SendKey:
        return send_key(self.letter)


def send_key(letter: Letter) -> SendKey:
    """A step of one person's sequence."""
    return letter.enrollment_id, letter.step


@dataclass(slots=True)
class Stop:
    """Nothing begins from this mailbox, or from any, before `until`; None where only an act ends it."""

    mailbox: int | None
    until: datetime | None

    def binds(self, mailbox: int, now: datetime) -> bool:
        return self.mailbox in (None, mailbox) and (self.until is None or now < self.until)


@dataclass(slots=True)
class Witness:
    """`silent` holds a person, or a person and the one mailbox that must not write to them."""

    caps: dict[int, int]
    calls: dict[tuple[int, int], Call] = field(default_factory=dict)
    silent: set[tuple[int, int | None]] = field(default_factory=set)
    stops: list[Stop] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    wrong_rulings: Counter[SendKey] = field(default_factory=Counter)

    def note(self, call: Call) -> None:
        """Remember a call that began."""
        assert call.attempt not in self.calls, "one attempt began twice"
        self.calls[call.attempt] = call

    def objections(self, letter: Letter, *, hour: datetime, now: datetime, window_end: datetime) -> Iterator[str]:
        """What should have kept this message from beginning at `now`; asked before the call is noted."""
        mailbox = letter.sender.mailbox_id
        if self.silent & {(letter.enrollment_id, None), (letter.enrollment_id, mailbox)}:
            yield "suppressed or stopped before"
        if not letter.due_at <= now < window_end:
            yield f"outside its window, which ends at {window_end}"
        if not hour <= now < hour + HOUR:
            yield f"outside the run's hour {hour}"
        if any(each.binds(mailbox, now) for each in self.stops):
            yield "held, paused or retired"
        yield from self._limits(mailbox, now)
        if any(
            each.key == send_key(letter) and each.taken and not self.wrong_rulings[each.key] for each in self._all()
        ):
            yield "taken before, and nobody said otherwise"

    def _limits(self, mailbox: int, now: datetime) -> Iterator[str]:
        mine = [each for each in self._all() if each.letter.sender.mailbox_id == mailbox]
        if any(now - each.at < GAP for each in mine):
            yield "before the mailbox's gap was over"
        counted = [each.at for each in mine if not each.non_send]
        if sum(at.date() == now.date() for at in counted) >= self.caps[mailbox]:
            yield f"over the daily cap of {self.caps[mailbox]}"
        if sum(now - at < DAY for at in counted) >= math.ceil(self.caps[mailbox] * ROLLING_FACTOR):
            yield "over the rolling day"

    def _all(self) -> Sequence[Call]:
        return list(self.calls.values())

    def ledger(self) -> Counter[SendKey]:
        """What the provider took, by whom and what it was for."""
        return Counter(each.key for each in self._all() if each.taken)

    def faults(self, messages: Sequence[Row], attempts: Sequence[Row]) -> Iterator[str]:
        """Promises that rows break, all of one moment."""
        outcomes = {(int(str(row["message_id"])), int(str(row["attempt"]))): str(row["outcome"]) for row in attempts}
        yield from self._twice(messages, outcomes)
        yield from self._lost(outcomes)
        for row in messages:
            message = int(str(row["message_id"]))
            accepted = sum(outcome == "accepted" for at, outcome in outcomes.items() if at[0] == message)
            if row["state"] == "accepted" and accepted != 1:
                yield f"message {message} is accepted, with {accepted} such attempts"
            if accepted and row["state"] not in ("accepted", "failed"):
                yield f"message {message} has an accepted attempt and is {row['state']}"

    def _twice(self, messages: Sequence[Row], outcomes: Mapping[tuple[int, int], str]) -> Iterator[str]:
        for key, times in self.ledger().items():
            if times > 1 + self.wrong_rulings[key]:
                yield f"{key} was taken {times} times"
        keys = {int(str(row["message_id"])): (row["enrollment_id"], row["step"]) for row in messages}
        accepted = Counter(keys[message] for (message, _), outcome in outcomes.items() if outcome == "accepted")
        yield from (f"{key} has {times} accepted attempts" for key, times in accepted.items() if times > 1)

    def _lost(self, outcomes: Mapping[tuple[int, int], str]) -> Iterator[str]:
        for at, call in self.calls.items():
            if call.taken and outcomes.get(at) not in MAY_BE_WITH_A_PROVIDER and not self.wrong_rulings[call.key]:
                yield f"attempt {at} was taken, and is told as {outcomes.get(at)}"
            if not call.taken and outcomes.get(at) in ("accepted", "accepted_twice"):
                yield f"attempt {at} was not taken, and is told as {outcomes[at]}"
        yield from (f"attempt {at} began, and nobody made its call" for at in outcomes if at not in self.calls)
