"""Whether some messages may change places, and what changes then: caps, budgets and shares of all of them at once.

Here belongs the sum over a chain. Not here: how a chain is found (`exchange`).
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from outreach_pipelines.domain.send_plan.assignment import Placed, Supply
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.recipient_limits import Limit
from outreach_pipelines.domain.send_plan.snapshot import AccountId, EnrollmentId, MailboxId


class Move(NamedTuple):
    """`comer` gets the slot that `owner` had; without an owner it was free."""

    mailbox_id: MailboxId
    at: int
    owner: Placed | None
    comer: Eligible


class Bargain:
    """A chain of moves: the first into a free slot, each next into the slot that the one before has left or lost."""

    def __init__(self, supply: Supply, moves: Sequence[Move], guarded: frozenset[Limit]) -> None:
        self._supply, self._moves, self._guarded = supply, moves, guarded
        self._comers = comers = {move.comer.candidate.enrollment_id: move.comer for move in moves}
        owners = {m.owner.eligible.candidate.enrollment_id: m.owner for m in moves if m.owner is not None}
        self.left = list(owners.values())
        self.dropped = [row for id_, row in owners.items() if id_ not in comers]
        self.joined = [comer for id_, comer in comers.items() if id_ not in owners]

    def agreed(self) -> list[Placed] | None:
        """The new places, or None when a rule speaks against it. Guarded caps and shares that were used up before are
        used up afterwards: nobody who was refused for one could complain."""
        if len(self._comers) < len(self._moves):
            return None
        if not self._budgets_hold() or not self._caps_hold():
            return None
        return self._places()

    def carry_out(self, places: Sequence[Placed], placed: dict[EnrollmentId, Placed]) -> None:
        ledger, (first, *_) = self._supply.ledger, self._moves
        room = self._supply.rooms[first.mailbox_id]
        room.take(first.at, is_new=False)
        room.drop_slots([first.at])
        ledger.use_slot(room.domain_id, first.at)
        for mailbox_id, count in self._new_leads().items():
            self._supply.rooms[mailbox_id].new_left -= count
        for row in self.left:
            ledger.charge(row.account_ids[0], -1)
            del placed[row.eligible.candidate.enrollment_id]
        for row in self.dropped:
            ledger.recipients.count(row.eligible.candidate, -1)
        for comer in self.joined:
            ledger.recipients.count(comer.candidate)
        for row in places:
            ledger.charge(row.account_ids[0])
            placed[row.eligible.candidate.enrollment_id] = row

    def _budgets_hold(self) -> bool:
        return all(count <= max(0, self._supply.rooms[id_].new_left) for id_, count in self._new_leads().items())

    def _new_leads(self) -> Counter[MailboxId]:
        """How many more new leads each mailbox takes in."""
        more: Counter[MailboxId] = Counter()
        for move in self._moves:
            more[move.mailbox_id] += move.comer.lane.is_new
            more[move.mailbox_id] -= move.owner is not None and move.owner.eligible.lane.is_new
        return more

    def _caps_hold(self) -> bool:
        recipients = self._supply.ledger.recipients
        more: Counter[Limit] = Counter()
        for comer in self.joined:
            more.update(recipients.caps_on(comer.candidate))
        for row in self.dropped:
            more.subtract(recipients.caps_on(row.eligible.candidate))
        people = {comer.candidate.recipient for comer in self.joined}
        return len(people) == len(self.joined) and all(
            _holds(recipients.room(cap), n) or (n <= 0 and cap not in self._guarded) for cap, n in more.items()
        )

    def _places(self) -> list[Placed] | None:
        """Each with its accounts, charged one after the other."""
        ledger = self._supply.ledger
        more: Counter[AccountId] = Counter()
        more.subtract(row.account_ids[0] for row in self.left)
        places: list[Placed] = []
        for move in self._moves:
            if self._supply.routes.slowed(move.mailbox_id, move.comer.lane) is not None:
                return None  # where in the day a slowed message may stand depends on all that stand before it
            accounts = self._supply.routes.accounts(move.mailbox_id, move.comer.lane.basis)
            open_ones = tuple(id_ for id_ in accounts if ledger.share(id_) > more[id_])
            if not open_ones:
                return None
            more[open_ones[0]] += 1
            places.append(Placed(move.comer, move.mailbox_id, move.at, open_ones))
        return places if all(_holds(ledger.share(id_), n) for id_, n in more.items()) else None


def _holds(room: int, more: int) -> bool:
    """What is not beyond its room, and not open again once it was full."""
    return more <= room if room > 0 else more == 0
