"""Who gets which slot: one sweep through the day, the earliest deadline first (rules 2 to 6 at work).

Here belongs the matching of messages and slots. Not here: which messages take part and how many a mailbox should take
in (`phases`), nor what a slot is (`slots`).
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from outreach_pipelines.domain.send_plan.capacity import NEVER, Ledger, MailboxRoom
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.routes import LaneKey, Routes
from outreach_pipelines.domain.send_plan.snapshot import AccountId, MailboxId, RecipientProvider

Quotas = dict[tuple[MailboxId, RecipientProvider | None], int]
"""How many new leads of a provider a mailbox should take in before others have had their turn."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A message with its slot; the first account's share is charged with it."""

    eligible: Eligible
    mailbox_id: MailboxId
    due_at: int
    account_ids: tuple[AccountId, ...]


@dataclass(frozen=True, slots=True)
class Supply:
    """What all sweeps of one planning share."""

    rooms: Mapping[MailboxId, MailboxRoom]
    ledger: Ledger
    routes: Routes


class _Waiting(NamedTuple):
    """A message whose window opens at `opens`. `turn` is unique, so comparisons end there."""

    opens: int
    closes: int
    turn: int
    span: int
    eligible: Eligible


class _Ready(NamedTuple):
    """A message that may leave now, the next one to lose its window first."""

    closes: int
    turn: int
    span: int
    eligible: Eligible


class _Lane:
    """Messages that the same mailboxes may carry. Time only goes forward."""

    __slots__ = ("_ready", "_waiting", "key")

    def __init__(self, key: LaneKey, queue: Iterable[tuple[int, Eligible]]) -> None:
        self.key = key
        self._ready: list[_Ready] = []
        firsts = ((turn, eligible.recipient_day.usable[0], eligible) for turn, eligible in queue)
        self._waiting = [_Waiting(span.start, span.end, turn, 0, eligible) for turn, span, eligible in firsts]
        heapq.heapify(self._waiting)

    def head(self, now: int) -> _Ready | None:
        """The message with the earliest deadline among those whose window is open."""
        ready = self._ready
        self._let_in(now)
        while ready and ready[0].closes <= now:
            _, turn, span, eligible = heapq.heappop(ready)
            self._wait(turn, span + 1, eligible)
            # The message may have more open time today, and that may have begun since anyone looked.
            self._let_in(now)
        return ready[0] if ready else None

    def take_head(self) -> Eligible:
        return heapq.heappop(self._ready).eligible

    @property
    def is_empty(self) -> bool:
        return not self._ready and not self._waiting

    @property
    def next_opening(self) -> int:
        return self._waiting[0].opens if self._waiting else NEVER

    def _let_in(self, now: int) -> None:
        waiting = self._waiting
        while waiting and waiting[0].opens <= now:
            _, closes, turn, span, eligible = heapq.heappop(waiting)
            heapq.heappush(self._ready, _Ready(closes, turn, span, eligible))

    def _wait(self, turn: int, span: int, eligible: Eligible) -> None:
        spans = eligible.recipient_day.usable
        if span < len(spans):
            heapq.heappush(self._waiting, _Waiting(spans[span].start, spans[span].end, turn, span, eligible))


class _Desk(NamedTuple):
    """A lane as one mailbox serves it, with its accounts that allow the basis and are ready."""

    lane: _Lane
    accounts: tuple[AccountId, ...]


