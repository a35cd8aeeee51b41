"""The hand on policy time, as role outreach_ops: only where sending is not live, which the database itself refuses."""

from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg.errors import CheckViolation
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.application.step_clock import DueState
from outreach_pipelines.errors import Refused

_SET = text("""
    insert into app.clock (policy_now) values (:now)
    on conflict (one) do update set policy_now = excluded.policy_now where clock.policy_now <= excluded.policy_now""")
_NOW = text("select app.now()")
_DUE_STATE = statements("messages")["due_state"]


@dataclass(frozen=True, slots=True)
class PostgresSteppedTime:
    """`SteppedTime`."""

    ops: Engine

    def now(self) -> datetime:
        """See `SteppedTime.now`."""
        with self.ops.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            now: datetime = connection.execute(_NOW).scalar_one()
        return now.astimezone(UTC)

    def set(self, moment: datetime) -> None:
        """See `SteppedTime.set`."""
        try:
            with self.ops.begin() as connection:
                moved = connection.execute(_SET, {"now": moment}).rowcount == 1
        except IntegrityError as fault:
            if isinstance(fault.orig, CheckViolation) and fault.orig.diag.constraint_name == "clock_is_real_when_live":
                raise Refused(str(fault.orig.diag.message_primary)) from fault
            raise
        if not moved:
            message = f"policy time does not go back to {moment}"
            raise Refused(message)

    def due_state(self) -> DueState:
        """See `SteppedTime.due_state`."""
        with self.ops.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            row = connection.execute(_DUE_STATE).one()
        return DueState(row.under_way, row.in_doubt, row.next_due, row.retry_waits)
