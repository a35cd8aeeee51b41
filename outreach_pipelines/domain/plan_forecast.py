"""The days after a plan: when capacity falls short of the sequences, and how many mailboxes must start ramping now.

A forecast in whole messages for each pool, business day by business day: follow-ups first, then new leads at the pace
the operator wants. Belongs here: that arithmetic. Does not: chance (`plan_simulation`), the plan itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from outreach_pipelines.domain.calendar import WorkCalendar, add_business_days
from outreach_pipelines.domain.send_plan.capacity import effective_cap
from outreach_pipelines.domain.send_plan.plan import ORDER_OF_POWER, Constraint, Decision, Plan
from outreach_pipelines.domain.send_plan.snapshot import (
    CampaignId,
    Candidate,
    EnrollmentId,
    Mailbox,
    MailboxState,
    PoolId,
    Snapshot,
)

_SLOTS_BEGIN = ORDER_OF_POWER.index(Constraint.MAILBOX_HOURS)
_ANOTHER_DAY = frozenset(
    {
        *(Constraint.WINDOW, Constraint.QUIET_HOURS, Constraint.WEEKEND, Constraint.HOLIDAY),
        *(Constraint.NO_MAILBOX, Constraint.MAILBOX_RESTING, Constraint.MAILBOX_HELD),
    }
)
"""What binds before slots are looked at, and may not bind tomorrow."""
MOST_MAILBOXES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPolicy:
    """All new leads that wait are to be taken in within `intake_days` business days. A ramping mailbox grows by
    `raise_by` a day from its cap (a new one from `start`) to `steady_cap`; `horizon` is in business days."""

    intake_days: int = 10
    horizon: int = 30
    steady_cap: int = 40
    start: int = 5
    raise_by: int = 2


@dataclass(frozen=True, slots=True)
class ForecastDay:
    """One business day of a pool. `capacity` is None when unlimited; `wanted` is what falls due or is to be taken in
    that day; `waiting` is left over in the evening."""

    day: date
    capacity: int | None
    wanted: int
    sent: int
    waiting: int


@dataclass(frozen=True, slots=True)
class PoolForecast:
    """`short_on` is the first day on which something wanted finds no room, `late_on` the first on which it has waited
    longer than the policy allows. `mailboxes_to_ramp` started now would keep everything in time; None when no number
    of them could, because they grow too slowly."""

    pool_id: PoolId
    days: tuple[ForecastDay, ...]
    short_on: date | None
    late_on: date | None
    mailboxes_to_ramp: int | None

    @property
    def largest_backlog(self) -> int:
        return max((day.waiting for day in self.days), default=0)


@dataclass(frozen=True, slots=True)
class PoolLoad:
    """What a pool has before it: `known[d]` follow-ups that fall due d business days after the plan's day (from 0),
    new leads that wait by campaign, and those that the plan takes in today."""

    known: tuple[int, ...]
    waiting_leads: Mapping[CampaignId, int]
    taken_today: Mapping[CampaignId, int]


def forecast(
    snapshot: Snapshot, plan: Plan, calendar: WorkCalendar, policy: ForecastPolicy
) -> tuple[PoolForecast, ...]:
    """Every pool that has a campaign or a mailbox, by its id. `calendar` is the tenant's."""
    loads = pool_loads(snapshot, plan)
    mailboxes = mailboxes_by_pool(snapshot)
    return tuple(
        _pool(snapshot, pool, load, mailboxes.get(pool, ()), calendar, policy) for pool, load in sorted(loads.items())
    )


def business_days(snapshot: Snapshot, calendar: WorkCalendar, count: int) -> tuple[date, ...]:
    """The `count` business days after the plan's day."""
    return tuple(add_business_days(snapshot.day, number, calendar) for number in range(1, count + 1))


def pool_loads(snapshot: Snapshot, plan: Plan) -> Mapping[PoolId, PoolLoad]:
    """What each pool has before it after the plan's day."""
    candidates = {row.enrollment_id: row for row in snapshot.candidates}
    home = {row.id: row.pool_id for row in snapshot.campaigns}
    waiting = Counter(
        candidates[row.enrollment_id].campaign_id
        for row in plan.decisions
        if _waits(row, candidates[row.enrollment_id], is_new=True)
    )
    taken = Counter(row.campaign_id for row in plan.placements if row.step == 1)
    known = _known_follow_ups(snapshot, plan, candidates)
    pools = {*home.values(), *(domain.pool_id for domain in snapshot.domains)}
    return {
        pool: PoolLoad(
            tuple(known[pool, day] for day in range(_days_known(snapshot) + 1)),
            {id_: waiting[id_] for id_ in home if home[id_] == pool and waiting[id_]},
            {id_: taken[id_] for id_ in home if home[id_] == pool and taken[id_]},
        )
        for pool in pools
    }


def capacity_of(mailboxes: Sequence[Mailbox], ahead: int, policy: ForecastPolicy) -> int | None:
    """What mailboxes can send `ahead` business days after the plan's day, holds as they are; None is unlimited."""
    total = 0
    for mailbox in mailboxes:
        if mailbox.state not in (MailboxState.ACTIVE, MailboxState.RAMPING):
            continue
        cap = effective_cap(mailbox)
        if cap is None:
            return None
        is_growing = mailbox.state is MailboxState.RAMPING and mailbox.hold is None
        total += max(cap, min(policy.steady_cap, cap + policy.raise_by * ahead)) if is_growing else cap
    return total


