"""Who gets which slot: one sweep through the day, the earliest deadline first (rules 2 to 6 at work).

Here belongs the matching of messages and slots. Not here: which messages take part and how many a mailbox should take
in (`phases`), nor what a slot is (`slots`).
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from outreach_pipelines.domain.send_plan.capacity import NEVER, Ledger, MailboxRoom
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.routes import LaneKey, Routes
from outreach_pipelines.domain.send_plan.snapshot import AccountId, MailboxId, RecipientProvider
from outreach_pipelines.domain.send_plan.windows import RecipientDay

Quotas = dict[tuple[MailboxId, RecipientProvider | None], int]
"""How many new leads of a provider a mailbox should take in before others have had their turn."""


class Placed(NamedTuple):
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


_Turn = tuple[int, Eligible]
"""A message and its place in the queue."""
_Ready = tuple[int, int, int, list[_Turn]]
"""People of equal hours who may be written to now, the first of them last: when their window closes, the first one's turn,
which of their windows it is, and they. Turns are unique, so that comparisons end there."""
_Waiting = tuple[int, int, int, int, list[_Turn]]
"""The same with the moment before it at which their window opens."""


class _Lane:
    """Messages that the same mailboxes may carry. Time only goes forward: `turn_to` the present before looking at `ready`,
    the people with the earliest deadline first among those whose window is open. Until `next_change` there is nothing to
    turn, and most looks are over with that comparison."""

    __slots__ = ("_waiting", "key", "next_change", "ready")

    def __init__(self, key: LaneKey, queue: Iterable[_Turn]) -> None:
        self.key = key
        self.next_change = NEVER
        self.ready: list[_Ready] = []
        self._waiting: list[_Waiting] = []
        by_hours: dict[RecipientDay, list[_Turn]] = {}
        for row in queue:
            by_hours.setdefault(row[1].recipient_day, []).append(row)
        for people in by_hours.values():
            people.reverse()
            self._wait(0, people)
        self._look_ahead()

    def turn_to(self, now: int) -> None:
        ready = self.ready
        self._let_in(now)
        while ready and ready[0][0] <= now:
            _, _, span, people = heapq.heappop(ready)
            self._wait(span + 1, people)
            # They may have more open time today, and that may have begun since anyone looked.
            self._let_in(now)
        self._look_ahead()

    def take_head(self) -> Eligible:
        """The first of the people who are ready."""
        closes, _, span, people = self.ready[0]
        _, eligible = people.pop()
        if people:
            heapq.heapreplace(self.ready, (closes, people[-1][0], span, people))
        else:
            heapq.heappop(self.ready)
            self._look_ahead()
        return eligible

    @property
    def is_empty(self) -> bool:
        return not self.ready and not self._waiting

    @property
    def next_opening(self) -> int:
        return self._waiting[0][0] if self._waiting else NEVER

    def _look_ahead(self) -> None:
        self.next_change = min(self.next_opening, self.ready[0][0] if self.ready else NEVER)

    def _let_in(self, now: int) -> None:
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            _, closes, turn, span, people = heapq.heappop(waiting)
            heapq.heappush(self.ready, (closes, turn, span, people))

    def _wait(self, span: int, people: list[_Turn]) -> None:
        turn, eligible = people[-1]
        spans = eligible.recipient_day.usable
        if span < len(spans):
            heapq.heappush(self._waiting, (spans[span].start, spans[span].end, turn, span, people))


class _Desk:
    """A lane as one mailbox serves it, with its accounts that allow the basis and are ready. Desks of one mailbox and
    one recipient provider share their quota: a list of one number, None where nothing is dealt out. `slowed` is what
    holds leave of the lane's messages alone, None where the mailbox's own limits say it all."""

    __slots__ = ("accounts", "lane", "quota", "slowed")

    def __init__(
        self, lane: _Lane, accounts: tuple[AccountId, ...], quota: list[int] | None, slowed: Fraction | None
    ) -> None:
        self.lane = lane
        self.accounts = accounts
        self.quota = quota
        self.slowed = slowed


class Sweep:
    """One pass over the free slots of some mailboxes for some messages, in the order of time.

    Without quotas the pass is maximal: whatever it leaves could take none of the slots it leaves.
    """

    def __init__(
        self, supply: Supply, queue: Sequence[Eligible], mailboxes: Iterable[MailboxId], quotas: Quotas | None
    ) -> None:
        self._supply, self._ledger = supply, supply.ledger
        self._placed: list[Placed] = []
        self._holds = supply.routes.holds.any
        self._desks: dict[MailboxId, list[_Desk]] = {}
        served = frozenset(id_ for id_ in mailboxes if self._has_room(supply.rooms[id_]))
        dealt = None if quotas is None else {key: [count] for key, count in quotas.items() if count > 0}
        apart = dealt is not None or self._holds
        for lane, mailbox_ids in _lanes(queue, supply.routes, served, providers_apart=apart):
            for mailbox_id in mailbox_ids:
                quota = None if dealt is None else dealt.get((mailbox_id, lane.key.provider))
                if dealt is None or quota is not None:
                    accounts = supply.routes.accounts(mailbox_id, lane.key.basis)
                    slowed = supply.routes.slowed(mailbox_id, lane.key)
                    self._desks.setdefault(mailbox_id, []).append(_Desk(lane, accounts, quota, slowed))
        self._close_desks(tuple(self._desks))

    def run(self) -> list[Placed]:
        rooms = self._supply.rooms
        firsts = ((rooms[mailbox_id].slot_from(0), mailbox_id) for mailbox_id, desks in self._desks.items() if desks)
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

    def _has_room(self, room: MailboxRoom) -> bool:
        """Limits only fill up: a mailbox without room is not worth a look."""
        return self._ledger.tenant_left > 0 and self._ledger.domains[room.domain_id] > 0 and room.left > 0

    def _visit(self, room: MailboxRoom, at: int) -> int:
        """Gives the slot to a message if one can have it. Returns when to come back to the mailbox."""
        resume = self._ledger.resume(room, at)
        if resume != at:
            return resume
        desks = self._desks[room.mailbox.id]
        admitted = self._admitted(desks, room, at) if self._holds else desks
        chosen = self._choose(admitted, at)
        if chosen is not None:
            self._place(*chosen, room, at)
            return at + 1
        self._desks[room.mailbox.id] = desks = [desk for desk in desks if not desk.lane.is_empty]
        if self._holds and len(self._admitted(desks, room, at)) < len(desks):
            return at + 1
        return max(at + 1, min((desk.lane.next_opening for desk in desks), default=NEVER))

    def _admitted(self, desks: Iterable[_Desk], room: MailboxRoom, at: int) -> list[_Desk]:
        kept = room.kept_places
        return [desk for desk in desks if desk.slowed is None or kept.admits(at, desk.slowed)]

    def _close_desks(self, mailbox_ids: Iterable[MailboxId]) -> None:
        """Leaves those that may still take messages. Limits only fill up: a desk that closes stays closed."""
        spent = self._ledger.spent_accounts
        for mailbox_id in mailbox_ids:
            no_new = self._supply.rooms[mailbox_id].new_left <= 0
            self._desks[mailbox_id] = [
                desk
                for desk in self._desks[mailbox_id]
                if not (no_new and desk.lane.key.is_new)
                and (desk.quota is None or desk.quota[0] > 0)
                and not spent.issuperset(desk.accounts)
            ]

    def _choose(self, desks: list[_Desk], at: int) -> tuple[Eligible, _Desk] | None:
        refuse = self._ledger.recipients.refuse
        while True:
            first: _Ready | None = None
            for desk in desks:
                lane = desk.lane
                if lane.next_change <= at:
                    lane.turn_to(at)
                # Turns are unique: a comparison never reaches the people.
                if lane.ready and (first is None or lane.ready[0] < first):
                    first, chosen = lane.ready[0], desk
            if first is None:
                return None
            eligible = chosen.lane.take_head()
            # The recipient's limits only fill up: a message they refuse now is refused for the day.
            if not refuse(eligible.candidate):
                return eligible, chosen

    def _place(self, eligible: Eligible, desk: _Desk, room: MailboxRoom, at: int) -> None:
        ledger = self._ledger
        accounts = ledger.open_accounts(desk.accounts)
        room.take(at, is_new=eligible.lane.is_new, slowed=desk.slowed)
        ledger.use_slot(room.domain_id, at)
        ledger.charge(accounts[0])
        ledger.recipients.count(eligible.candidate)
        if desk.quota is not None:
            desk.quota[0] -= 1
        self._placed.append(Placed(eligible, room.mailbox.id, at, accounts))
        if accounts[0] in ledger.spent_accounts:
            self._close_desks(self._desks)
        elif room.new_left <= 0 or (desk.quota is not None and desk.quota[0] <= 0):
            self._close_desks([room.mailbox.id])

    def _clear_used_slots(self) -> None:
        used: dict[MailboxId, list[int]] = {}
        for placed in self._placed:
            used.setdefault(placed.mailbox_id, []).append(placed.due_at)
        for mailbox_id, slots in used.items():
            self._supply.rooms[mailbox_id].drop_slots(slots)


def _lanes(
    queue: Sequence[Eligible], routes: Routes, served: frozenset[MailboxId], *, providers_apart: bool
) -> Iterable[tuple[_Lane, frozenset[MailboxId]]]:
    """Lanes of a queue, whose order breaks ties of deadlines, with those of their mailboxes that are served. Where nothing
    is dealt out by provider, those of one reach are a single lane, which is quicker."""
    rows: dict[tuple[LaneKey, tuple[MailboxId, ...]], list[_Turn]] = {}
    known: dict[LaneKey, list[_Turn] | None] = {}
    for turn, eligible in enumerate(queue):
        key = eligible.lane
        if key not in known:
            shared = key if providers_apart else routes.to_any_provider(key)
            is_served = not served.isdisjoint(eligible.mailbox_ids)
            known[key] = rows.setdefault((shared, eligible.mailbox_ids), []) if is_served else None
        row = known[key]
        if row is not None:
            row.append((turn, eligible))
    return [(_Lane(key, row), served.intersection(mailbox_ids)) for (key, mailbox_ids), row in rows.items()]
