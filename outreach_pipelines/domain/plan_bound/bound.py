"""The rules of a day as rows of a linear programme, and the share of it that a plan reached.

Belongs here: which rule is which row. Does not: solving (`programme`), demand and supply.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from outreach_pipelines.domain.calendar import epoch_seconds
from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.plan_bound.demand import Demand, Group, Limit, Reach, demand_of
from outreach_pipelines.domain.plan_bound.early_room import early_room
from outreach_pipelines.domain.plan_bound.programme import Programme, Variable
from outreach_pipelines.domain.plan_bound.supply import Cell, Grid, MailboxSupply, grid_of, mailbox_supply
from outreach_pipelines.domain.send_plan.codec import canonical
from outreach_pipelines.domain.send_plan.eligibility import Examiner
from outreach_pipelines.domain.send_plan.faults import require_sound
from outreach_pipelines.domain.send_plan.phases import budget_of, landing
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.snapshot import AccountId, DomainId, MailboxId, PoolId, Snapshot
from outreach_pipelines.domain.send_plan.windows import PlanDay

FINEST = 96
"""Bounds of the day's grid in a small programme."""
COARSE = 13
"""In a large one: a stretch is about two hours then, and the bound a little weaker where slots are short."""
LARGE = 300
"""Mailboxes from which a programme is large."""


@dataclass(frozen=True, slots=True)
class PlacedShare:
    """What a plan placed of what is possible at most without fewer follow-ups."""

    placed: int
    possible: int

    @property
    def share(self) -> Fraction:
        """1 when nothing more was possible, also where nothing was."""
        return Fraction(self.placed, self.possible) if self.possible else Fraction(1)


def placed_share(snapshot: Snapshot, plan: Plan) -> PlacedShare:
    """The plan beside its bound. A plan gives up no follow-up for new leads, however many: so the bound is that of the
    plans that place as many follow-ups as this one."""
    return PlacedShare(len(plan.placements), upper_bound(snapshot, follow_ups=plan.breakdown.follow_ups_placed))


def upper_bound(snapshot: Snapshot, *, follow_ups: int = 0) -> int:
    """No plan of this snapshot that places so many follow-ups places more messages. Never falls when a cap is raised.
    Of more follow-ups than could be placed at all nothing is known: `UnsolvedError`.

    Raises `BadSnapshotError`.
    """
    require_sound(snapshot)
    day = PlanDay(canonical(snapshot))
    if day.is_past:
        return 0
    demand = demand_of(snapshot, Examiner(snapshot, day))
    grid = grid_of([group.spans for group in demand.groups], COARSE if len(snapshot.mailboxes) >= LARGE else FINEST)
    served = {id_ for group in demand.groups for id_ in group.reach.mailbox_ids}
    supplies = {row.id: mailbox_supply(row, snapshot, day, grid) for row in snapshot.mailboxes if row.id in served}
    return _Builder(snapshot, demand, supplies, grid).programme(follow_ups).largest()


_ByFactor: TypeAlias = dict[Fraction | None, list[Variable]]
"""Flows by what holds leave of their messages; None is all."""
_Slowed: TypeAlias = dict[tuple[Cell, Fraction], Variable]


