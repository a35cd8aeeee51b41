"""The port that tells schedules which tenants have work in an hour."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from outreach_pipelines.domain.tenant import TenantRef


class DueHours(Protocol):
    """Seen over all tenants, by numbers alone."""

    def tenants_due(self, hour: datetime) -> Sequence[TenantRef]:
        """Tenants with planned or waiting messages of released plans that may go in the UTC hour from `hour`."""
        ...

    def tenants_with_messages(self, hour: datetime) -> Sequence[TenantRef]:
        """Tenants with any message due in that hour, in whatever state."""
        ...
