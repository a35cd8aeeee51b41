"""Which mailboxes could carry a message at all, before time and numbers (rules 1 and 2).

Here belong the lawful basis, readiness of domains, and the state of mailboxes. Not here: caps and minutes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile
from typing import TypeAlias

from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.send_plan.holds import Holds
from outreach_pipelines.domain.send_plan.mailbox_words import none_left
from outreach_pipelines.domain.send_plan.plan import Constraint, power
from outreach_pipelines.domain.send_plan.snapshot import (
    AccountId,
    CampaignId,
    Candidate,
    Mailbox,
    MailboxId,
    MailboxState,
    PoolId,
    ReadinessState,
    RecipientProvider,
    SendingDomain,
    Snapshot,
)

FULL_WEIGHT = 100
"""The health of a domain towards a provider about which nothing is known."""


@dataclass(frozen=True, slots=True, eq=False)
class LaneKey:
    """What decides which mailboxes a message may leave from: its thread's mailbox (then the pool is that one's), or the
    campaign's pool. One object for each lane of a planning, so that equality is identity. To a follow-up the recipient's
    provider makes no difference: None, unless a hold of its mailbox speaks of providers. `slow` is what holds on its
    campaign and lead file leave of it, None where that is all."""

    pool_id: PoolId
    sticky: MailboxId | None
    basis: LawfulBasis
    provider: RecipientProvider | None
    is_new: bool
    slow: Fraction | None = None


_Facts: TypeAlias = tuple[MailboxId | None, LawfulBasis, RecipientProvider | None, bool, Fraction | None]
"""Of a `LaneKey`, all but its pool."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The mailboxes that may carry it; without any, `found` tells why, the binding constraint first."""

    mailbox_ids: tuple[MailboxId, ...]
    found: tuple[Constraint, ...]
    detail: str


def is_new_lead(candidate: Candidate) -> bool:
    return candidate.step == 1


