"""One more message of a mailbox where another of it moves: room by date and by 24 hours changes hands.

Who has open time early and late may stand early, in the room that somebody needs who has early time alone. Here belongs
moving one message within its mailbox. Not here: slots that change hands (`exchange`).
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from outreach_pipelines.domain.send_plan.assignment import Placed, Supply
from outreach_pipelines.domain.send_plan.capacity import MailboxRoom
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.windows import RecipientDay


class Shifted(NamedTuple):
    """`before` now stands as `after`, and so `gained` has a slot."""

    before: Placed
    after: Placed
    gained: Placed


class Shifts:
    """Of one mailbox. Frees the slot of whoever moves."""

    def __init__(self, supply: Supply, room: MailboxRoom) -> None:
        self._supply, self._room = supply, room

    def first(self, placed: Iterable[Placed], waiting: list[Eligible], free: list[int]) -> Shifted | None:
        """Of all moves to one of the `free` slots, the first that gives one of those who wait a slot. They wait in vain
        as things are."""
        tried: set[tuple[RecipientDay, int]] = set()
        for row in placed:
            if self._supply.ledger.minute_is_full(row.due_at):
                continue
            for later in reversed(free):
                kind = row.eligible.recipient_day, later
                if kind not in tried and _is_open(row.eligible, later):
                    tried.add(kind)
                    found = self._moved(row, later, waiting)
                    if found is not None:
                        return found
        return None

    def _moved(self, row: Placed, later: int, waiting: list[Eligible]) -> Shifted | None:
        room, ledger = self._room, self._supply.ledger
        room.give_back(row.due_at)
        room.take(later, is_new=False)
        room.drop_slots([later])
        for eligible in waiting:
            at = next(self._free(eligible), None)
            if at is not None:
                ledger.use_minute(row.due_at, -1)
                ledger.use_minute(later)
                return Shifted(
                    row, Placed(row.eligible, row.mailbox_id, later, row.account_ids), self._give(eligible, at)
                )
        room.give_back(later)
        room.take(row.due_at, is_new=False)
        room.drop_slots([row.due_at])
        return None

    def _free(self, eligible: Eligible) -> Iterator[int]:
        for span in eligible.recipient_day.usable:
            moment = span.start
            while (at := self._room.slot_from(moment)) is not None and at < span.end:
                moment = self._supply.ledger.resume(self._room, at)
                if moment == at:
                    yield at
                    moment += 1

    def _give(self, eligible: Eligible, at: int) -> Placed:
        room, ledger, lane = self._room, self._supply.ledger, eligible.lane
        accounts = ledger.open_accounts(self._supply.routes.accounts(room.mailbox.id, lane.basis))
        room.take(at, is_new=lane.is_new)
        room.drop_slots([at])
        ledger.use_slot(room.domain_id, at)
        ledger.charge(accounts[0])
        ledger.recipients.count(eligible.candidate)
        return Placed(eligible, room.mailbox.id, at, accounts)


def _is_open(eligible: Eligible, moment: int) -> bool:
    return any(span.start <= moment < span.end for span in eligible.recipient_day.usable)