class Sweep:
    """One pass over the free slots of some mailboxes for some messages, in the order of time.

    Without quotas the pass is maximal: whatever it leaves could take none of the slots it leaves.
    """

    def __init__(
        self, supply: Supply, queue: Sequence[Eligible], mailboxes: Iterable[MailboxId], quotas: Quotas | None
    ) -> None:
        self._supply = supply
        self._quotas = quotas
        self._placed: list[Placed] = []
        served = frozenset(mailboxes)
        self._desks: dict[MailboxId, list[_Desk]] = {}
        for lane, mailbox_ids in _lanes(queue):
            for mailbox_id in served.intersection(mailbox_ids):
                accounts = supply.routes.accounts(mailbox_id, lane.key.basis)
                self._desks.setdefault(mailbox_id, []).append(_Desk(lane, accounts))

    def run(self) -> list[Placed]:
        rooms = self._supply.rooms
        firsts = ((rooms[mailbox_id].slot_from(0), mailbox_id) for mailbox_id in self._desks)
        agenda = [(at, mailbox_id) for at, mailbox_id in firsts if at is not None]
        heapq.heapify(agenda)
        while agenda:
            at, mailbox_id = agenda[0]
            after = rooms[mailbox_id].slot_from(self._visit(rooms[mailbox_id], at))
            if after is None:
                heapq.heappop(agenda)
            else:
                heapq.heapreplace(agenda, (after, mailbox_id))
        self._clear_used_slots()
        return self._placed

    def _visit(self, room: MailboxRoom, at: int) -> int:
        """Gives the slot to a message if one can have it. Returns when to come back to the mailbox."""
        resume = self._supply.ledger.resume(room, at)
        if resume != at:
            return resume
        desks = self._desks[room.mailbox.id] = [
            desk for desk in self._desks[room.mailbox.id] if self._is_open(desk, room)
        ]
        chosen = self._choose(desks, at)
        if chosen is None:
            return max(at + 1, min((desk.lane.next_opening for desk in desks), default=NEVER))
        self._place(*chosen, room, at)
        return at + 1

    def _is_open(self, desk: _Desk, room: MailboxRoom) -> bool:
        """Whether the mailbox may still take messages of a lane. A lane that closes stays closed."""
        lane = desk.lane
        if lane.is_empty or (lane.key.is_new and room.new_left <= 0):
            return False
        if self._quotas is not None and self._quotas.get((room.mailbox.id, lane.key.provider), 0) <= 0:
            return False
        return bool(self._supply.ledger.open_accounts(desk.accounts))

    def _choose(self, desks: list[_Desk], at: int) -> tuple[Eligible, _Desk] | None:
        while True:
            heads = [(head[0], head[1], desk) for desk in desks if (head := desk.lane.head(at)) is not None]
            if not heads:
                return None
            desk = min(heads)[2]  # turns are unique: a comparison never reaches the desk
            eligible = desk.lane.take_head()
            # The recipient's limits only fill up: a message they refuse now is refused for the day.
            if not self._supply.ledger.refusals(eligible.candidate):
                return eligible, desk

    def _place(self, eligible: Eligible, desk: _Desk, room: MailboxRoom, at: int) -> None:
        mailbox_id = room.mailbox.id
        accounts = self._supply.ledger.open_accounts(desk.accounts)
        room.take(at, is_new=eligible.lane.is_new)
        self._supply.ledger.record(eligible.candidate, room.domain_id, accounts[0], at)
        if self._quotas is not None:
            self._quotas[(mailbox_id, eligible.lane.provider)] -= 1
        self._placed.append(Placed(eligible, mailbox_id, at, accounts))

    def _clear_used_slots(self) -> None:
        used: dict[MailboxId, list[int]] = {}
        for placed in self._placed:
            used.setdefault(placed.mailbox_id, []).append(placed.due_at)
        for mailbox_id, slots in used.items():
            self._supply.rooms[mailbox_id].drop_slots(frozenset(slots))


def _lanes(queue: Sequence[Eligible]) -> Iterable[tuple[_Lane, tuple[MailboxId, ...]]]:
    """Lanes of a queue, whose order breaks ties of deadlines."""
    rows: dict[LaneKey, list[tuple[int, Eligible]]] = {}
    for turn, eligible in enumerate(queue):
        rows.setdefault(eligible.lane, []).append((turn, eligible))
    return [(_Lane(key, row), row[0][1].mailbox_ids) for key, row in rows.items()]