class Routes:
    """Answers by `LaneKey`, computed once for each."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._domains = {domain.id: domain for domain in snapshot.domains}
        self._mailboxes = {mailbox.id: mailbox for mailbox in snapshot.mailboxes}
        self._accounts = {account.id: account for account in snapshot.accounts}
        self._pools: dict[PoolId, list[Mailbox]] = {}
        for mailbox in snapshot.mailboxes:
            self._pools.setdefault(self._domains[mailbox.domain_id].pool_id, []).append(mailbox)
        self._campaign_pools = {campaign.id: campaign.pool_id for campaign in snapshot.campaigns}
        self.holds = Holds(snapshot)
        self._lanes: dict[tuple[PoolId, _Facts], LaneKey] = {}
        self._ways: dict[tuple[CampaignId, _Facts], tuple[LaneKey, Reach]] = {}
        self._reaches: dict[LaneKey, Reach] = {}
        self._by_account: dict[tuple[MailboxId, LawfulBasis], tuple[Constraint, ...]] = {}
        self._usable: dict[tuple[MailboxId, LawfulBasis], tuple[AccountId, ...]] = {}

    def way(self, candidate: Candidate) -> tuple[LaneKey, Reach]:
        """Its lane, and the mailboxes of that."""
        is_new = is_new_lead(candidate)
        provider = candidate.provider if is_new or candidate.sticky_mailbox in self.holds.by_provider else None
        slow = self.holds.message_factor(candidate) if self.holds.slow_messages else None
        facts = candidate.sticky_mailbox, candidate.basis, provider, is_new, slow
        known = self._ways.get((candidate.campaign_id, facts))
        if known is None:
            lane = self._lane(self._pool_of(candidate.campaign_id, candidate.sticky_mailbox), facts)
            known = self._ways[candidate.campaign_id, facts] = lane, self._reach(lane)
        return known

    def to_any_provider(self, key: LaneKey) -> LaneKey:
        """The lane without its recipients' provider: where that makes no difference, lanes of all providers are one."""
        return self._lane(key.pool_id, (key.sticky, key.basis, None, key.is_new, key.slow))

    def _lane(self, pool: PoolId, facts: _Facts) -> LaneKey:
        known = self._lanes.get((pool, facts))
        if known is None:
            known = self._lanes[pool, facts] = LaneKey(pool, *facts)
        return known

    def _pool_of(self, campaign_id: CampaignId, sticky: MailboxId | None) -> PoolId:
        if sticky is not None and sticky in self._mailboxes:
            return self._domains[self._mailboxes[sticky].domain_id].pool_id
        return self._campaign_pools[campaign_id]

    def _reach(self, key: LaneKey) -> Reach:
        known = self._reaches.get(key)
        if known is None:
            known = self._reaches[key] = self._find_reach(key)
        return known

    def accounts(self, mailbox_id: MailboxId, basis: LawfulBasis) -> tuple[AccountId, ...]:
        """The mailbox's accounts, in its order, that allow the basis and for which its domain is ready, up to the first
        that is held: nothing goes round a stopped path by another account."""
        known = self._usable.get((mailbox_id, basis))
        if known is None:
            ready = self._ready(self._mailboxes[mailbox_id], basis)
            known = self._usable[(mailbox_id, basis)] = tuple(
                takewhile(lambda account: not self._is_stopped(mailbox_id, account), ready)
            )
        return known

    def slowed(self, mailbox_id: MailboxId, key: LaneKey) -> Fraction | None:
        """What holds besides the mailbox's own leave of the lane's messages from this mailbox; None is all."""
        if not self.holds.any:
            return None
        accounts = self.accounts(mailbox_id, key.basis)
        return self.holds.factor(self._mailboxes[mailbox_id], accounts, key.provider, key.slow)

    def _ready(self, mailbox: Mailbox, basis: LawfulBasis) -> tuple[AccountId, ...]:
        domain = self._domains[mailbox.domain_id]
        allowing = self._allowing(mailbox, basis)
        return tuple(a for a in allowing if _readiness(domain, a) is ReadinessState.READY)

    def _is_stopped(self, mailbox_id: MailboxId, account: AccountId) -> bool:
        hold = self.holds.path(mailbox_id, account)
        return hold is not None and hold.factor == 0

    def _find_reach(self, key: LaneKey) -> Reach:
        if key.sticky is None:
            return self._filtered(self._pools.get(key.pool_id, []), key)
        mailbox = self._mailboxes.get(key.sticky)
        if mailbox is None:
            return Reach((), (Constraint.MAILBOX_RETIRED,), f"mailbox {key.sticky} is no longer in the inventory")
        return self._filtered([mailbox], key)

    def _filtered(self, mailboxes: list[Mailbox], key: LaneKey) -> Reach:
        if not mailboxes:
            return Reach((), (Constraint.NO_MAILBOX,), f"pool {key.pool_id} has no mailbox")
        objections = {mailbox.id: tuple(self._objections(mailbox, key)) for mailbox in mailboxes}
        usable = tuple(id_ for id_, found in objections.items() if not found)
        if usable:
            return Reach(usable, (), "")
        return Reach((), _found(objections.values()), self._tally(objections))

    def _objections(self, mailbox: Mailbox, key: LaneKey) -> Iterator[Constraint]:
        """What speaks against a mailbox, in the order of power."""
        domain = self._domains[mailbox.domain_id]
        account = mailbox.id, key.basis
        if account not in self._by_account:
            self._by_account[account] = tuple(self._account_objections(mailbox, domain, key.basis))
        yield from self._by_account[account]
        if mailbox.state is MailboxState.RETIRED:
            yield Constraint.MAILBOX_RETIRED
        if mailbox.state is MailboxState.RESTING:
            yield Constraint.MAILBOX_RESTING
        if mailbox.hold is not None and mailbox.hold.factor == 0:
            yield Constraint.MAILBOX_HELD
        if self.holds.any:
            yield from self._hold_objections(mailbox, key)
        if key.is_new and not mailbox.inbox_readable:
            yield Constraint.INBOX_UNREADABLE
        if key.is_new and (mailbox.health == 0 or _weight(domain, key) == 0):
            yield Constraint.HEALTH

    def _hold_objections(self, mailbox: Mailbox, key: LaneKey) -> Iterator[Constraint]:
        towards = self.holds.towards(mailbox.id, key.provider)
        if towards is not None and towards.factor == 0:
            yield Constraint.PROVIDER_HELD
        if self._ready(mailbox, key.basis) and not self.accounts(mailbox.id, key.basis):
            yield Constraint.PATH_HELD

    def _account_objections(self, mailbox: Mailbox, domain: SendingDomain, basis: LawfulBasis) -> Iterator[Constraint]:
        states = {_readiness(domain, account) for account in self._allowing(mailbox, basis)}
        if not states:
            yield Constraint.BASIS_NOT_COVERED
        elif ReadinessState.READY in states:
            return
        else:
            unknown = ReadinessState.UNKNOWN in states
            yield Constraint.DOMAIN_UNKNOWN if unknown else Constraint.DOMAIN_NOT_READY

    def _allowing(self, mailbox: Mailbox, basis: LawfulBasis) -> tuple[AccountId, ...]:
        return tuple(a for a in mailbox.account_ids if basis in self._accounts[a].allowed_basis)

    def _tally(self, objections: dict[MailboxId, tuple[Constraint, ...]]) -> str:
        mailboxes = [self._mailboxes[id_] for id_ in objections]
        reasons = {*self._reasons(objections), *self._hold_reasons(objections)}
        return none_left(mailboxes, [found[0] for found in objections.values()], reasons)

    def _reasons(self, objections: dict[MailboxId, tuple[Constraint, ...]]) -> Iterator[str]:
        """The sentences that holds and audits gave."""
        for id_, found in objections.items():
            mailbox = self._mailboxes[id_]
            if Constraint.MAILBOX_HELD in found and mailbox.hold is not None:
                yield mailbox.hold.reason
            if Constraint.DOMAIN_NOT_READY in found or Constraint.DOMAIN_UNKNOWN in found:
                domain = self._domains[mailbox.domain_id]
                yield from (f"{domain.name}: {row.reason}" for row in domain.readiness if row.reason)

    def _hold_reasons(self, objections: dict[MailboxId, tuple[Constraint, ...]]) -> Iterator[str]:
        for id_, found in objections.items():
            if Constraint.PROVIDER_HELD in found:
                held = (row for row in self._mailboxes[id_].provider_holds if row.hold.factor == 0)
                yield from (row.hold.reason for row in held)
            if Constraint.PATH_HELD in found:
                stops = (self.holds.path(id_, account) for account in self._mailboxes[id_].account_ids)
                yield from (hold.reason for hold in stops if hold is not None and hold.factor == 0)


def domain_weight(domain: SendingDomain, provider: RecipientProvider) -> int:
    """Health of the domain towards a recipient provider, 0 to 100."""
    return next((row.weight for row in domain.health if row.provider is provider), FULL_WEIGHT)


def _weight(domain: SendingDomain, key: LaneKey) -> int:
    return FULL_WEIGHT if key.provider is None else domain_weight(domain, key.provider)


def binding(firsts: Iterable[Constraint]) -> Constraint:
    """Of the first objection to each mailbox, the one that takes the last mailbox away when rules are applied in
    their order: another mailbox would have passed every stronger rule."""
    return max(firsts, key=power)


def _found(objections: Iterable[tuple[Constraint, ...]]) -> tuple[Constraint, ...]:
    """The binding constraint, and those that by themselves exclude every mailbox, strongest first."""
    rows = tuple(objections)
    everywhere = frozenset(rows[0]).intersection(*rows)
    return tuple(sorted(everywhere | {binding(row[0] for row in rows)}, key=power))


def _readiness(domain: SendingDomain, account_id: AccountId) -> ReadinessState:
    """An account the audit never looked at is unknown."""
    return next((row.state for row in domain.readiness if row.account_id == account_id), ReadinessState.UNKNOWN)