def later_steps(snapshot: Snapshot) -> Mapping[CampaignId, tuple[int, ...]]:
    """After how many business days each later step of a lead falls due, counted from its first message."""
    return {
        campaign.id: tuple(accumulate(step.delay_business_days for step in campaign.steps[1:]))
        for campaign in snapshot.campaigns
    }


def _days_known(snapshot: Snapshot) -> int:
    return max((len(mailbox.follow_ups_ahead) for mailbox in snapshot.mailboxes), default=0)


def _waits(decision: Decision, candidate: Candidate, *, is_new: bool) -> bool:
    """Whether it could have gone today but for room, a mailbox at work or the day's calendar, and so wants to go tomorrow."""
    if decision.bound_by is None or (candidate.step == 1) is not is_new:
        return False
    return ORDER_OF_POWER.index(decision.looked_through) >= _SLOTS_BEGIN or decision.bound_by in _ANOTHER_DAY


def _known_follow_ups(
    snapshot: Snapshot, plan: Plan, candidates: Mapping[EnrollmentId, Candidate]
) -> Counter[tuple[PoolId, int]]:
    pools = {domain.id: domain.pool_id for domain in snapshot.domains}
    pool_of = {mailbox.id: pools[mailbox.domain_id] for mailbox in snapshot.mailboxes}
    known: Counter[tuple[PoolId, int]] = Counter()
    for mailbox in snapshot.mailboxes:
        for ahead, count in enumerate(mailbox.follow_ups_ahead, 1):
            known[pool_of[mailbox.id], ahead] += count
    for decision in plan.decisions:
        candidate = candidates[decision.enrollment_id]
        if _waits(decision, candidate, is_new=False) and candidate.sticky_mailbox in pool_of:
            known[pool_of[candidate.sticky_mailbox], 0] += 1
    return known


def mailboxes_by_pool(snapshot: Snapshot) -> Mapping[PoolId, Sequence[Mailbox]]:
    """Every mailbox, also those that send nothing for now, by its domain's pool."""
    pools = {domain.id: domain.pool_id for domain in snapshot.domains}
    found: dict[PoolId, list[Mailbox]] = defaultdict(list)
    for mailbox in snapshot.mailboxes:
        found[pools[mailbox.domain_id]].append(mailbox)
    return found


def _pool(
    snapshot: Snapshot,
    pool: PoolId,
    load: PoolLoad,
    mailboxes: Sequence[Mailbox],
    calendar: WorkCalendar,
    policy: ForecastPolicy,
) -> PoolForecast:
    wanted = _wanted(load, later_steps(snapshot), policy)
    capacities = [capacity_of(mailboxes, ahead, policy) for ahead in range(1, policy.horizon + 1)]
    dates = business_days(snapshot, calendar, policy.horizon)
    days = tuple(_days(dates, wanted, capacities))
    patience = snapshot.policy.longest_follow_up_wait
    short = next((day.day for day in days if day.waiting), None)
    late = next((day.day for day, is_late in zip(days, _lateness(days, patience), strict=True) if is_late), None)
    return PoolForecast(pool, days, short, late, _to_ramp(dates, wanted, capacities, patience, policy))


def _wanted(load: PoolLoad, steps: Mapping[CampaignId, Sequence[int]], policy: ForecastPolicy) -> list[int]:
    """What falls due on each day of the horizon if nothing ever waits; the first is the day after the plan's."""
    wanted = [0] * (policy.horizon + 1)
    for ahead, count in enumerate(load.known):
        if max(ahead, 1) <= policy.horizon:
            wanted[max(ahead, 1)] += count
    for campaign, count in load.taken_today.items():
        _land(wanted, 0, count, steps[campaign])
    for campaign, waiting in load.waiting_leads.items():
        for day, count in enumerate(_spread(waiting, policy.intake_days), 1):
            if day <= policy.horizon:
                wanted[day] += count
            _land(wanted, day, count, steps[campaign])
    return wanted[1:]


def _land(wanted: list[int], day: int, count: int, steps: Sequence[int]) -> None:
    for delay in steps:
        if day + delay < len(wanted):
            wanted[day + delay] += count


def _spread(total: int, days: int) -> list[int]:
    """As evenly as whole numbers go, the larger parts first."""
    return [total // days + (day < total % days) for day in range(days)]


def _days(dates: Sequence[date], wanted: Sequence[int], capacities: Sequence[int | None]) -> Iterator[ForecastDay]:
    waiting = 0
    for day, want, capacity in zip(dates, wanted, capacities, strict=True):
        there = waiting + want
        sent = there if capacity is None else min(there, capacity)
        waiting = there - sent
        yield ForecastDay(day, capacity, want, sent, waiting)


def _lateness(days: Sequence[ForecastDay], patience: int) -> Iterator[bool]:
    """Whether, in the evening of each day, something is left that was wanted `patience` days before or earlier."""
    sent = list(accumulate(day.sent for day in days))
    wanted = list(accumulate(day.wanted for day in days))
    return (index >= patience and sent[index] < wanted[index - patience] for index in range(len(days)))


def _to_ramp(
    dates: Sequence[date],
    wanted: Sequence[int],
    capacities: Sequence[int | None],
    patience: int,
    policy: ForecastPolicy,
) -> int | None:
    def is_in_time(extra: int) -> bool:
        grown = [
            None if cap is None else cap + extra * min(policy.steady_cap, policy.start + policy.raise_by * index)
            for index, cap in enumerate(capacities)
        ]
        return not any(_lateness(tuple(_days(dates, wanted, grown)), patience))

    if not is_in_time(MOST_MAILBOXES):
        return None
    low, high = 0, MOST_MAILBOXES
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_in_time(middle) else (middle + 1, high)
    return low
