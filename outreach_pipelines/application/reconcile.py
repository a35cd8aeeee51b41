"""Whether every message that was placed is accounted for, hour by hour.

Two tables are held against each other. `placed` counts **decision rows**: placed, of a plan that was released at any
time (a revoked one too), and not kept for an older message (`kept_reason`): each of them must have made a message of
its own, and counts in the hour of its `due_at`. The states count **message rows** in the hour of theirs, once each, by
the state they are in now; a message that a later plan replaced is superseded and stays counted beside its successor.
So a message row that went missing, one that no decision made, and a release that made no message all show as a
difference. A kept decision makes nothing; it counts through the decision that made the message it points to.

Accepted messages have two further witnesses: attempts that ended as accepted, and the providers: their Send events
where an account reports its sends (SES with a configuration set), their answers where it does not.

Belongs here: the order of counting and saving, and what is said of a fault. Does not: the identity (`domain`), nor
counting (SQL).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from outreach_pipelines.domain.reconciliation import (
    AcceptedWitnesses,
    Balanced,
    HourCounts,
    Unbalanced,
    disagreements,
    identity,
)
from outreach_pipelines.domain.tenant import TenantId

LOOKED_BACK = timedelta(hours=72)
OLDEST_DOUBT = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class CountedHour:
    """One hour as rows tell it. `lost` decisions have no message row, `stray` messages no decision that made them.
    `idle` decisions of the plan in force stand on a superseded message, so that nothing will leave for them.

    `sends_settled`: no accepted attempt of the hour still waits for its Send event within the time that may take.
    """

    counts: HourCounts
    witnesses: AcceptedWitnesses
    lost: int
    stray: int
    idle: int
    sends_settled: bool


@dataclass(frozen=True, slots=True)
class Doubt:
    """Messages of which nobody knows for too long whether they were sent; `since` is machine time."""

    messages: int
    since: datetime


@dataclass(frozen=True, slots=True)
class ReconciledHour:
    """Counts by name, placed - accounted (0 when the identity holds), and a sentence for each fault."""

    counts: Mapping[str, int]
    difference: int
    faults: tuple[str, ...]


class ReconciliationStore(Protocol):
    """Counts from rows, and the hours that were counted."""

    def count(self, tenant: TenantId, hour: datetime) -> CountedHour:
        """One UTC hour, as one moment sees it; an hour without messages counts nothing."""
        ...

    def save(self, tenant: TenantId, counted: CountedHour) -> None:
        """Keep the counts of an hour; a later count of the same hour replaces them."""
        ...

    def faults(self, tenant: TenantId) -> Sequence[str]:
        """What does not add up in the last 72 hours of policy time, as sentences; empty when all is well."""
        ...


def reconcile(store: ReconciliationStore, *, tenant: TenantId, hour: datetime) -> ReconciledHour:
    """Count an hour anew and keep the result. Raises `ValueError` for anything but a whole UTC hour."""
    counted = store.count(tenant, hour)
    store.save(tenant, counted)
    return ReconciledHour(_named(counted), _difference(counted.counts), hour_faults(counted))


def hour_faults(counted: CountedHour) -> tuple[str, ...]:
    """A sentence for each way in which the hour does not add up."""
    return (*_identity_faults(counted), *_witness_faults(counted), *_duplicates(counted))


def doubt_fault(doubt: Doubt) -> str:
    """The sentence for doubt that has lasted too long."""
    hours = OLDEST_DOUBT // timedelta(hours=1)
    since = f"{doubt.since:%Y-%m-%d %H:%M} UTC"
    return f"{doubt.messages} messages in doubt for more than {hours} h, the oldest since {since}"


def _identity_faults(counted: CountedHour) -> Sequence[str]:
    told = identity(counted.counts)
    sentences = [] if isinstance(told, Balanced) else [told.sentence]
    # Equal numbers of both kinds cancel out in the identity, so that each is named by itself.
    if counted.lost:
        sentences.append(f"{_hour(counted)}: {counted.lost} decisions of released plans have no message")
    if counted.stray:
        sentences.append(f"{_hour(counted)}: {counted.stray} messages were made by no decision")
    if counted.idle:
        what = "placements in force stand on a message that is superseded and will not leave"
        sentences.append(f"{_hour(counted)}: {counted.idle} {what}")
    return sentences


def _witness_faults(counted: CountedHour) -> Sequence[str]:
    # A Send event may be on its way for a while; until then its absence says nothing.
    sends = counted.witnesses.provider_sends if counted.sends_settled else None
    witnesses = replace(counted.witnesses, provider_sends=sends)
    return [
        f"{_hour(counted)}: {each.between} disagree about what was accepted: {each.expected} and {each.told}"
        for each in disagreements(witnesses)
    ]


def _duplicates(counted: CountedHour) -> Sequence[str]:
    """They agree with every count, and are what must not happen: each one is named as long as its hour is looked back on."""
    twice = counted.witnesses.attempts_accepted_twice
    return [f"{_hour(counted)}: {twice} sends were a second acceptance of the same message"] if twice else []


def _difference(counts: HourCounts) -> int:
    match identity(counts):
        case Balanced():
            return 0
        case Unbalanced(difference=difference):
            return difference


def _named(counted: CountedHour) -> Mapping[str, int]:
    counts, witnesses = counted.counts, counted.witnesses
    states = ("accepted", "failed", "suppressed", "expired", "cancelled", "superseded", "unknown", "open")
    sends = {} if witnesses.provider_sends is None else {"provider sends": witnesses.provider_sends}
    return {
        "placed": counts.placed,
        **{state: getattr(counts, state) for state in states},
        "attempts accepted": witnesses.attempts_accepted,
        "accepted twice": witnesses.attempts_accepted_twice,
        **sends,
    }


def _hour(counted: CountedHour) -> str:
    return f"{counted.counts.hour:%Y-%m-%d %H:00} UTC"
