"""Upkeep that no person should have to think of: heartbeat, sweeper, partitions ahead of their days."""

from dataclasses import dataclass
from typing import Protocol

from outreach_pipelines.application.ports import MessageStore, Swept
from outreach_pipelines.application.tenants import TenantDirectory


class Maintenance(Protocol):
    """The parts of upkeep that belong to no tenant."""

    def heartbeat(self) -> bool:
        """Tell the clock guard that time goes on. False when it stands too far off and a person must confirm."""
        ...

    def ensure_partitions(self, days: int) -> int:
        """Make the day partitions of the next `days` days; how many were missing."""
        ...


@dataclass(frozen=True, slots=True)
class SweptAll:
    """What the sweeper moved over all tenants, and whether the clock guard is content."""

    swept: int
    put_in_doubt: int
    clock_ok: bool


def sweep_all(
    maintenance: Maintenance, tenants: TenantDirectory, messages: MessageStore, *, horizon_seconds: float
) -> SweptAll:
    """One heartbeat and one sweep, tenant by tenant. Safe to repeat and to run twice at once."""
    clock_ok = maintenance.heartbeat()
    swept = [messages.sweep(row.ref.id, horizon_seconds=horizon_seconds) for row in tenants.all()]
    return SweptAll(sum(moved(each) for each in swept), sum(each.put_in_doubt for each in swept), clock_ok)


def moved(swept: Swept) -> int:
    """All that one sweep moved."""
    return (
        swept.claims_released + swept.put_in_doubt + swept.expired + swept.suppressed + swept.cancelled + swept.given_up
    )