class _Builder:
    """Groups flow through stretches of the day into mailboxes, and there into cells."""

    def __init__(
        self, snapshot: Snapshot, demand: Demand, supplies: Mapping[MailboxId, MailboxSupply], grid: Grid
    ) -> None:
        self._snapshot, self._demand, self._supplies, self._grid = snapshot, demand, supplies, grid
        self._programme = Programme()
        self._groups: list[tuple[Group, Variable]] = []
        self._flows: dict[tuple[MailboxId, int], _ByFactor] = defaultdict(lambda: defaultdict(list))
        self._new: dict[MailboxId, list[Variable]] = defaultdict(list)
        self._old: dict[MailboxId, list[Variable]] = defaultdict(list)
        self._charged: dict[frozenset[AccountId], list[Variable]] = defaultdict(list)
        self._by_stretch: dict[int, list[Variable]] = defaultdict(list)
        self._by_domain: dict[DomainId, list[Variable]] = defaultdict(list)

    def programme(self, follow_ups: int) -> Programme:
        self._flow_of_groups()
        if follow_ups:
            self._programme.at_least([row for group, row in self._groups if not group.reach.is_new], follow_ups)
        self._recipients()
        for id_, supply in self._supplies.items():
            self._mailbox(id_, supply)
        self._new_leads()
        self._accounts()
        self._senders()
        self._minutes()
        return self._programme

    def _flow_of_groups(self) -> None:
        by_reach: dict[Reach, dict[frozenset[int], list[Variable]]] = defaultdict(lambda: defaultdict(list))
        for group in self._demand.groups:
            variable = self._programme.variable(group.count, counts=True)
            self._groups.append((group, variable))
            by_reach[group.reach][self._grid.within(group.spans)].append(variable)
        for reach, by_time in by_reach.items():
            self._flow(reach, by_time)

    def _flow(self, reach: Reach, by_time: Mapping[frozenset[int], Sequence[Variable]]) -> None:
        """Out of each group into the stretches of its open time, out of each stretch into mailboxes with slots then."""
        arriving: dict[int, list[Variable]] = defaultdict(list)
        for stretches, variables in by_time.items():
            parts = {stretch: self._programme.variable(None) for stretch in sorted(stretches)}
            self._programme.balance(variables, parts.values())
            for stretch, part in parts.items():
                arriving[stretch].append(part)
        for stretch, parts_then in arriving.items():
            leaving = [self._leave(reach, index, stretch) for index in range(len(reach.mailbox_ids))]
            self._programme.balance(parts_then, leaving)
            self._by_stretch[stretch].extend(parts_then)

    def _leave(self, reach: Reach, index: int, stretch: int) -> Variable:
        mailbox_id, accounts = reach.mailbox_ids[index], reach.accounts[index]
        variable = self._programme.variable(None)
        self._flows[mailbox_id, stretch][reach.slowed[index]].append(variable)
        (self._new if reach.is_new else self._old)[mailbox_id].append(variable)
        if accounts is not None:
            self._charged[accounts].append(variable)
        return variable

    def _recipients(self) -> None:
        concerned: dict[Limit, list[Variable]] = defaultdict(list)
        for group, variable in self._groups:
            for limit in group.limits:
                concerned[limit].append(variable)
        for limit, variables in concerned.items():
            self._programme.at_most(variables, max(0, self._demand.rooms[limit]))

    def _mailbox(self, mailbox_id: MailboxId, supply: MailboxSupply) -> None:
        cells = {cell: self._programme.variable(count) for cell, count in supply.slots.items()}
        slowed: _Slowed = {}
        for stretch in range(len(self._grid.bounds)):
            flows = self._flows.get((mailbox_id, stretch))
            if flows:
                slowed |= self._arrive(flows, {cell: row for cell, row in cells.items() if cell.stretch == stretch})
        self._early_room(supply, cells, slowed)
        for window in (*supply.dates, *supply.rolling):
            self._programme.at_most([cells[cell] for cell in window.cells], window.room)
        self._by_domain[supply.mailbox.domain_id].extend(cells.values())

    def _arrive(self, flows: _ByFactor, cells: Mapping[Cell, Variable]) -> _Slowed:
        """Messages of a stretch go into its cells; what of each cell is slowed by holds, where any is."""
        if flows.keys() == {None}:
            self._programme.balance(flows[None], cells.values())
            return {}
        parts = {(cell, factor): self._programme.variable(None) for cell in cells for factor in flows}
        for cell, whole in cells.items():
            self._programme.balance([whole], [parts[cell, factor] for factor in flows])
        for factor, variables in flows.items():
            self._programme.balance(variables, [parts[cell, factor] for cell in cells])
        return {(cell, factor): row for (cell, factor), row in parts.items() if factor is not None}

    def _early_room(self, supply: MailboxSupply, cells: Mapping[Cell, Variable], slowed: _Slowed) -> None:
        """A message that is slowed more takes of the room of those that are slowed less."""
        for most in {factor for _, factor in slowed}:
            for early in early_room(supply, most):
                late = [row for (cell, factor), row in slowed.items() if cell in early.cells and factor <= most]
                self._programme.at_most(late, early.room)
                if early.room < early.most_before:
                    before = [(cells[cell], early.room) for cell in early.before]
                    limit = early.room * early.most_before
                    self._programme.weighs_at_most([*((row, early.most_before) for row in late), *before], limit)

    def _new_leads(self) -> None:
        landings = _landings(self._snapshot)
        pools = {domain.id: domain.pool_id for domain in self._snapshot.domains}
        for mailbox_id, variables in self._new.items():
            supply = self._supplies[mailbox_id]
            waiting = max(0, self._demand.follow_ups.get(mailbox_id, 0) - supply.room_of_day())
            steps = landings.get(pools[supply.mailbox.domain_id], landing(()))
            budget = budget_of(supply.mailbox, steps, placed=0, waiting=waiting)
            if budget is not None and supply.cap is not None:
                self._programme.at_most(variables, max(0, budget - supply.mailbox.new_leads_today))
                self._beside_follow_ups(supply, supply.cap, steps[1], next(iter(supply.mailbox.follow_ups_ahead), 0))

    def _beside_follow_ups(self, supply: MailboxSupply, cap: int, steps: int, tomorrow: int) -> None:
        """Each follow-up that is placed takes today's room from new leads, and each that is not takes tomorrow's. The
        rooms end at 0, which is not linear: the line between none placed and all lies never below them."""
        id_, today = supply.mailbox.id, supply.mailbox.new_leads_today
        asking = self._demand.follow_ups.get(id_, 0)
        most = min(asking, supply.room_of_day())
        if most <= 0:
            return
        for times, none, every in (
            (1, cap - today, cap - today - most),
            (
                1 + steps,
                cap - tomorrow - asking - today * (1 + steps),
                cap - tomorrow - asking + most - today * (1 + steps),
            ),
        ):
            start, end = max(0, none), max(0, every)
            terms = [(variable, times * most) for variable in self._new[id_]]
            terms += [(variable, start - end) for variable in self._old.get(id_, ())]
            self._programme.weighs_at_most(terms, start * most)

    def _accounts(self) -> None:
        """Each message takes of the share of one account that may carry it."""
        shares = {account.id: account.share_left for account in self._snapshot.accounts}
        charged: dict[AccountId, list[Variable]] = defaultdict(list)
        for accounts, variables in self._charged.items():
            parts = {id_: self._programme.variable(None) for id_ in sorted(accounts)}
            self._programme.balance(variables, parts.values())
            for id_, part in parts.items():
                charged[id_].append(part)
        for id_, parts_of_it in charged.items():
            self._programme.at_most(parts_of_it, shares[id_] or 0)

    def _senders(self) -> None:
        for domain in self._snapshot.domains:
            if domain.daily_cap is not None and domain.id in self._by_domain:
                self._programme.at_most(self._by_domain[domain.id], max(0, domain.daily_cap - domain.sent_today))
        cap = self._snapshot.policy.daily_cap
        if cap is not None:
            sent = sum(domain.sent_today for domain in self._snapshot.domains)
            self._programme.at_most([variable for _, variable in self._groups], max(0, cap - sent))

    def _minutes(self) -> None:
        cap = self._snapshot.policy.minute_cap
        if cap is None:
            return
        used: dict[int, int] = defaultdict(int)
        for mailbox in self._snapshot.mailboxes:
            for moment in mailbox.other_sends:
                used[epoch_seconds(moment) // 60] += 1
        for stretch, variables in self._by_stretch.items():
            start, end = self._grid.bounds[stretch : stretch + 2]
            room = sum(max(0, cap - used.get(minute, 0)) for minute in range(start // 60, -(-end // 60)))
            self._programme.at_most(variables, room)


def _landings(snapshot: Snapshot) -> Mapping[PoolId, tuple[int, ...]]:
    pools: dict[PoolId, list[int]] = defaultdict(list)
    for index, campaign in enumerate(snapshot.campaigns):
        if campaign.state is CampaignState.ACTIVE:
            pools[campaign.pool_id].append(index)
    return {pool: landing(snapshot.campaigns[index] for index in rows) for pool, rows in pools.items()}
