"""The port to the list of tenants: names, numbers, zones; nothing that belongs to one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug


@dataclass(frozen=True, slots=True)
class TenantRow:
    """A tenant as schedules need it."""

    ref: TenantRef
    zone: str
    paused: bool


class TenantDirectory(Protocol):
    """Who there is."""

    def all(self) -> Sequence[TenantRow]:
        """Every tenant whose inventory was applied, by slug."""
        ...

    def with_events(self) -> Sequence[TenantRow]:
        """Those with events that wait to be applied."""
        ...

    def of(self, slug: TenantSlug) -> TenantId:
        """The number of a tenant. Raises `NotFound`."""
        ...
