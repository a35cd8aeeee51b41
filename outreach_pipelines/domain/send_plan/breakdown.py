"""How many go out today, and why not more: the counts of a plan.

Here belongs counting what was decided. Not here: deciding.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from outreach_pipelines.domain.send_plan.assignment import Placed, Supply
from outreach_pipelines.domain.send_plan.capacity import MailboxRoom, effective_cap
from outreach_pipelines.domain.send_plan.eligibility import Eligible
from outreach_pipelines.domain.send_plan.plan import ORDER_OF_POWER, Breakdown, ConstraintCount, Decision, PoolDay
from outreach_pipelines.domain.send_plan.snapshot import Mailbox, MailboxId, MailboxState, PoolId, Snapshot


def breakdown(
    snapshot: Snapshot,
    supply: Supply,
    *,
    eligible: Collection[Eligible],
    placed: Collection[Placed],
    decisions: Sequence[Decision],
) -> Breakdown:
    """The day in numbers, after all sweeps."""
    bound = Counter(decision.bound_by for decision in decisions)
    new_leads = sum(row.eligible.lane.is_new for row in placed)
    return Breakdown(
        candidates=len(decisions),
        placed=bound[None],
        follow_ups_placed=len(placed) - new_leads,
        new_leads_placed=new_leads,
        not_placed=tuple(ConstraintCount(c, bound[c]) for c in ORDER_OF_POWER if bound[c]),
        sequences_ended=sum(decision.ends is not None for decision in decisions),
        pools=_pools(snapshot, supply, eligible, placed),
    )


def _pools(
    snapshot: Snapshot, supply: Supply, eligible: Collection[Eligible], placed: Collection[Placed]
) -> tuple[PoolDay, ...]:
    pool_of_domain = {domain.id: domain.pool_id for domain in snapshot.domains}
    pool_of = {mailbox.id: pool_of_domain[mailbox.domain_id] for mailbox in snapshot.mailboxes}
    rooms: dict[PoolId, list[MailboxRoom]] = defaultdict(list)
    for mailbox_id, room in supply.rooms.items():
        rooms[pool_of[mailbox_id]].append(room)
    sent, new = Counter(p.mailbox_id for p in placed), Counter(p.mailbox_id for p in placed if p.eligible.lane.is_new)
    waiting: Counter[tuple[PoolId, bool]] = Counter()
    for lane, count in Counter(e.lane for e in eligible).items():
        waiting[lane.pool_id, lane.is_new] += count
    return tuple(_pool_day(pool_id, rooms[pool_id], sent, new, waiting) for pool_id in sorted(rooms))


def _pool_day(
    pool_id: PoolId,
    rooms: Sequence[MailboxRoom],
    sent: Counter[MailboxId],
    new: Counter[MailboxId],
    waiting: Counter[tuple[PoolId, bool]],
) -> PoolDay:
    """The counters only shrank while planning: what is left plus what was given is what there was."""
    usable = [room for room in rooms if _is_usable(room.mailbox)]
    unlimited = any(effective_cap(room.mailbox) is None for room in usable)
    return PoolDay(
        pool_id=pool_id,
        mailboxes=len(rooms),
        usable_mailboxes=len(usable),
        room=None if unlimited else sum(room.left + sent[room.mailbox.id] for room in usable),
        new_lead_budget=None if unlimited else sum(max(0, room.new_left + new[room.mailbox.id]) for room in usable),
        follow_ups_waiting=waiting[pool_id, False],
        new_leads_waiting=waiting[pool_id, True],
        placed=sum(sent[room.mailbox.id] for room in rooms),
    )


def _is_usable(mailbox: Mailbox) -> bool:
    working = mailbox.state in (MailboxState.ACTIVE, MailboxState.RAMPING)
    return working and (mailbox.hold is None or mailbox.hold.factor > 0)
