"""In which order messages compete: follow-ups, then new leads by priority, share and health (rules 2 and 6).

Here belongs what each sweep is about. Not here: how a sweep gives slots (`assignment`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import TypeVar

from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.send_plan.assignment import Placed, Quotas, Supply, Sweep
from outreach_pipelines.domain.send_plan.capacity import MailboxRoom, effective_cap, new_lead_budget
from outreach_pipelines.domain.send_plan.early_room import EarlyRoom
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.exchange import Exchange, Rank, repeated_persons
from outreach_pipelines.domain.send_plan.follow_ups import FORECAST_DAYS
from outreach_pipelines.domain.send_plan.recipient_limits import UNLIMITED, Limit
from outreach_pipelines.domain.send_plan.routes import domain_weight
from outreach_pipelines.domain.send_plan.seats import Seats
from outreach_pipelines.domain.send_plan.shares import Hand, deal, interleaved
from outreach_pipelines.domain.send_plan.snapshot import (
    Campaign,
    CampaignId,
    DomainId,
    EnrollmentId,
    Mailbox,
    MailboxId,
    MailboxState,
    PoolId,
    RecipientKey,
    RecipientProvider,
    SendingDomain,
    Snapshot,
)
from outreach_pipelines.domain.send_plan.trade import Claims, Trades

Key = TypeVar("Key", bound=int)


class Phases:
    """The sweeps of one planning, in their order."""

    def __init__(self, snapshot: Snapshot, supply: Supply) -> None:
        self._supply = supply
        self._domains = {domain.id: domain for domain in snapshot.domains}
        self._mailboxes = {mailbox.id: mailbox for mailbox in snapshot.mailboxes}
        self._campaigns = {campaign.id: campaign for campaign in snapshot.campaigns}
        self._by_domain: dict[DomainId, list[MailboxId]] = defaultdict(list)
        for mailbox in snapshot.mailboxes:
            self._by_domain[mailbox.domain_id].append(mailbox.id)
        self._placed: dict[EnrollmentId, Placed] = {}
        self._repeated: frozenset[RecipientKey] = frozenset()
        self._held: frozenset[MailboxId] = frozenset()
        self._before: list[Eligible] = []
        self._ranks: list[Sequence[Eligible]] = []
        self._budgets: _Budgets | None = None
        self._full: frozenset[DomainId] = frozenset()

    def run(self, eligible: Sequence[Eligible]) -> Mapping[EnrollmentId, Placed]:
        """`eligible` come in the order of their enrollments, and so stand those of equal claims."""
        self._repeated = repeated_persons(eligible)
        follow_ups = sorted((e for e in eligible if not e.lane.is_new), key=_due_day)
        new_leads = [e for e in eligible if e.lane.is_new]
        self._place_follow_ups(follow_ups)
        self._before += follow_ups
        self._set_budgets(follow_ups)
        for level in self._levels(new_leads):
            self._take_in(level)
        return self._placed

    def _place_follow_ups(self, queue: Sequence[Eligible]) -> None:
        """Those that waited longest have the first claim to their mailbox and to the tenant's day."""
        room_left = {id_: room.left for id_, room in self._supply.rooms.items()}
        first = _admitted([(e, e.mailbox_ids[0]) for e in queue], room_left, self._supply.ledger.tenant_left)
        if len(first) < len(queue):
            self._sweep(first)
        self._sweep(self._open(queue))
        self._clear_early_room(queue)
        if self._exchange(queue, is_new=False):
            self._sweep(self._open(queue))

    def _set_budgets(self, follow_ups: Iterable[Eligible]) -> None:
        waiting = Counter(e.mailbox_ids[0] for e in self._open(follow_ups))
        self._held = frozenset(waiting)
        self._full = frozenset(id_ for id_, left in self._supply.ledger.domains.items() if left <= 0)
        placed = Counter(placed.mailbox_id for placed in self._placed.values())
        landings = {pool: landing(campaigns) for pool, campaigns in self._active_by_pool().items()}
        self._budgets = budgets = _Budgets(placed, waiting)
        for mailbox_id, room in self._supply.rooms.items():
            pool = self._domains[room.domain_id].pool_id
            budgets.steps[mailbox_id] = room.mailbox, landings.get(pool, landing(()))
            budget = budgets.of(mailbox_id)
            room.new_left = UNLIMITED if budget is None else budget - room.mailbox.new_leads_today

    def _active_by_pool(self) -> dict[PoolId, list[Campaign]]:
        pools: dict[PoolId, list[Campaign]] = defaultdict(list)
        for campaign in self._campaigns.values():
            if campaign.state is CampaignState.ACTIVE:
                pools[campaign.pool_id].append(campaign)
        return pools

    def _levels(self, new_leads: Sequence[Eligible]) -> Iterator[list[Eligible]]:
        """New leads by the priority of their campaign, and in each priority by turns of the campaigns' shares."""
        queues: dict[CampaignId, list[Eligible]] = defaultdict(list)
        for eligible in sorted(new_leads, key=_due_day):
            queues[eligible.candidate.campaign_id].append(eligible)
        levels: dict[int, list[Campaign]] = defaultdict(list)
        for id_ in queues:
            levels[self._campaigns[id_].priority].append(self._campaigns[id_])
        for _, level in sorted(levels.items()):
            yield interleaved({row.id: queues[row.id] for row in level}, {row.id: row.share for row in level})

    def _take_in(self, level: Sequence[Eligible]) -> None:
        """First engaged and verified leads for ramping mailboxes, then all by health, then into whatever is left."""
        pool_left: dict[PoolId, int] = defaultdict(int)
        for room in self._supply.rooms.values():
            pool_left[self._domains[room.domain_id].pool_id] += _new_room(room)
        first = _admitted([(e, e.lane.pool_id) for e in level], pool_left, self._supply.ledger.tenant_left)
        warm = [e for e in first if e.candidate.engaged and e.candidate.verified]
        self._sweep(warm, [id_ for id_, m in self._mailboxes.items() if m.state is MailboxState.RAMPING])
        healthy_first = self._open(first)
        self._sweep(healthy_first, quotas=self._quotas(healthy_first))
        self._sweep(self._open(level))
        self._clear_early_room(level)
        if self._exchange(level, is_new=True):
            self._sweep(self._open([e for e in (*self._before, *level) if e.lane.is_new]))
        self._before += level

    def _clear_early_room(self, queue: Sequence[Eligible]) -> None:
        """Where somebody waits for it whom a hold slows."""
        if self._supply.routes.holds.any and EarlyRoom(self._supply, self._placed).clear(self._open(queue), self._held):
            self._sweep(self._open(queue))

    def _exchange(self, queue: Sequence[Eligible], *, is_new: bool) -> bool:
        """Whether slots have become free that somebody could use now."""
        if all(e.candidate.enrollment_id in self._placed for e in queue):
            self._ranks.append(queue)
            return False
        guarded = self._guarded() if is_new else frozenset()
        rank = Rank(queue, is_new, self._held, guarded, self._repeated)
        slots_moved = Exchange(self._supply, self._placed, rank).run()
        return self._trade(queue, guarded) or slots_moved

    def _trade(self, queue: Sequence[Eligible], guarded: frozenset[Limit]) -> bool:
        self._ranks.append(queue)
        waiting = self._open(self._before)
        refuse = self._supply.ledger.recipients.refuse
        held = {e.mailbox_ids[0] for e in waiting if not (e.lane.is_new or refuse(e.candidate))}
        of_full = [
            self._of_domain(self._mailboxes[id_].domain_id)
            for id_ in held
            if self._mailboxes[id_].domain_id in self._full
        ]
        claims = Claims(self._ranks, held.union(*of_full), self._repeated)
        if not Trades(self._supply, self._placed, claims, Seats(self._supply, guarded, self._budgets)).run():
            return False
        self._sweep(self._open([e for e in self._before if not e.lane.is_new]))
        self._held = frozenset(e.mailbox_ids[0] for e in self._open(self._before) if not e.lane.is_new)
        return True

    def _guarded(self) -> frozenset[Limit]:
        """Caps that count for those of the ranks before."""
        caps_on = self._supply.ledger.recipients.caps_on
        return frozenset(cap for e in self._open(self._before) for cap in caps_on(e.candidate))

    def _quotas(self, queue: Iterable[Eligible]) -> Quotas:
        """Weighted round-robin by health, over domains first, then mailboxes, for each recipient provider."""
        demand = Counter((e.lane.pool_id, e.candidate.provider) for e in queue)
        room_left = {id_: _new_room(room) for id_, room in self._supply.rooms.items()}
        quotas: Quotas = {}
        for pool_id, provider in sorted(demand):
            shares = self._deal_domains(demand[pool_id, provider], pool_id, provider, room_left)
            for domain_id, count in shares.items():
                hands = [Hand(m, self._mailboxes[m].health, room_left[m]) for m in self._of_domain(domain_id)]
                for mailbox_id, turns in deal(count, hands).items():
                    quotas[mailbox_id, provider] = turns
                    room_left[mailbox_id] -= turns
        return quotas

    def _deal_domains(
        self, count: int, pool_id: PoolId, provider: RecipientProvider, room_left: Mapping[MailboxId, int]
    ) -> dict[DomainId, int]:
        domains = (domain for domain in self._domains.values() if domain.pool_id == pool_id)
        return deal(count, [self._domain_hand(domain, provider, room_left) for domain in domains])

    def _domain_hand(
        self, domain: SendingDomain, provider: RecipientProvider, room_left: Mapping[MailboxId, int]
    ) -> Hand[DomainId]:
        room = sum(room_left[mailbox_id] for mailbox_id in self._of_domain(domain.id))
        return Hand(domain.id, domain_weight(domain, provider), min(room, self._supply.ledger.domains[domain.id]))

    def _of_domain(self, domain_id: DomainId) -> Sequence[MailboxId]:
        return self._by_domain.get(domain_id, ())

    def _open(self, queue: Iterable[Eligible]) -> list[Eligible]:
        return [e for e in queue if e.candidate.enrollment_id not in self._placed]

    def _sweep(
        self, queue: Sequence[Eligible], mailboxes: Iterable[MailboxId] | None = None, quotas: Quotas | None = None
    ) -> None:
        served = self._supply.rooms if mailboxes is None else mailboxes
        for placed in Sweep(self._supply, queue, served, quotas).run():
            self._placed[placed.eligible.candidate.enrollment_id] = placed


