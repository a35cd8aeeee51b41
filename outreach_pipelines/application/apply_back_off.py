"""Judge a tenant's evidence and make its holds so: what is slowed, stopped, eased or free from the next intent on.

Belongs here: what is asked of the store, and how the wanted holds differ from the standing ones. Does not: the tests
(`domain.back_off`), nor what a hold does (`adapters/postgres/functions/030_begin_send.sql`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from math import ceil, log
from typing import Protocol
from zoneinfo import ZoneInfo

from outreach_pipelines.domain.back_off import (
    AccountScope,
    Evidence,
    HoldDecision,
    HoldReason,
    Policy,
    Scope,
    Signal,
    judge,
    tenant_policy,
)
from outreach_pipelines.domain.back_off.scope_key import scope_key
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.sending_policy import BackOffThresholds
from outreach_pipelines.domain.tenant import TenantId

LEAST_MEMORY = timedelta(days=29)
LONGEST_MEMORY = timedelta(days=120)
RUN_WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class BackOffRules:
    """A tenant's zone, whose local days are judged, and its thresholds."""

    zone: ZoneName
    thresholds: BackOffThresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceAsked:
    """How much is read. `now` is in the tenant's zone, `since` its first local day.

    A scope without news is read only if it is in `keep`; single sends only where `bounces_for_runs` of them bounced.
    """

    now: datetime
    since: date
    runs_since: datetime
    answers_since: datetime
    bounces_for_runs: int
    errors_from: int
    keep: frozenset[Scope]


class ChangeKind(StrEnum):
    """How a hold differs from the one that stood."""

    IMPOSED = "imposed"
    REPLACED = "replaced"
    EASED = "eased"
    CARRIED_ON = "carried on"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class HoldChange:
    """`hold` as it should stand from now on, or, when it has ended, as it last stood."""

    kind: ChangeKind
    hold: HoldDecision

    def __str__(self) -> str:
        """For people: which scope, what happened, why."""
        hold = self.hold
        return f"{scope_key(hold.scope)} {hold.level.value} {self.kind}: {hold.sentence}"


class BackOffCase(Protocol):
    """One tenant under judgement, in one transaction that no other judgement of the tenant shares."""

    def rules(self) -> BackOffRules:
        """What the tenant is judged by."""
        ...

    def standing(self) -> Sequence[HoldDecision]:
        """All holds not released, those of persons and of the tenant's accounts among them."""
        ...

    def evidence(self, asked: EvidenceAsked) -> Mapping[Scope, Evidence]:
        """What is known of each scope that has news or is to be kept. An account's days are UTC days, of all tenants."""
        ...

    def write(self, changes: Sequence[HoldChange], at: datetime) -> None:
        """Make the holds so, with an audit row for each change but those that only carry on."""
        ...


class BackOffStore(Protocol):
    """Evidence and holds."""

    def judging(self, tenant: TenantId) -> AbstractContextManager[BackOffCase]:
        """A transaction: committed at the end, rolled back on any exception. Two of one tenant wait for each other."""
        ...


@dataclass(frozen=True, slots=True)
class BackOffSummary:
    """`in_force`: holds that keep something back now, a person's included. `changed`: a sentence for each change."""

    in_force: int
    changed: tuple[str, ...]


def apply_back_off(store: BackOffStore, *, tenant: TenantId, now: datetime) -> BackOffSummary:
    """Judge every scope of a tenant at policy time `now` and store the holds that follow. Repeating it changes nothing."""
    with store.judging(tenant) as case:
        rules, standing = case.rules(), case.standing()
        policy = tenant_policy(rules.thresholds)
        local = now.astimezone(ZoneInfo(rules.zone))
        by_person = [hold for hold in standing if hold.reason is HoldReason.MANUAL]
        automatic = [hold for hold in standing if hold.reason is not HoldReason.MANUAL]
        evidence = case.evidence(_asked(policy, automatic, local))
        wanted = _wanted(evidence, policy, local, automatic)
        changes = tuple(_changes(automatic, wanted))
        case.write(changes, now)
    return BackOffSummary(
        in_force=sum(hold.factor_at(now) < 1 for hold in (*by_person, *wanted)),
        changed=tuple(str(change) for change in changes if change.kind is not ChangeKind.CARRIED_ON),
    )


def _asked(policy: Policy, standing: Sequence[HoldDecision], now: datetime) -> EvidenceAsked:
    """Clean days count from a hold's end on, however long the way back takes."""
    ends = [hold.until for hold in standing if hold.until is not None]
    first = max(now - LONGEST_MEMORY, min((*ends, now - LEAST_MEMORY)))
    reputation = max(policy.reputation.slow_for, policy.reputation.stop_for)
    return EvidenceAsked(
        now=now,
        since=first.astimezone(now.tzinfo).date(),
        runs_since=now - RUN_WINDOW,
        answers_since=now - reputation,
        bounces_for_runs=fewest_bounces_that_stop(policy),
        errors_from=policy.errors.warn,
        keep=frozenset(hold.scope for hold in standing),
    )


def fewest_bounces_that_stop(policy: Policy) -> int:
    """With fewer hard bounces in the window, neither a run nor the sequential test can stop a scope."""
    rule = policy.sequential
    each = log(rule.bad / rule.acceptable)
    return min(policy.hard_run_to_stop, ceil(min(rule.mailbox_limit, rule.pooled_limit) / each))


def _wanted(
    evidence: Mapping[Scope, Evidence], policy: Policy, local: datetime, standing: Iterable[HoldDecision]
) -> Sequence[HoldDecision]:
    current: dict[Scope, list[HoldDecision]] = defaultdict(list)
    for hold in standing:
        current[hold.scope].append(hold)
    return [
        hold
        for scope, known in evidence.items()
        for hold in judge(scope, known, policy, _local_to(scope, local), current[scope])
    ]


def _local_to(scope: Scope, local: datetime) -> datetime:
    """Tenants of several zones share an account, so its days are those of UTC."""
    return local.astimezone(UTC) if isinstance(scope, AccountScope) else local


def _key(hold: HoldDecision) -> tuple[Scope, Signal]:
    return hold.scope, hold.reason.signal


def _changes(standing: Iterable[HoldDecision], wanted: Iterable[HoldDecision]) -> Iterator[HoldChange]:
    """In a steady order of scopes, so that two writers of accounts take their locks alike."""
    before, after = {_key(hold): hold for hold in standing}, {_key(hold): hold for hold in wanted}
    for key in sorted(before.keys() | after.keys(), key=lambda key: (scope_key(key[0]), key[1].value)):
        change = _change(before.get(key), after.get(key))
        if change is not None:
            yield change


def _change(stood: HoldDecision | None, wanted: HoldDecision | None) -> HoldChange | None:
    match stood, wanted:
        case None, HoldDecision():
            return HoldChange(ChangeKind.IMPOSED, wanted)
        case HoldDecision(), None:
            return HoldChange(ChangeKind.ENDED, stood)
        case HoldDecision(), HoldDecision():
            return _difference(stood, wanted)
        case _:
            return None


def _difference(stood: HoldDecision, wanted: HoldDecision) -> HoldChange | None:
    if (stood.level, stood.factor, stood.reason) != (wanted.level, wanted.factor, wanted.reason):
        return HoldChange(ChangeKind.REPLACED, wanted)
    same = replace(wanted, since=stood.since)
    if same == stood:
        return None
    was, now = (hold.probation.factor if hold.probation else None for hold in (stood, same))
    return HoldChange(ChangeKind.CARRIED_ON if was == now else ChangeKind.EASED, same)
