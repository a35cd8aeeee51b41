"""Plain answers to the small ports that schedules and sensors ask."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug


@dataclass(frozen=True)
class Tenants:
    """`TenantDirectory` of these; their numbers count from 1."""

    rows: tuple[TenantRow, ...]
    seeds: tuple[TenantSlug, ...] = ()

    @classmethod
    def named(cls, *slugs: str) -> "Tenants":
        """All in one zone."""
        return cls(tuple(_row(number, slug, "Etc/UTC") for number, slug in enumerate(slugs, 1)))

    @classmethod
    def in_zones(cls, *zones: str) -> "Tenants":
        """One a zone: t1, t2 and so on."""
        return cls(tuple(_row(number, f"t{number}", zone) for number, zone in enumerate(zones, 1)))

    def all(self) -> Sequence[TenantRow]:
        return self.rows

    def with_events(self) -> Sequence[TenantRow]:
        return self.rows

    def with_seeds_under_way(self) -> Sequence[TenantRow]:
        return [row for row in self.rows if row.ref.slug in self.seeds]

    def with_unresolved_recipients(self) -> Sequence[TenantRow]:
        return self.rows

    def of(self, slug: TenantSlug) -> TenantId:
        return {row.ref.slug: row.ref.id for row in self.rows}[slug]


@dataclass(frozen=True)
class Due:
    """`DueHours`: tenants with work by hour, and with any message."""

    work: Mapping[datetime, Sequence[str]] = field(default_factory=dict)
    held: Mapping[datetime, Sequence[str]] = field(default_factory=dict)

    def tenants_due(self, hour: datetime) -> Sequence[TenantRef]:
        return [TenantRef(TenantId(1), TenantSlug(slug)) for slug in self.work.get(hour, [])]

    def tenants_with_messages(self, hour: datetime) -> Sequence[TenantRef]:
        return [TenantRef(TenantId(1), TenantSlug(slug)) for slug in self.held.get(hour, [])]


@dataclass(frozen=True)
class Standing:
    """`Clock` that stands."""

    moment: datetime
    stepped: bool = False

    def now(self) -> datetime:
        return self.moment

    async def wait_until(self, moment: datetime, stop: asyncio.Event) -> None:
        """There is nothing to wait for."""


def _row(number: int, slug: str, zone: str) -> TenantRow:
    return TenantRow(TenantRef(TenantId(number), TenantSlug(slug)), zone, paused=False)
