"""Places that are given and taken back at once: some leave, others come, or nothing has happened.

Here belongs the change of all counters for a group of messages. Not here: who is worth it (`trade`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Protocol

from outreach_pipelines.domain.send_plan.assignment import Placed, Supply
from outreach_pipelines.domain.send_plan.capacity import MailboxRoom
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.recipient_limits import Limit
from outreach_pipelines.domain.send_plan.routes import LaneKey
from outreach_pipelines.domain.send_plan.snapshot import DomainId, MailboxId


class Budgets(Protocol):
    """What follow-ups leave for new leads."""

    def more_for_new_leads(self, mailbox_id: MailboxId, messages: int) -> int:
        """By how much the budget grows when so many follow-ups that waited get their slot; below 0 they lose it."""


class Seats:
    """`guarded` caps that are used up stay so, and so do the shares of accounts. Once new leads have their `budgets`, a
    follow-up that comes or goes changes that of its mailbox."""

    def __init__(self, supply: Supply, guarded: frozenset[Limit], budgets: Budgets | None) -> None:
        self._supply, self._guarded, self._budgets = supply, guarded, budgets

    def is_plain(self, mailbox_id: MailboxId, lane: LaneKey) -> bool:
        """Whether no hold makes the order of the mailbox's messages count: else its places stay as they are."""
        routes = self._supply.routes
        return not routes.holds.any or (
            not self._supply.rooms[mailbox_id].kept_places.any and routes.slowed(mailbox_id, lane) is None
        )

    def free(self, eligible: Eligible, domains: Set[DomainId] | None = None) -> Placed | None:
        """A place for somebody, were it not for the recipients' caps: where the most room is left, in some domains or all."""
        ledger, routes, lane = self._supply.ledger, self._supply.routes, eligible.lane
        for room in self._open_rooms(eligible, domains):
            accounts = ledger.open_accounts(routes.accounts(room.mailbox.id, lane.basis))
            if accounts and (at := self._first_slot(room, eligible)) is not None:
                return Placed(eligible, room.mailbox.id, at, accounts)
        return None

    def change(
        self, leaving: Sequence[Placed], coming: Sequence[Eligible], is_crowded: Callable[[Eligible], bool]
    ) -> Sequence[Placed] | Eligible | None:
        """The new places. Else nothing changes: the first one for whom there was no place, or None where a rule about all
        of them speaks against it. Who is crowded finds a place only in the domains of those who leave."""
        recipients = self._supply.ledger.recipients
        spent = set(self._supply.ledger.spent_accounts)
        budgets = {row.mailbox_id: self._supply.rooms[row.mailbox_id].new_left for row in leaving}
        full = [cap for row in leaving for cap in recipients.used_up(row.eligible.candidate)]
        for row in leaving:
            self._lift(row)
        gained = self._seated(coming, is_crowded, {self._supply.rooms[row.mailbox_id].domain_id for row in leaving})
        if (
            len(gained) == len(coming)
            and spent <= self._supply.ledger.spent_accounts
            and all(self._supply.rooms[id_].new_left >= min(0, left) for id_, left in budgets.items())
            and not any(cap in self._guarded and recipients.room(cap) > 0 for cap in full)
        ):
            return gained
        for row in reversed(gained):
            self._lift(row)
        for row in leaving:
            self._seat(row)
        return coming[len(gained)] if len(gained) < len(coming) else None

    def _seated(
        self, coming: Sequence[Eligible], is_crowded: Callable[[Eligible], bool], freed: Set[DomainId]
    ) -> list[Placed]:
        """The first of them, up to the one for whom there is no place."""
        gained: list[Placed] = []
        for eligible in coming:
            domains = freed if is_crowded(eligible) else None
            refused = self._supply.ledger.recipients.refuse(eligible.candidate)
            place = None if refused else self.free(eligible, domains)
            if place is None:
                break
            self._seat(place)
            gained.append(place)
        return gained

    def _open_rooms(self, eligible: Eligible, domains: Set[DomainId] | None) -> Iterator[MailboxRoom]:
        rooms: Iterable[MailboxRoom] = map(self._supply.rooms.__getitem__, eligible.mailbox_ids)
        if domains is not None:
            rooms = (room for room in rooms if room.domain_id in domains)
        if eligible.lane.is_new:
            rooms = sorted(
                [room for room in rooms if room.new_left > 0], key=lambda room: -min(room.left, room.new_left)
            )
        return (room for room in rooms if room.left > 0 and self.is_plain(room.mailbox.id, eligible.lane))

    def _first_slot(self, room: MailboxRoom, eligible: Eligible) -> int | None:
        for span in eligible.recipient_day.usable:
            moment = span.start
            while (at := room.slot_from(moment)) is not None and at < span.end:
                moment = self._supply.ledger.resume(room, at)
                if moment == at:
                    return at
        return None

    def _seat(self, row: Placed) -> None:
        ledger, room, eligible = self._supply.ledger, self._supply.rooms[row.mailbox_id], row.eligible
        room.take(row.due_at, is_new=eligible.lane.is_new)
        room.drop_slots([row.due_at])
        self._follow_up_came(row, 1)
        ledger.use_slot(room.domain_id, row.due_at)
        ledger.charge(row.account_ids[0])
        ledger.recipients.count(eligible.candidate)

    def _lift(self, row: Placed) -> None:
        ledger, room, eligible = self._supply.ledger, self._supply.rooms[row.mailbox_id], row.eligible
        room.give_back(row.due_at)
        room.new_left += eligible.lane.is_new
        self._follow_up_came(row, -1)
        ledger.use_slot(room.domain_id, row.due_at, -1)
        ledger.charge(row.account_ids[0], -1)
        ledger.recipients.count(eligible.candidate, -1)

    def _follow_up_came(self, row: Placed, messages: int) -> None:
        if self._budgets is not None and not row.eligible.lane.is_new:
            self._supply.rooms[row.mailbox_id].new_left += self._budgets.more_for_new_leads(row.mailbox_id, messages)
