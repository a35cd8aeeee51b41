"""One more message where somebody placed can make room for somebody who waits: slots and caps change hands.

A sweep never takes a slot back. What it leaves free may suit nobody who waits, and yet suit somebody placed, whose own
slot suits one who waits. So a free slot wanders: whoever takes it leaves another one, until somebody who waits can have
it. Each chain gains a message; a message is given up only for another of the same rank that counts against its caps.

Here belongs the search for chains. Not here: who is of one rank (`phases`), what a chain may do (`bargain`).
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Optional

from outreach_pipelines.domain.send_plan.assignment import Placed, Supply
from outreach_pipelines.domain.send_plan.bargain import Bargain, Move
from outreach_pipelines.domain.send_plan.capacity import MailboxRoom
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.recipient_limits import Limit
from outreach_pipelines.domain.send_plan.shift import Shifted, Shifts
from outreach_pipelines.domain.send_plan.snapshot import Candidate, EnrollmentId, MailboxId, RecipientKey
from outreach_pipelines.domain.send_plan.standing import Alike, Standing

LONGEST = 3
"""Messages that make room for one that is gained."""
PATIENCE = 20
"""Looks at a placed message, for each message of the rank, at most: what is rarer than that is not found."""


class _Hole(NamedTuple):
    """A slot that somebody could have: a free one, or that of `owner`, if that one gets what `mover` gets of the hole
    before: `mover` is the owner itself, or who takes its place under a cap."""

    mailbox_id: MailboxId
    at: int
    stretch: int
    owner: Placed | None
    mover: Eligible | None
    before: Optional["_Hole"]
    length: int


@dataclass(frozen=True, slots=True)
class Rank:
    """Messages of one rank in their order. Follow-ups of `held` mailboxes keep their slots: others of the same mailbox
    wait, and have the first claim. So have those of ranks before to `guarded` caps, which stay used up. Whoever is one
    of `repeated` persons is not given up for another."""

    queue: Sequence[Eligible]
    is_new: bool
    held: frozenset[MailboxId]
    guarded: frozenset[Limit]
    repeated: frozenset[RecipientKey]


class Exchange:
    """One search over the free slots that a rank's sweeps have left."""

    def __init__(self, supply: Supply, placed: dict[EnrollmentId, Placed], rank: Rank) -> None:
        self._supply, self._placed, self._rank = supply, placed, rank
        self._recipients = supply.ledger.recipients
        self._dead: set[object] = set()
        self._opened = False
        self._looks = PATIENCE * len(rank.queue)

    def run(self) -> bool:
        """Changes `placed` and what is left, and tells whether a slot or a cap is open again by that, so that others of
        this rank might have it."""
        if not any(map(self._has_room, self._rooms_of_waiting())):
            return False
        for mailbox_id in self._standing.mailbox_ids():
            room = self._supply.rooms[mailbox_id]
            if self._has_room(room):
                self._shift(room)
                self._fill(room)
        return self._opened

    @cached_property
    def _standing(self) -> Standing:
        # Looking everybody up takes longer than most searches: not before there is a slot to search for.
        return Standing(self._rank.queue, self._placed, self._recipients)

    def _rooms_of_waiting(self) -> Iterator[MailboxRoom]:
        waiting = (e for e in self._rank.queue if e.candidate.enrollment_id not in self._placed)
        ids = frozenset().union(*{e.lane: e.mailbox_ids for e in waiting}.values())
        return map(self._supply.rooms.__getitem__, ids)

    def _has_room(self, room: MailboxRoom) -> bool:
        return room.left > 0 and (room.new_left > 0 or not self._rank.is_new)

    def _shift(self, room: MailboxRoom) -> None:
        """Moves messages within the mailbox as long as somebody who waits gets a slot by that."""
        id_ = room.mailbox.id
        if id_ in self._rank.held or self._supply.routes.holds.any:
            return
        shifts = Shifts(self._supply, room)
        while self._has_room(room) and (waiting := self._waiting_at(id_)) and (free := self._free(room)):
            self._looks -= len(waiting)
            rows = sorted(self._standing.at(id_), key=lambda row: row.due_at)
            found = shifts.first(rows, waiting, free)
            if found is None or self._looks < 0:
                break
            self._note(found)

    def _waiting_at(self, mailbox_id: MailboxId) -> list[Eligible]:
        ledger, routes = self._supply.ledger, self._supply.routes
        waiting = self._standing.takers(mailbox_id, None)
        return [e for e in waiting if ledger.open_accounts(routes.accounts(mailbox_id, e.lane.basis))]

    def _note(self, found: Shifted) -> None:
        self._opened = True
        self._standing.lift(found.before)
        self._standing.leave(found.gained.eligible)
        for row in (found.after, found.gained):
            self._placed[row.eligible.candidate.enrollment_id] = row
            self._standing.put(row)

    def _free(self, room: MailboxRoom) -> list[int]:
        """Of each stretch the first free slot that no cap closes."""
        free: dict[int, int] = {}
        at = 0
        while (found := self._free_from(room, at)) is not None:
            stretch = self._standing.stretches.of(found)
            free[stretch] = found
            end = self._standing.stretches.end_of(stretch)
            if end is None:
                break
            at = end
        return list(free.values())

    def _fill(self, room: MailboxRoom) -> None:
        at = 0
        while (found := self._free_from(room, at)) is not None:
            stretch = self._standing.stretches.of(found)
            if self._gained(_Hole(room.mailbox.id, found, stretch, None, None, None, 0)):
                at = found + 1
                continue
            end = self._standing.stretches.end_of(stretch)
            if end is None:
                return
            at = end

    def _free_from(self, room: MailboxRoom, moment: int) -> int | None:
        """The next free slot that no cap closes."""
        while (at := room.slot_from(moment)) is not None:
            moment = self._supply.ledger.resume(room, at)
            if moment == at:
                return at
        return None

    def _gained(self, free: _Hole) -> bool:
        """Whether the free slot has found its way to somebody who waits: the shortest way there is."""
        if _place(free) in self._dead:
            return False
        seen: set[object] = {_place(free)}
        line = deque([free])
        while line and self._looks > 0:
            hole = line.popleft()
            if self._taken(hole):
                return True
            if hole.length < LONGEST:
                line.extend(self._after(hole, seen))
        # What led nowhere leads nowhere later: slots and caps only fill up.
        self._dead |= seen
        return False

    def _taken(self, hole: _Hole) -> bool:
        for comer in self._standing.takers(hole.mailbox_id, hole.stretch):
            bargain = Bargain(self._supply, list(_chain(hole, comer)), self._rank.guarded)
            places = bargain.agreed()
            if places is not None:
                self._carry_out(bargain, places)
                return True
        return False

    def _carry_out(self, bargain: Bargain, places: Sequence[Placed]) -> None:
        for row in bargain.left:
            self._standing.lift(row)
        for comer in bargain.joined:
            self._standing.leave(comer)
        bargain.carry_out(places, self._placed)
        self._opened |= bool(bargain.dropped)
        for row in places:
            self._standing.put(row)
        for row in bargain.dropped:
            self._standing.line_up(row.eligible)

    def _after(self, hole: _Hole, seen: set[object]) -> Iterator[_Hole]:
        """The holes that are left if somebody goes to this one, but for those that were `seen`."""
        for alike, mover in self._leaving(hole, seen):
            row = alike.first
            self._looks -= alike.messages
            place = row.mailbox_id, alike.stretch, row.eligible.lane.is_new
            if place not in seen and place not in self._dead:
                seen.add(place)
                yield _Hole(row.mailbox_id, row.due_at, alike.stretch, row, mover, hole, hole.length + 1)

    def _leaving(self, hole: _Hole, seen: set[object]) -> Iterator[tuple[Alike, Eligible]]:
        """Who could leave its slot, and who goes to the hole then: itself, or another one in its place under a cap."""
        for alike in self._movable(hole):
            yield alike, alike.first.eligible
        for eligible, limits in self._standing.refused(hole.mailbox_id, hole.stretch):
            if limits not in seen and limits not in self._dead:
                seen.add(limits)
                for row in self._replaceable(limits):
                    yield Alike(row, self._standing.stretches.of(row.due_at), 1), eligible

    def _movable(self, hole: _Hole) -> Iterator[Alike]:
        suits, held = self._standing.stretches.suits, hole.mailbox_id in self._rank.held
        for alike in self._standing.alike_at(hole.mailbox_id):
            eligible = alike.first.eligible
            if suits(eligible.recipient_day, hole.stretch) and (eligible.lane.is_new or not held):
                yield alike
        yield from self._standing.elsewhere(hole.mailbox_id, hole.stretch)

    def _replaceable(self, limits: tuple[Limit, ...]) -> Iterator[Placed]:
        """Those who count against all of these caps."""
        for row in self._standing.counted(limits[0]):
            candidate = row.eligible.candidate
            if candidate.recipient not in self._rank.repeated and self._may_open(candidate, limits):
                yield row

    def _may_open(self, candidate: Candidate, limits: tuple[Limit, ...]) -> bool:
        guarded = self._rank.guarded
        # That it counts against the first of them is how it was found.
        if len(limits) > 1 and not frozenset(self._recipients.caps_on(candidate)).issuperset(limits):
            return False
        return not guarded or all(cap in limits or cap not in guarded for cap in self._recipients.used_up(candidate))


def _place(hole: _Hole) -> tuple[MailboxId, int, bool]:
    """What makes holes alike."""
    return hole.mailbox_id, hole.stretch, hole.owner is not None and hole.owner.eligible.lane.is_new


def _chain(hole: _Hole, comer: Eligible) -> Iterator[Move]:
    """From the free slot to the hole that `comer` gets."""
    if hole.before is not None and hole.mover is not None:
        yield from _chain(hole.before, hole.mover)
    yield Move(hole.mailbox_id, hole.at, hole.owner, comer)


def repeated_persons(eligible: Iterable[Eligible]) -> frozenset[RecipientKey]:
    """Those with more than one message today."""
    counts = Counter(e.candidate.recipient for e in eligible)
    return frozenset(person for person, count in counts.items() if count > 1)
