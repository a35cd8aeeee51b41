"""Who comes first among new leads, and whether domains and mailboxes take them in by their weights (rule 6).

Belongs here: priorities, shares of campaigns, evenness of the rotation. Evenness and shares are judged only where
nothing else can have shifted them: a pool whose leads are alike, and no cap, hold, ramp or hour that binds. Does not:
follow-ups before new leads (`mailbox_limits`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from outreach_pipelines.proof.plan_check.candidate_document import Candidate
from outreach_pipelines.proof.plan_check.facts import Facts, Violation, effective_cap
from outreach_pipelines.proof.plan_check.open_time import OpenTime
from outreach_pipelines.proof.plan_check.plan_document import LAST_BEFORE_SLOTS, POWER, Placement
from outreach_pipelines.proof.plan_check.routes import allowed_accounts
from outreach_pipelines.proof.plan_check.sender_document import Mailbox

_TOLERANCE = 10
"""A tenth of what the weights ask for."""
_ROUNDING = 8
"""Whole messages: each of four recipient providers is dealt out by itself, over domains and then over mailboxes."""
_OF_ANY_SLOT = frozenset({"mailbox_cap", "new_lead_budget", "rolling_cap", "domain_cap", "tenant_daily_cap", "spacing"})
"""Limits of a slot: whoever has that slot meets the same ones."""


class _Taken(NamedTuple):
    """A new lead with its slot."""

    placement: Placement
    candidate: Candidate
    mailbox: Mailbox


def fairness(facts: Facts) -> Iterator[Violation]:
    """Every pool's new leads."""
    pools: dict[int, list[_Taken]] = defaultdict(list)
    for placement, candidate, mailbox in facts.sound:
        if candidate.step == 1 and candidate.sticky_mailbox is None:
            pools[facts.pool_of(mailbox)].append(_Taken(placement, candidate, mailbox))
    waiting = _waiting(facts)
    for pool, taken in sorted(pools.items()):
        yield from _priorities(facts, taken, waiting.get(pool, []))
        yield from _shares(facts, pool, taken, waiting.get(pool, []))
        yield from _evenness(facts, pool, taken)


def _waiting(facts: Facts) -> Mapping[int, list[Candidate]]:
    """New leads without a thread that found no slot, and nothing else against them, by the pool of their campaign."""
    waiting: dict[int, list[Candidate]] = defaultdict(list)
    for row in facts.plan.decisions:
        candidate = facts.candidates.get(row.enrollment_id)
        if candidate is None or candidate.step > 1 or candidate.sticky_mailbox is not None or row.bound_by is None:
            continue
        if POWER[row.looked_through] > LAST_BEFORE_SLOTS and set(row.found) <= _OF_ANY_SLOT:
            waiting[facts.campaigns[candidate.campaign_id].pool_id].append(candidate)
    return waiting


def _priorities(facts: Facts, taken: list[_Taken], waiting: list[Candidate]) -> Iterator[Violation]:
    """No new lead of a weaker campaign has a slot that one of a stronger campaign could have had."""
    open_time = OpenTime(facts)
    alike = {(row.campaign_id, row.zone, row.country, row.basis, row.provider): row for row in waiting}
    for candidate in alike.values():
        rank = facts.campaigns[candidate.campaign_id].priority
        weaker = (row for row in taken if facts.campaigns[row.candidate.campaign_id].priority > rank)
        minutes: frozenset[datetime] | None = None
        for row in weaker:
            minutes = open_time.minutes(candidate) if minutes is None else minutes
            if row.placement.due_at.replace(second=0) in minutes and _could_carry(facts, candidate, row):
                sentence = f"waits, and {row.placement.due_at} went to enrollment {row.candidate.enrollment_id} of a weaker campaign"
                yield Violation("priority", f"enrollment {candidate.enrollment_id}", sentence)
                break


def _could_carry(facts: Facts, candidate: Candidate, row: _Taken) -> bool:
    """Whether the very slot, with the account that is charged for it, would have done for the candidate."""
    weights = {each.provider: each.weight for each in facts.domains[row.mailbox.domain_id].health}
    if weights.get(candidate.provider, 100) == 0 or _is_held(facts, candidate, row.mailbox):
        return False
    accounts = allowed_accounts(facts, candidate, row.mailbox)
    return bool(accounts) and row.placement.account_ids[:1] == (accounts[0],)


def _is_held(facts: Facts, candidate: Candidate, mailbox: Mailbox) -> bool:
    """Whether any hold speaks of the message apart from its mailbox: where in a day it may stand is then another question."""
    return (
        bool(mailbox.provider_holds or mailbox.path_holds)
        or facts.campaigns[candidate.campaign_id].hold is not None
        or candidate.enrollment_id in facts.file_factors
        or any(account.hold is not None for account in facts.snapshot.accounts)
    )


def _shares(facts: Facts, pool: int, taken: list[_Taken], waiting: list[Candidate]) -> Iterator[Violation]:
    """Campaigns of one priority that all have more leads than slots take them in by their shares."""
    people = [*(row.candidate for row in taken), *waiting]
    if not _are_alike(facts, people) or facts.snapshot.policy.daily_cap is not None:
        return
    counts = Counter(row.candidate.campaign_id for row in taken)
    left = Counter(row.campaign_id for row in waiting)
    ranks = {facts.campaigns[id_].priority for id_ in counts | left}
    rivals = [row for row in facts.snapshot.campaigns if row.pool_id == pool and row.id in counts | left]
    if len(ranks) > 1 or len(rivals) <= 1 or not all(left[row.id] for row in rivals):
        return
    total, parts = sum(counts.values()), sum(row.share for row in rivals)
    for row in rivals:
        wanted = total * row.share / parts
        if _is_off(counts[row.id], wanted):
            sentence = f"{counts[row.id]} of {total} new leads, its share is {row.share} of {parts}"
            yield Violation("campaign_share", f"campaign {row.id}", sentence)


