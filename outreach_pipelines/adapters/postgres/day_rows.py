"""How the rows of a day are asked for.

Belongs here: running statements by name. Does not: what their rows mean (`snapshot_reader`, `snapshot_senders`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from outreach_pipelines.adapters.postgres.named import statements

_SQL = statements("plans")


@dataclass(frozen=True, slots=True)
class DayRows:
    """The named statements of plans, in one transaction of the tenant."""

    connection: Connection

    def all(self, statement: str, **values: object) -> Sequence[RowMapping]:
        """Every row of a statement."""
        return self.connection.execute(_SQL[statement], values).mappings().all()

    def one(self, statement: str) -> RowMapping:
        """The only row of a statement."""
        return self.connection.execute(_SQL[statement]).mappings().one()

    def now(self) -> datetime:
        """Policy time."""
        now: datetime = self.connection.execute(_SQL["policy_now"]).scalar_one()
        return now
