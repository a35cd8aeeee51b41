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

Quotas = dict[tuple[MailboxId, RecipientProvider], int]
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
        self._waiting: list[_Waiting] = []
        for turn, eligible in queue:
            self._wait(turn, 0, eligible)

    def head(self, now: int) -> _Ready | None:
        """The message with the earliest deadline among those whose window is open."""
        waiting, ready = self._waiting, self._ready
        while waiting and waiting[0].opens <= now:
            _, closes, turn, span, eligible = heapq.heappop(waiting)
            heapq.heappush(ready, _Ready(closes, turn, span, eligible))
        while ready and ready[0].closes <= now:
            _, turn, span, eligible = heapq.heappop(ready)
            self._wait(turn, span + 1, eligible)
        return ready[0] if ready else None

    def drop_head(self) -> None:
        heapq.heappop(self._ready)

    @property
    def is_empty(self) -> bool:
        return not self._ready and not self._waiting

    @property
    def next_opening(self) -> int:
        return self._waiting[0].opens if self._waiting else NEVER

    def _wait(self, turn: int, span: int, eligible: Eligible) -> None:
        spans = eligible.recipient_day.usable
        if span < len(spans):
            heapq.heappush(self._waiting, _Waiting(spans[span].start, spans[span].end, turn, span, eligible))


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
        self._lanes: dict[MailboxId, list[_Lane]] = {}
        for lane, mailbox_ids in _lanes(queue):
            for mailbox_id in mailbox_ids:
                if mailbox_id in served:
                    self._lanes.setdefault(mailbox_id, []).append(lane)

    def run(self) -> list[Placed]:
        rooms = self._supply.rooms
        firsts = ((rooms[mailbox_id].slot_from(0), mailbox_id) for mailbox_id in self._lanes)
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
        lanes = self._lanes[room.mailbox.id] = [
            lane for lane in self._lanes[room.mailbox.id] if self._is_open(lane, room)
        ]
        chosen = self._choose(lanes, at)
        if chosen is None:
            return max(at + 1, min((lane.next_opening for lane in lanes), default=NEVER))
        self._place(chosen, room, at)
        return at + 1

    def _is_open(self, lane: _Lane, room: MailboxRoom) -> bool:
        """Whether the mailbox may still take messages of a lane. A lane that closes stays closed."""
        if lane.is_empty:
            return False
        key, mailbox_id = lane.key, room.mailbox.id
        if key.is_new and room.new_left <= 0:
            return False
        if self._quotas is not None and self._quotas.get((mailbox_id, key.provider), 0) <= 0:
            return False
        return bool(self._accounts(mailbox_id, key))

    def _choose(self, lanes: list[_Lane], at: int) -> Eligible | None:
        while True:
            heads = [(head, lane) for lane in lanes if (head := lane.head(at)) is not None]
            if not heads:
                return None
            head, lane = min(heads, key=_deadline)
            lane.drop_head()
            # The recipient's limits only fill up: a message they refuse now is refused for the day.
            if not self._supply.ledger.refusals(head.eligible.candidate):
                return head.eligible

    def _place(self, eligible: Eligible, room: MailboxRoom, at: int) -> None:
        mailbox_id = room.mailbox.id
        accounts = self._accounts(mailbox_id, eligible.lane)
        room.take(at, is_new=eligible.lane.is_new)
        self._supply.ledger.record(eligible.candidate, room.domain_id, accounts[0], at)
        if self._quotas is not None:
            self._quotas[(mailbox_id, eligible.lane.provider)] -= 1
        self._placed.append(Placed(eligible, mailbox_id, at, accounts))

    def _accounts(self, mailbox_id: MailboxId, key: LaneKey) -> tuple[AccountId, ...]:
        return self._supply.ledger.open_accounts(self._supply.routes.accounts(mailbox_id, key.basis))

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


def _deadline(entry: tuple[_Ready, _Lane]) -> tuple[int, int]:
    return entry[0].closes, entry[0].turn