def _are_alike(facts: Facts, people: list[Candidate]) -> bool:
    """Whether all have the same hours, ways, and claims: then their order is that of the shares alone."""
    kinds = {
        (
            row.zone,
            row.country,
            row.basis,
            row.provider,
            row.engaged,
            row.due_day,
            row.enrollment_id in facts.file_factors,
        )
        for row in people
    }
    windows = {facts.campaigns[row.campaign_id].window for row in people}
    holds = [facts.campaigns[row.campaign_id].hold for row in people]
    limited = facts.snapshot.policy.contact_pressure or facts.snapshot.policy.recipient_provider_caps
    caps = (facts.snapshot.policy.company_daily_cap, facts.snapshot.policy.recipient_domain_daily_cap)
    return len(kinds) <= 1 and len(windows) <= 1 and not any(holds) and not limited and caps == (None, None)


def _evenness(facts: Facts, pool: int, taken: list[_Taken]) -> Iterator[Violation]:
    mailboxes = [row for row in facts.snapshot.mailboxes if facts.pool_of(row) == pool and row.health > 0]
    if not _is_free(facts, pool, taken, mailboxes):
        return
    demand = Counter(row.candidate.provider for row in taken)
    wanted: dict[int, float] = defaultdict(float)
    domains = sorted({row.domain_id for row in mailboxes})
    weights = {(id_, each.provider): each.weight for id_ in domains for each in facts.domains[id_].health}
    for provider, count in demand.items():
        whole = sum(weights.get((id_, provider), 100) for id_ in domains)
        for id_ in domains:
            wanted[id_] += count * weights.get((id_, provider), 100) / max(1, whole)
    by_domain = Counter(row.mailbox.domain_id for row in taken)
    yield from _off("domain", by_domain, wanted)
    healths = {id_: sum(row.health for row in mailboxes if row.domain_id == id_) for id_ in domains}
    by_health = {row.id: by_domain[row.domain_id] * row.health / healths[row.domain_id] for row in mailboxes}
    yield from _off("mailbox", Counter(row.mailbox.id for row in taken), by_health)


def _off(what: str, counts: Mapping[int, int], wanted: Mapping[int, float]) -> Iterator[Violation]:
    for id_, part in sorted(wanted.items()):
        if _is_off(counts[id_], part):
            sentence = f"{counts[id_]} new leads where its weight asks for {part:.1f}, and nothing binds"
            yield Violation("evenness", f"{what} {id_}", sentence)


def _is_off(count: int, wanted: float) -> bool:
    return abs(count - wanted) > max(wanted / _TOLERANCE, _ROUNDING)


def _is_free(facts: Facts, pool: int, taken: list[_Taken], mailboxes: list[Mailbox]) -> bool:
    """Whether every new lead found a slot and every mailbox could have taken in far more than it did."""
    campaigns = {row.id for row in facts.snapshot.campaigns if row.pool_id == pool}
    if any(
        row.bound_by is not None and row.campaign_id in campaigns and POWER[row.looked_through] > LAST_BEFORE_SLOTS
        for row in facts.plan.decisions
    ):
        return False
    if facts.snapshot.policy.minute_cap is not None or any(
        row.share_left is not None for row in facts.snapshot.accounts
    ):
        return False
    open_time = OpenTime(facts)
    groups = {(row.candidate.campaign_id, row.candidate.zone, row.candidate.country): row.candidate for row in taken}
    shortest = min((len(open_time.minutes(candidate)) for candidate in groups.values()), default=0)
    sent = Counter(mailbox.id for _, _, mailbox in facts.sound)
    reach = {(row.candidate.basis, row.candidate.provider): row.candidate for row in taken}
    return all(
        _has_room(facts, mailbox, sent[mailbox.id], shortest)
        and all(allowed_accounts(facts, candidate, mailbox) for candidate in reach.values())
        and not _is_held(facts, candidate, mailbox)
        for mailbox in mailboxes
        for candidate in reach.values()
    )


def _has_room(facts: Facts, mailbox: Mailbox, sent: int, minutes: int) -> bool:
    """Far from every limit: of its slots, and of its cap less what the later steps of its new leads will ask."""
    cap, domain = effective_cap(mailbox), facts.domains[mailbox.domain_id]
    steps = max((len(row.steps) for row in facts.snapshot.campaigns), default=1)
    slots = timedelta(minutes=minutes) / timedelta(seconds=mailbox.max_spacing)
    busy = sent + len(mailbox.other_sends) + sum(row.count for row in mailbox.sends_by_day)
    return (
        mailbox.state == "active"
        and mailbox.inbox_readable
        and mailbox.hours is None
        and mailbox.hold is None
        and domain.daily_cap is None
        and not mailbox.new_leads_today
        and not sum(mailbox.follow_ups_ahead)
        and (cap is None or busy <= cap / (_SPARE * max(1, steps)))
        and busy <= slots / _SPARE
    )


_SPARE = 2
"""A mailbox that sends less than half of what it could is bound by nothing."""
