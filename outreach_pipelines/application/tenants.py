"""The port to the list of tenants, and whose turn it is: names, numbers, zones; nothing that belongs to one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug


@dataclass(frozen=True, slots=True)
class TenantRow:
    """A tenant as schedules need it. `founded_at`, by the machine's clock: its inventory was applied for the first time."""

    ref: TenantRef
    zone: str
    paused: bool
    founded_at: datetime | None = None


def in_turn(rows: Sequence[TenantRow], *, after: str | None) -> Sequence[TenantRow]:
    """Tenants by slug, from the one behind `after` on: where time ended before their turn, they are next."""
    ordered = sorted(rows, key=lambda row: row.ref.slug)
    return sorted(ordered, key=lambda row: after is not None and row.ref.slug <= after)


class TenantDirectory(Protocol):
    """Who there is."""

    def all(self) -> Sequence[TenantRow]:
        """Every tenant whose inventory was applied, by slug."""
        ...

    def with_events(self) -> Sequence[TenantRow]:
        """Those with events that wait to be applied."""
        ...

    def with_unaudited_domains(self) -> Sequence[TenantRow]:
        """Those with a sending domain, or an account of one, that no DNS audit has looked at, or none for 13 hours,
        or whose latest saw a fault, over an hour ago, that another is to confirm.

        Before the first it sends nothing; 72 hours after the last certain answer it sends nothing again.
        """
        ...

    def with_seeds_under_way(self) -> Sequence[TenantRow]:
        """Those with seeds that may have arrived, or with an account that seeds stopped and a DNS audit of the last hour."""
        ...

    def with_unresolved_recipients(self) -> Sequence[TenantRow]:
        """Those with leads at domains of which DNS said nothing certain yet, or long ago that they take no mail."""
        ...

    def of(self, slug: TenantSlug) -> TenantId:
        """The number of a tenant. Raises `NotFound`."""
        ...
