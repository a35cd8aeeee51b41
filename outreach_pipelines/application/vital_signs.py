"""What sending needs, as the database shows it: one value for the system, one for each account and tenant; and the port.

Ages are by the machine's clock, since feeds and guards run on it.

Belongs here: facts. Does not: which of them are faults and how they are cured (`diagnose`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.tenant import TenantRef


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSigns:
    """`last_partition`: the last plan day that messages have a partition for, without a gap before it."""

    mode: str
    heartbeat_age: timedelta
    guard_passes: bool
    epoch: int
    epoch_reason: str
    last_partition: date | None
    unfounded_tenants: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSigns:
    """A provider account. `stops` are the reasons of the holds that let nothing pass."""

    name: str
    kind: str
    proof_age: timedelta | None
    breaker: str
    stops: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSigns:
    """A sending domain with one account. `publish` are zone file lines that mend what stops it; `by_seed`: a seed stops it."""

    domain: str
    account: str
    state: str
    reason: str
    publish: Sequence[str]
    by_seed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxSigns:
    """`read_age` None: never read to its end. `error` is the last one, None when it was read since."""

    name: str
    read_age: timedelta | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSigns:
    """The newest plan of a tenant-local day; `not_placed` counts candidates by their binding constraint, most first."""

    day: date
    version: int
    status: str
    placed: int
    not_placed: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSigns:
    """A hold in force; `factor` is what it leaves of the cap now. `scope` names what it is on."""

    scope_key: str
    scope: str
    factor: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSigns:
    """What one tenant's sending rests on. `waiting_events` wait for longer than ten minutes.

    `something_may_go_today`: somebody is due whose sending window opens on the tenant's own date.
    """

    tenant: TenantRef
    zone: ZoneName
    founded_at: datetime
    paused_because: str | None
    active_domains: int
    paths: Sequence[PathSigns]
    mailboxes: int
    without_inbox: Sequence[str]
    inboxes: Sequence[InboxSigns]
    active_campaigns: int
    leads: int
    active_enrollments: int
    plans: Sequence[PlanSigns]
    something_may_go_today: bool
    holds: Sequence[HoldSigns]
    in_doubt: int
    oldest_doubt: timedelta | None
    unknown: int
    past_window: int
    waiting_events: int


class SignsReader(Protocol):
    """Reads the signs; each call sees one moment."""

    def system(self) -> SystemSigns:
        """The parts that belong to no tenant."""
        ...

    def accounts(self) -> Sequence[AccountSigns]:
        """All provider accounts, by name."""
        ...

    def tenants(self) -> Sequence[TenantRef]:
        """Tenants whose inventory was applied, by slug."""
        ...

    def tenant(self, tenant: TenantRef) -> TenantSigns:
        """One tenant's signs."""
        ...
