"""After a restore to a point in time: what was sent in the time that was lost is not known, so it is doubted, not repeated.

Belongs here: the order of the steps. Does not: what settles the doubt (`resolve_doubt`), nor what a restore loses besides
sends (docs/operations.md: suppressions and erasures of that time).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from outreach_pipelines.application.stored_objects import ObjectKey, ObjectStore
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.live_lease import Lease
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.tenant import TenantId, TenantSlug

TagOf = Callable[[MessageTag], WireTag]


@dataclass(frozen=True, slots=True)
class LostMessage:
    """A message that may have left in the lost time."""

    plan_day: date
    message: MessageId


class Recovery(Protocol):
    """The database's side of a recovery. Each method is one transaction, and may be repeated."""

    def last_heartbeat(self) -> datetime:
        """Machine time up to which the database surely reaches: it beats each minute."""
        ...

    def begin_restore(self, restored_to: datetime, until: datetime, reason: str, *, by: str) -> int:
        """Raise the epoch and leave out the numbers of the lost time; the new epoch. Raises `Refused` for a wrong order."""
        ...

    def put_in_doubt(
        self, tenant: TenantId, restored_to: datetime, until: datetime, tag: TagOf
    ) -> Sequence[LostMessage]:
        """All of this tenant that may have left after `restored_to` and until `until`."""
        ...

    def known_plans(self, tenant: TenantId) -> frozenset[ObjectKey]:
        """The plan files that the database knows."""
        ...

    def hold(self, tenant: TenantId, sentence: str) -> None:
        """Stop a tenant until a person decides."""
        ...

    def adopt(self, lease: Lease | None, reason: str, *, by: str) -> None:
        """Go on where the lease stands; None when there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """`restored_to` is the recovery target and `until` when the last process of the lost time stopped; both aware."""

    restored_to: datetime
    until: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class TenantRecovery:
    """What a restore left of one tenant. `lost_plans` are files of plans that the database does not know any more."""

    tenant: TenantSlug
    in_doubt: Sequence[LostMessage]
    lost_plans: Sequence[ObjectKey]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was done. `restored_to` is earlier than asked for where the database turned out to reach less far."""

    epoch: int
    restored_to: datetime
    tenants: Sequence[TenantRecovery]


def recover(
    recovery: Recovery,
    objects: ObjectStore,
    tenants: Iterable[TenantRow],
    tag: TagOf,
    restore: Restore,
    *,
    lease: Lease | None,
) -> Recovered:
    """Raise the epoch, then doubt each tenant's messages, then let this database keep the lease. Safe to repeat."""
    restored_to = min(restore.restored_to, recovery.last_heartbeat())
    epoch = recovery.begin_restore(restored_to, restore.until, restore.reason, by=restore.by)
    done = [_recover_tenant(recovery, objects, row, tag, restored_to, restore.until) for row in tenants]
    # Last: until then a failure leaves a database that cannot send.
    recovery.adopt(lease, restore.reason, by=restore.by)
    return Recovered(epoch, restored_to, done)


def _recover_tenant(
    recovery: Recovery, objects: ObjectStore, row: TenantRow, tag: TagOf, restored_to: datetime, until: datetime
) -> TenantRecovery:
    doubted = recovery.put_in_doubt(row.ref.id, restored_to, until, tag)
    # Plan days are the tenant's own: its clock may be a day off that of the restore.
    days = (restored_to.date() - timedelta(days=1), until.date() + timedelta(days=1))
    lost = _lost_plans(objects, row.ref.slug, recovery.known_plans(row.ref.id), days)
    if lost:
        # Messages that only the lost time knew have no row to be doubted by, and a new plan would make them again.
        sentence = (
            f"restored: {len(lost)} plans were made in the time that was lost, and what they sent is not known here"
        )
        recovery.hold(row.ref.id, sentence)
    return TenantRecovery(row.ref.slug, doubted, lost)


def _lost_plans(
    objects: ObjectStore, slug: TenantSlug, known: frozenset[ObjectKey], days: tuple[date, date]
) -> Sequence[ObjectKey]:
    prefix = f"plans/{slug}/"
    stored = (info.key for info in objects.list(prefix) if "/plan-" in info.key)
    return [key for key in stored if key not in known and days[0] <= _day_of(key, prefix) <= days[1]]


def _day_of(key: ObjectKey, prefix: str) -> date:
    return date.fromisoformat(key.removeprefix(prefix).partition("/")[0])
