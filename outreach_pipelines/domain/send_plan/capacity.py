"""What is left: the caps of mailboxes, domains, accounts, the tenant and the recipients (rules 2 and 4).

Here belong the counters of one planning, filled while it runs. Every one of them only shrinks, so that what is refused
once stays refused. Not here: who gets what is left (`assignment`).
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import zip_longest
from math import floor

from outreach_pipelines.domain.calendar import SECONDS_PER_DAY, Span, epoch_seconds, load_zone
from outreach_pipelines.domain.send_plan.kept_places import ROLLING, DateRoom, KeptPlaces
from outreach_pipelines.domain.send_plan.recipient_limits import UNLIMITED, RecipientLimits, limit_of
from outreach_pipelines.domain.send_plan.slots import free_slots, open_spans
from outreach_pipelines.domain.send_plan.snapshot import AccountId, DomainId, Mailbox, Snapshot
from outreach_pipelines.domain.send_plan.windows import PlanDay

NEVER = 10**12


class MailboxRoom:
    """A mailbox through the planning: free slots, room by date, rolling 24 hours, new leads, places kept early enough for
    slowed messages. `times` are those of all that leaves, ascending; planning adds to them."""

    __slots__ = ("_rolling", "dates", "domain_id", "free", "kept_places", "mailbox", "new_left", "open_spans", "times")

    def __init__(self, mailbox: Mailbox, snapshot: Snapshot, day: PlanDay) -> None:
        self.mailbox = mailbox
        self.domain_id = mailbox.domain_id
        self.times = sorted(epoch_seconds(moment) for moment in mailbox.other_sends)
        self.open_spans = open_spans(mailbox, day)
        self.free = free_slots(mailbox, snapshot, day, self.times)
        self.dates = _date_rooms(mailbox, day)
        self._rolling = limit_of(_held(mailbox, ROLLING))
        self.new_left = UNLIMITED
        self.kept_places = KeptPlaces(mailbox, self.dates, self.times)

    @property
    def left(self) -> int:
        """Messages of the whole day by the caps of its dates."""
        return min(sum(room.left for room in self.dates), UNLIMITED)

    def slot_from(self, moment: int) -> int | None:
        """The first free slot at or after a moment."""
        index = bisect_left(self.free, moment)
        return self.free[index] if index < len(self.free) else None

    def slots_within(self, spans: Sequence[Span]) -> list[int]:
        """The free slots inside spans."""
        return [
            at
            for span in spans
            for at in self.free[bisect_left(self.free, span.start) : bisect_left(self.free, span.end)]
        ]

    def date_room(self, moment: int) -> DateRoom:
        for room in self.dates:
            if moment < room.span.end:
                return room
        return self.dates[-1]

    def rolling_from(self, moment: int) -> int:
        """`moment` if one more message fits into every 24 hours around it, else a later time to ask about."""
        limit, times = self._rolling, self.times
        if len(times) < limit:
            return moment
        if limit <= 0:
            return NEVER
        # The last of as many messages as 24 hours hold, from a day before: if it lies a day later, they hold one more.
        last = bisect_right(times, moment - SECONDS_PER_DAY) + limit - 1
        if last >= len(times) or times[last] >= moment + SECONDS_PER_DAY:
            return moment
        at = bisect_right(times, moment)
        for first in range(min(at, len(times) - limit), max(0, at - limit) - 1, -1):
            if max(times[first + limit - 1], moment) - min(times[first], moment) < SECONDS_PER_DAY:
                return times[first] + SECONDS_PER_DAY
        return moment

    def rolling_open(self, slots: Sequence[int]) -> Iterator[int]:
        """Those of ascending `slots` at which one more message fits into every 24 hours around. The 24 hours that refuse a
        slot refuse all until the time to ask about next: these are passed over."""
        index = 0
        while index < len(slots):
            at = slots[index]
            after = self.rolling_from(at)
            if after == at:
                yield at
                index += 1
            else:
                index = bisect_left(slots, after, index + 1)

    def take(self, moment: int, *, is_new: bool, slowed: Fraction | None = None) -> None:
        """`slowed`: what holds leave of this message alone."""
        if self.kept_places.any or slowed is not None:
            self.kept_places.take(moment, slowed)
        insort(self.times, moment)
        self.date_room(moment).left -= 1
        self.new_left -= is_new

    def give_back(self, moment: int) -> None:
        """A message that was taken leaves again, and its slot is free. Where places are kept for slowed ones: `leave`."""
        del self.times[bisect_left(self.times, moment)]
        self.date_room(moment).left += 1
        insort(self.free, moment)

    def leave(self, moment: int, slowed: Fraction | None) -> None:
        """As `give_back`, of a message of which holds leave so much, also where places are kept for others."""
        self.give_back(moment)
        if self.kept_places.any:
            self.kept_places.give_back(moment, slowed)

    def drop_slots(self, used: Iterable[int]) -> None:
        """Slots that have been given, each of them free until now."""
        for at in used:
            del self.free[bisect_left(self.free, at)]


class Ledger:
    """The limits that mailboxes share."""

    def __init__(self, snapshot: Snapshot, rooms: Iterable[MailboxRoom]) -> None:
        policy = snapshot.policy
        self.tenant_left = limit_of(policy.daily_cap) - sum(domain.sent_today for domain in snapshot.domains)
        self.domains = {domain.id: limit_of(domain.daily_cap) - domain.sent_today for domain in snapshot.domains}
        self._accounts = {account.id: limit_of(account.share_left) for account in snapshot.accounts}
        self.spent_accounts = {account for account, left in self._accounts.items() if left <= 0}
        self._minute_cap = limit_of(policy.minute_cap)
        self._minutes = defaultdict(int, Counter(at // 60 for room in rooms for at in room.times))
        self.recipients = RecipientLimits(snapshot)

    def minute_is_full(self, moment: int) -> bool:
        return self._minutes[moment // 60] >= self._minute_cap

    def open_accounts(self, accounts: tuple[AccountId, ...]) -> tuple[AccountId, ...]:
        """Those of which the tenant has a share left today."""
        if self.spent_accounts.isdisjoint(accounts):
            return accounts
        return tuple(account for account in accounts if account not in self.spent_accounts)

    def resume(self, room: MailboxRoom, moment: int) -> int:
        """`moment` if the mailbox may send then, else a later time to ask about, or NEVER."""
        if self.tenant_left <= 0 or self.domains[room.domain_id] <= 0 or self._minute_cap == 0:
            return NEVER
        date_room = room.date_room(moment)
        if date_room.left <= 0:
            return date_room.span.end
        if self.minute_is_full(moment):
            return (moment // 60 + 1) * 60
        if room.kept_places.any and (after := room.kept_places.free_from(moment)) != moment:
            return after
        return room.rolling_from(moment)

    def share(self, account: AccountId) -> int:
        """What is left of the tenant's share of an account."""
        return self._accounts[account]

    def use_slot(self, domain: DomainId, moment: int, messages: int = 1) -> None:
        """-1 takes a message back."""
        self.tenant_left -= messages
        self.domains[domain] -= messages
        self._minutes[moment // 60] += messages

    def use_minute(self, moment: int, messages: int = 1) -> None:
        """-1 takes a message back."""
        self._minutes[moment // 60] += messages

    def charge(self, account: AccountId, messages: int = 1) -> None:
        """-1 gives a message's share back."""
        self._accounts[account] -= messages
        if self._accounts[account] <= 0:
            self.spent_accounts.add(account)
        else:
            self.spent_accounts.discard(account)


def effective_cap(mailbox: Mailbox) -> int | None:
    """The daily cap, lowered by the hold in force; fractions of a message are cut."""
    return _held(mailbox, Fraction(1))


def new_lead_budget(cap: int | None, follow_ups: Sequence[int], landing: Sequence[int]) -> int | None:
    """How many new leads a mailbox may take in a day: the largest number that, taken in every day from now on, would
    leave no later day with more than the cap.

    `follow_ups[d]` are the follow-ups known for the d-th business day from now (0 is today), `landing[d]` how many
    later steps of a lead have fallen due within d business days. `landing` may look further: nothing is known of those days.
    """
    if cap is None:
        return None
    rooms = (max(0, cap - known) // (1 + steps) for known, steps in zip_longest(follow_ups, landing, fillvalue=0))
    return min(rooms, default=cap)


def _held(mailbox: Mailbox, multiple: Fraction) -> int | None:
    if mailbox.daily_cap is None:
        return None if mailbox.hold is None or mailbox.hold.factor > 0 else 0
    factor = Fraction(1) if mailbox.hold is None else mailbox.hold.factor
    return floor(mailbox.daily_cap * factor * multiple)


def _date_rooms(mailbox: Mailbox, day: PlanDay) -> list[DateRoom]:
    sent = {sends.day: sends.count for sends in mailbox.sends_by_day}
    cap = limit_of(effective_cap(mailbox))
    return [
        DateRoom(span, max(0, cap - sent.get(date, 0)), sent.get(date, 0), whole)
        for date, whole, within in day.divided(load_zone(mailbox.zone))
        for span in within
    ]
