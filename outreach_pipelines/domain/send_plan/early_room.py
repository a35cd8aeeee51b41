"""Early room for messages that a hold slows: who is slowed less, or not at all, leaves later in the same mailbox.

A slowed message may leave while little of its mailbox's cap is used. Sweeps go forward in time, and so others stand in
that early room who have time later as well. Here belongs moving them to their latest slot. Not here: who gets the room
that is left by that (`assignment`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from fractions import Fraction

from outreach_pipelines.domain.send_plan.assignment import Placed, Supply
from outreach_pipelines.domain.send_plan.capacity import MailboxRoom
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.holds import NOTHING_HELD
from outreach_pipelines.domain.send_plan.snapshot import EnrollmentId, MailboxId


class EarlyRoom:
    """Changes `placed`: the times of messages, never who is placed or from where."""

    def __init__(self, supply: Supply, placed: dict[EnrollmentId, Placed]) -> None:
        self._supply, self._placed = supply, placed

    def clear(self, waiting: Iterable[Eligible], held: Set[MailboxId]) -> bool:
        """Whether anybody left early room to those who are slowed and wait. In `held` mailboxes all keep their slots."""
        wanted = self._wanted(waiting)
        ids = [id_ for id_ in sorted(wanted) if id_ not in held and self._supply.rooms[id_].left > 0]
        if not ids:
            return False
        at: Mapping[MailboxId, list[Placed]] = defaultdict(list)
        for row in self._placed.values():
            at[row.mailbox_id].append(row)
        return sum(self._clear(self._supply.rooms[id_], at[id_], wanted[id_]) for id_ in ids) > 0

    def _wanted(self, waiting: Iterable[Eligible]) -> Mapping[MailboxId, Fraction]:
        """By mailbox, what is left of the cap to those whom holds slow most."""
        wanted: dict[MailboxId, Fraction] = {}
        refuse = self._supply.ledger.recipients.refuse
        for lane, mailbox_ids in {(e.lane, e.mailbox_ids) for e in waiting if not refuse(e.candidate)}:
            for id_ in mailbox_ids:
                slowed = self._supply.routes.slowed(id_, lane)
                if slowed is not None and not (lane.is_new and self._supply.rooms[id_].new_left <= 0):
                    wanted[id_] = min(slowed, wanted.get(id_, NOTHING_HELD))
        return wanted

    def _clear(self, room: MailboxRoom, rows: Sequence[Placed], least: Fraction) -> int:
        """How many have gone to a later slot."""
        factors = [(self._supply.routes.slowed(room.mailbox.id, row.eligible.lane), row) for row in rows]
        yielding = [(f, row) for f, row in factors if f is None or f > least]
        yielding.sort(key=lambda each: (each[0] is not None, -each[1].due_at))
        return sum(self._delay(room, row, slowed) for slowed, row in yielding)

    def _delay(self, room: MailboxRoom, row: Placed, slowed: Fraction | None) -> bool:
        room.leave(row.due_at, slowed)
        at = next(self._later(room, row, slowed), row.due_at)
        # A new lead was counted as one when it got its first slot.
        room.take(at, is_new=False, slowed=slowed)
        room.drop_slots([at])
        if at == row.due_at:
            return False
        self._supply.ledger.use_minute(row.due_at, -1)
        self._supply.ledger.use_minute(at)
        self._placed[row.eligible.candidate.enrollment_id] = row._replace(due_at=at)
        return True

    def _later(self, room: MailboxRoom, row: Placed, slowed: Fraction | None) -> Iterator[int]:
        """Slots of the same date at which the message may leave as well, the latest first."""
        date = room.date_room(row.due_at)
        for at in reversed(room.slots_within(row.eligible.recipient_day.usable)):
            if at <= row.due_at:
                return
            admitted = slowed is None or room.kept_places.admits(at, slowed)
            if admitted and room.date_room(at) is date and self._supply.ledger.resume(room, at) == at:
                yield at
