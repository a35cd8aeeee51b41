"""Who waits, who is refused and who stands where, while slots change hands.

Here belong the look-ups of an exchange, by lane, hours and cap. Not here: which chain is sought (`exchange`), nor
whether it may be (`bargain`).
"""

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from outreach_pipelines.domain.send_plan.assignment import Placed
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.recipient_limits import Limit, RecipientLimits
from outreach_pipelines.domain.send_plan.routes import LaneKey
from outreach_pipelines.domain.send_plan.snapshot import EnrollmentId, MailboxId
from outreach_pipelines.domain.send_plan.windows import RecipientDay

Rows = dict[EnrollmentId, Placed]
_Line = deque[Eligible]


class Alike(NamedTuple):
    """So many messages of one mailbox, hours and stretch, all new leads or none: the first stands for all of them."""

    first: Placed
    stretch: int
    messages: int


class Stretches:
    """The day cut wherever anybody's open time begins or ends: within a stretch, all moments suit the same people."""

    def __init__(self, days: Iterable[RecipientDay]) -> None:
        kinds = dict.fromkeys(days)
        self._bounds = sorted({moment for day in kinds for span in day.usable for moment in span})
        self._open = {day: self._within(day) for day in kinds}

    def of(self, moment: int) -> int:
        return bisect_right(self._bounds, moment)

    def end_of(self, stretch: int) -> int | None:
        """None for what lies behind everybody's open time."""
        return self._bounds[stretch] if stretch < len(self._bounds) else None

    def suits(self, day: RecipientDay, stretch: int) -> bool:
        return stretch in self._open[day]

    def _within(self, day: RecipientDay) -> frozenset[int]:
        return frozenset(n for span in day.usable for n in range(self.of(span.start), self.of(span.end - 1) + 1))


