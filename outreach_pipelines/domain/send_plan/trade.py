"""One message given up for two: who uses up several caps at once may keep back more people than it is worth.

Of a company that has had its number, one person counts against a provider's cap too. Without that person a colleague
elsewhere could be written to, and somebody of another company at that provider. So whoever waits asks somebody placed to
leave, and each that leaves lets others in, as long as the last of them counts against nothing else that is used up.

Here belongs the search along caps. Not here: slots that change hands (`exchange`), places given and taken back (`seats`).
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from outreach_pipelines.domain.send_plan.assignment import Placed, Supply
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.routes import LaneKey
from outreach_pipelines.domain.send_plan.seats import Seats
from outreach_pipelines.domain.send_plan.snapshot import EnrollmentId, MailboxId, RecipientKey
from outreach_pipelines.domain.send_plan.windows import RecipientDay

LONGEST = 2
"""Messages that are given up in one trade."""
PATIENCE = 40
"""Looks at people, for each message of the rank, at most."""
IN_VAIN = 15_000
"""Looks since something was gained: then the search is over, however large the day."""
TRIAL = 20
"""What a trade that is tried in earnest costs in looks."""
TRIED = 3
"""Of those who wait for the same, so many may come."""

Tie = tuple[Constraint, str | int]
"""A limit that is used up, and whom it is about: on the recipients' side, of a sending domain, or of whatever mailboxes
somebody could use."""
Ties = frozenset[Tie]


@dataclass(frozen=True, slots=True)
class Claims:
    """Everybody who may be in a trade, by rank, the first ranks first: none of them loses a message to a later one. Nobody
    leaves a mailbox of `held`, where others wait for a slot, and none of `repeated` persons leaves."""

    ranks: Sequence[Sequence[Eligible]]
    held: Set[MailboxId]
    repeated: frozenset[RecipientKey]


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """Those of one rank who wait for the same, in their order; `order` is that of the lines."""

    rank: int
    ties: Ties
    order: tuple[int, int]
    people: deque[Eligible]


class _Trade(NamedTuple):
    """`leaving` and those who come for them; `freed` is what nobody has taken of it yet."""

    leaving: tuple[Placed, ...]
    coming: tuple[Eligible, ...]
    freed: Ties


class Trades:
    """One search for a rank, after its sweeps and its exchange of slots."""

    def __init__(self, supply: Supply, placed: dict[EnrollmentId, Placed], claims: Claims, seats: Seats) -> None:
        self._supply, self._placed, self._claims, self._seats = supply, placed, claims, seats
        self._rank_of: dict[EnrollmentId, int] = {}
        for place, rank in enumerate(claims.ranks):
            self._rank_of |= dict.fromkeys([e.candidate.enrollment_id for e in rank], place)
        self._looks, self._stock, self._longest = 0, 0, 0
        self._own: dict[EnrollmentId, Ties] = {}
        self._failed: Counter[EnrollmentId] = Counter()
        self._lines: dict[tuple[int, tuple[Tie, ...]], _Line] = {}
        self._lines_at: dict[Tie, list[_Line]] = defaultdict(list)
        self._standing: dict[Tie, dict[EnrollmentId, Placed]] = defaultdict(dict)
        self._dead: set[tuple[Ties, tuple[int, ...]]] = set()
        self._has_no_seat: dict[tuple[LaneKey, RecipientDay], bool] = {}
        self._known_lines: dict[Ties, Sequence[_Line]] = {}
        self._ties_of_places: dict[tuple[MailboxId, bool], Ties] = {}

    def run(self) -> bool:
        """Changes `placed` and what is left, and tells whether it did."""
        if self._supply.ledger.tenant_left <= 0:
            return False
        self._look_around()
        before = len(self._placed)
        for self._longest in range(1, LONGEST + 1):
            self._stock, self._looks = PATIENCE * len(self._rank_of), 0
            self._refill()
            self._pass()
        return len(self._placed) > before

    def _refill(self) -> None:
        """Whoever gains may go on looking; who has found nothing for so long stops."""
        self._stock += self._looks
        self._looks = min(IN_VAIN, self._stock)
        self._stock -= self._looks

    def _pass(self) -> None:
        """The short trades of everybody come before the long ones of anybody."""
        for line in sorted(self._lines.values(), key=_in_order):
            for eligible in tuple(line.people) if line.ties else ():
                if self._looks <= 0:
                    return
                if self._is_hopeful(eligible):
                    self._seek(eligible, line.ties)

    def _is_hopeful(self, eligible: Eligible) -> bool:
        id_ = eligible.candidate.enrollment_id
        return id_ not in self._placed and self._failed.get(id_, 0) < TRIED

    def _look_around(self) -> None:
        rows: list[Placed] = []
        for rank in self._claims.ranks:
            for eligible in rank:
                row = self._placed.get(eligible.candidate.enrollment_id)
                if row is None:
                    self._line_up(eligible)
                else:
                    rows.append(row)
        for row in rows if self._lines_at else ():
            self._stand(row)

    def _stand(self, row: Placed) -> None:
        """Among those who free what others wait for, if it may leave."""
        if not self._may_leave(row):
            return
        id_, ties = row.eligible.candidate.enrollment_id, self._ties(row)
        for tie in ties:
            if tie in self._lines_at:
                self._own[id_] = ties
                self._standing[tie][id_] = row

    def _may_leave(self, row: Placed) -> bool:
        return (
            row.eligible.candidate.recipient not in self._claims.repeated
            and row.mailbox_id not in self._claims.held
            and self._seats.is_plain(row.mailbox_id, row.eligible.lane)
        )

    def _line_up(self, eligible: Eligible) -> None:
        recipients = self._supply.ledger.recipients
        if recipients.press(eligible.candidate):
            return
        rank = self._rank_of[eligible.candidate.enrollment_id]
        ties: list[Tie] = [*recipients.used_up(eligible.candidate)]
        if self._is_crowded(eligible):
            ties.append(self._place_tie(eligible))
        line = self._lines.get((rank, tuple(ties)))
        if line is None:
            line = self._lines[rank, tuple(ties)] = _Line(rank, frozenset(ties), (rank, len(self._lines)), deque())
            for tie in ties:
                self._lines_at[tie].append(line)
            self._known_lines.clear()
        line.people.append(eligible)

    def _is_crowded(self, eligible: Eligible) -> bool:
        """Whether there was no place for those of its lane and hours when the first of them waited."""
        key = eligible.lane, eligible.recipient_day
        if key not in self._has_no_seat:
            self._has_no_seat[key] = self._seats.free(eligible) is None
        return self._has_no_seat[key]

    def _place_tie(self, eligible: Eligible) -> Tie:
        if eligible.lane.is_new:
            return Constraint.NEW_LEAD_BUDGET, eligible.lane.pool_id
        room = self._supply.rooms[eligible.mailbox_ids[0]]
        if self._supply.ledger.domains[room.domain_id] <= 0:
            return Constraint.DOMAIN_CAP, room.domain_id
        return Constraint.MAILBOX_CAP, room.mailbox.id

    def _ties(self, row: Placed) -> Ties:
        """All that is used up, in part by this message."""
        domain_id = self._supply.rooms[row.mailbox_id].domain_id
        place = row.mailbox_id, self._supply.ledger.domains[domain_id] <= 0
        ties = self._ties_of_places.get(place)
        if ties is None:
            own: list[Tie] = [(Constraint.MAILBOX_CAP, row.mailbox_id)]
            own.append((Constraint.NEW_LEAD_BUDGET, row.eligible.lane.pool_id))
            if place[1]:
                own.append((Constraint.DOMAIN_CAP, domain_id))
            ties = self._ties_of_places[place] = frozenset(own)
        used_up = self._supply.ledger.recipients.used_up(row.eligible.candidate)
        return ties.union(used_up) if used_up else ties

    def _seek(self, eligible: Eligible, ties: Ties) -> None:
        """A place for somebody who waits, if one can be had."""
        self._dead.clear()
        for trade in self._trades(_Trade((), (eligible,), frozenset()), ties):
            if self._carried_out(trade):
                return

    def _trades(self, trade: _Trade, missing: Ties) -> Iterator[_Trade]:
        """Ways on in which somebody leaves who frees all that is missing."""
        left = frozenset(row.eligible.candidate.enrollment_id for row in trade.leaving)
        ties = missing if len(missing) == 1 else sorted(missing, key=str)
        rows = min((self._standing[tie] for tie in ties), key=len)
        for id_, row in rows.items():
            self._looks -= 1
            if self._looks < 0:
                return
            if id_ not in left and missing <= (own := self._own[id_]):
                freed = (trade.freed | own) - missing
                if self._lines_of(freed):
                    yield from self._ways_on(_Trade((*trade.leaving, row), trade.coming, freed))

    def _ways_on(self, trade: _Trade) -> Iterator[_Trade]:
        """Somebody comes for what has been freed: with it alone that is a trade, else another one has to leave."""
        debts = self._debts(trade)
        state = trade.freed, debts
        if state in self._dead:
            return
        self._dead.add(state)
        for line in self._lines_of(trade.freed):
            self._looks -= 1
            missing = line.ties - trade.freed
            may_come = len(trade.leaving) < self._longest if missing else _pays(debts, line.rank)
            for comer in self._first_of(line.people, trade.coming) if may_come else ():
                found = _Trade(trade.leaving, (*trade.coming, comer), trade.freed - line.ties)
                if missing:
                    yield from self._trades(found, missing)
                else:
                    yield found

    def _lines_of(self, freed: Ties) -> Sequence[_Line]:
        """Of those who wait for any of these. Many trades free the same."""
        known = self._known_lines.get(freed)
        if known is None:
            lines = {line for tie in freed for line in self._lines_at.get(tie, ())}
            known = self._known_lines[freed] = sorted(lines, key=_in_order)
        return known

    def _first_of(self, line: deque[Eligible], coming: Sequence[Eligible]) -> Sequence[Eligible]:
        while line and not self._is_hopeful(line[0]):
            line.popleft()
        found: list[Eligible] = []
        for eligible in line:
            if self._is_hopeful(eligible) and eligible not in coming:
                found.append(eligible)
                if len(found) == TRIED:
                    break
        return found

    def _debts(self, trade: _Trade) -> tuple[int, ...]:
        """How many messages each rank with those before it would lose."""
        lost = [0] * len(self._claims.ranks)
        for row in trade.leaving:
            lost[self._rank_of[row.eligible.candidate.enrollment_id]] += 1
        for eligible in trade.coming:
            lost[self._rank_of[eligible.candidate.enrollment_id]] -= 1
        return tuple(accumulate(lost))

    def _carried_out(self, trade: _Trade) -> bool:
        self._looks -= TRIAL
        gained = self._seats.change(trade.leaving, trade.coming, self._is_crowded)
        if isinstance(gained, Eligible):
            self._failed[gained.candidate.enrollment_id] += 1
        if gained is None or isinstance(gained, Eligible):
            return False
        self._refill()
        for row in trade.leaving:
            del self._placed[row.eligible.candidate.enrollment_id]
            for tie in self._own[row.eligible.candidate.enrollment_id]:
                self._standing[tie].pop(row.eligible.candidate.enrollment_id, None)
            self._line_up(row.eligible)
        for row in gained:
            self._placed[row.eligible.candidate.enrollment_id] = row
            self._stand(row)
        return True


def _pays(debts: Sequence[int], rank: int) -> bool:
    """Whether one message more of this rank leaves no rank with a loss."""
    return all(debt <= (place >= rank) for place, debt in enumerate(debts))


_in_order = attrgetter("order")