class _Budgets:
    """Of new leads by mailbox, as follow-ups come and go."""

    def __init__(self, placed: Counter[MailboxId], waiting: Counter[MailboxId]) -> None:
        self._placed, self._waiting = placed, waiting
        self._known: dict[tuple[MailboxId, int, int], int | None] = {}
        self.steps: dict[MailboxId, tuple[Mailbox, tuple[int, ...]]] = {}

    def of(self, mailbox_id: MailboxId) -> int | None:
        facts = mailbox_id, self._placed[mailbox_id], self._waiting[mailbox_id]
        # A message that is tried elsewhere and put back asks for the same budgets again and again.
        if facts not in self._known:
            mailbox, steps = self.steps[mailbox_id]
            self._known[facts] = budget_of(mailbox, steps, placed=facts[1], waiting=facts[2])
        return self._known[facts]

    def more_for_new_leads(self, mailbox_id: MailboxId, messages: int) -> int:
        before = self.of(mailbox_id)
        self._placed[mailbox_id] += messages
        self._waiting[mailbox_id] -= messages
        after = self.of(mailbox_id)
        return 0 if before is None or after is None else after - before


def landing(campaigns: Iterable[Campaign]) -> tuple[int, ...]:
    """For today, each of the next `FORECAST_DAYS` business days, and at last any day after them: how many later steps of a
    lead taken in every day have fallen due; of several campaigns the one that asks most."""
    due_days = [tuple(accumulate(step.delay_business_days for step in campaign.steps[1:])) for campaign in campaigns]
    seen = (max((sum(due <= day for due in row) for row in due_days), default=0) for day in range(FORECAST_DAYS + 1))
    return (*seen, max(map(len, due_days), default=0))


def budget_of(mailbox: Mailbox, landings: Sequence[int], *, placed: int, waiting: int) -> int | None:
    """How many new leads a mailbox takes on the plan's day, where so many follow-ups are `placed` and so many found no slot:
    these are due again tomorrow."""
    ahead = (*mailbox.follow_ups_ahead, *[0] * FORECAST_DAYS)[:FORECAST_DAYS]
    return new_lead_budget(effective_cap(mailbox), (placed, ahead[0] + waiting, *ahead[1:]), (0, *landings[1:]))


def _new_room(room: MailboxRoom) -> int:
    return max(0, min(room.left, room.new_left))


def _admitted(queue: Iterable[tuple[Eligible, Key]], room_left: Mapping[Key, int], total: int) -> list[Eligible]:
    """The first in the queue for whom there is room by the caps; the rest follow when these have had their turn."""
    left = dict(room_left)
    admitted: list[Eligible] = []
    for eligible, key in queue:
        if len(admitted) >= total:
            break
        if left.get(key, 0) > 0:
            left[key] -= 1
            admitted.append(eligible)
    return admitted


def _due_day(eligible: Eligible) -> date:
    return eligible.candidate.due_day