class Standing:
    """Those of `queue` without a slot by lane and hours, in their order; those with one by mailbox and by lane; of the
    queue's own also by the caps they count against."""

    def __init__(
        self, queue: Sequence[Eligible], placed: Mapping[EnrollmentId, Placed], limits: RecipientLimits
    ) -> None:
        self._limits = limits
        self._queue = frozenset(e.candidate.enrollment_id for e in queue)
        days = [e.recipient_day for e in queue]
        self.stretches = Stretches([*days, *(row.eligible.recipient_day for row in placed.values())])
        self._lanes_at: dict[MailboxId, list[LaneKey]] = defaultdict(list)
        self._waiting: dict[LaneKey, dict[RecipientDay, _Line]] = {}
        self._refused: dict[LaneKey, dict[tuple[RecipientDay, tuple[Limit, ...]], _Line]] = {}
        self._at: dict[MailboxId, Rows] = defaultdict(dict)
        self._alike_at: dict[MailboxId, Sequence[Alike]] = {}
        self._alike: dict[LaneKey, dict[tuple[RecipientDay, int], Rows]] = {}
        self._counted: dict[Limit, Rows] | None = None
        for eligible in queue:
            if eligible.candidate.enrollment_id not in placed:
                self.line_up(eligible)
        for row in placed.values():
            self.put(row)

    def mailbox_ids(self) -> Sequence[MailboxId]:
        """Those that somebody without a slot could use."""
        lanes = frozenset(lane for lane in self._waiting if self._waiting[lane] or self._refused[lane])
        return sorted(id_ for id_, own in self._lanes_at.items() if not lanes.isdisjoint(own))

    def line_up(self, eligible: Eligible) -> None:
        """Among those who wait, or among those whom a cap refuses."""
        self._know(eligible)
        if self._limits.refuse(eligible.candidate):
            self._set_aside(eligible)
        else:
            self._waiting[eligible.lane].setdefault(eligible.recipient_day, deque()).append(eligible)

    def leave(self, eligible: Eligible) -> None:
        """The first of a line has got a slot."""
        line = self._waiting[eligible.lane].get(eligible.recipient_day)
        if line and line[0] is eligible:
            line.popleft()
            return
        for (day, _), refused in self._refused[eligible.lane].items():
            if day is eligible.recipient_day and refused and refused[0] is eligible:
                refused.popleft()
                return

    def takers(self, mailbox_id: MailboxId, stretch: int | None) -> Iterator[Eligible]:
        """The first of each line that could use a slot there and then; None is at any time."""
        for lane in self._lanes_at[mailbox_id]:
            for day, line in self._waiting[lane].items():
                suits = stretch is None or self.stretches.suits(day, stretch)
                if line and suits and self._drop_refused(line):
                    yield line[0]

    def refused(self, mailbox_id: MailboxId, stretch: int) -> Iterator[tuple[Eligible, tuple[Limit, ...]]]:
        """The first of each line that could use a slot there and then, were it not for these caps."""
        for lane in self._lanes_at[mailbox_id]:
            for (day, limits), line in self._refused[lane].items():
                if line and self.stretches.suits(day, stretch):
                    yield line[0], limits

    def at(self, mailbox_id: MailboxId) -> Iterable[Placed]:
        return self._at[mailbox_id].values()

    def alike_at(self, mailbox_id: MailboxId) -> Sequence[Alike]:
        """All of a mailbox, in the order of the first ones."""
        known = self._alike_at.get(mailbox_id)
        if known is None:
            groups: dict[tuple[RecipientDay, int, bool], list[Placed]] = {}
            for row in self.at(mailbox_id):
                groups.setdefault((*self._kind(row), row.eligible.lane.is_new), []).append(row)
            known = [Alike(rows[0], stretch, len(rows)) for (_, stretch, _), rows in groups.items()]
            self._alike_at[mailbox_id] = known
        return known

    def elsewhere(self, mailbox_id: MailboxId, stretch: int) -> Iterator[Alike]:
        """Of new leads of the same lane, hours and stretch, one that could be at this mailbox then instead."""
        for lane in self._lanes_at[mailbox_id]:
            for (day, own), rows in self._alike[lane].items():
                if own != stretch and rows and self.stretches.suits(day, stretch):
                    yield Alike(next(iter(rows.values())), own, 1)

    def counted(self, limit: Limit) -> Iterable[Placed]:
        if self._counted is None:
            self._counted = defaultdict(dict)
            for rows in self._at.values():
                for row in rows.values():
                    self._count(row, self._counted)
        return self._counted[limit].values()

    def _count(self, row: Placed, counted: dict[Limit, Rows]) -> None:
        id_ = row.eligible.candidate.enrollment_id
        if id_ in self._queue:
            for limit in self._limits.caps_on(row.eligible.candidate):
                counted[limit][id_] = row

    def put(self, row: Placed) -> None:
        self._know(row.eligible)
        id_ = row.eligible.candidate.enrollment_id
        self._at[row.mailbox_id][id_] = row
        self._alike_at.pop(row.mailbox_id, None)
        if row.eligible.lane.is_new:
            self._alike[row.eligible.lane].setdefault(self._kind(row), {})[id_] = row
        if self._counted is not None:
            self._count(row, self._counted)

    def lift(self, row: Placed) -> None:
        id_ = row.eligible.candidate.enrollment_id
        del self._at[row.mailbox_id][id_]
        self._alike_at.pop(row.mailbox_id, None)
        if row.eligible.lane.is_new:
            del self._alike[row.eligible.lane][self._kind(row)][id_]
        if id_ in self._queue and self._counted is not None:
            for limit in self._limits.caps_on(row.eligible.candidate):
                del self._counted[limit][id_]

    def _kind(self, row: Placed) -> tuple[RecipientDay, int]:
        return row.eligible.recipient_day, self.stretches.of(row.due_at)

    def _know(self, eligible: Eligible) -> None:
        lane = eligible.lane
        if lane not in self._waiting:
            self._waiting[lane], self._refused[lane], self._alike[lane] = {}, {}, {}
            for mailbox_id in eligible.mailbox_ids:
                self._lanes_at[mailbox_id].append(lane)

    def _drop_refused(self, line: _Line) -> bool:
        """Caps that are full stay full: whom they refuse is set aside."""
        while line and self._limits.refuse(line[0].candidate):
            self._set_aside(line.popleft())
        return bool(line)

    def _set_aside(self, eligible: Eligible) -> None:
        candidate = eligible.candidate
        if not self._limits.press(candidate):
            full = tuple(self._limits.used_up(candidate))
            self._refused[eligible.lane].setdefault((eligible.recipient_day, full), deque()).append(eligible)
