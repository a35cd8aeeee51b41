"""Upkeep on PostgreSQL, as role outreach_ops."""

from dataclasses import dataclass

from sqlalchemy import Engine, text

# Written only while the guard would still pass: once it has closed, a person confirms (outreach clock confirm).
_HEARTBEAT = text("""
    update app.environment set heartbeat_at = clock_timestamp()
     where clock_timestamp() between heartbeat_at - interval '5 seconds' and heartbeat_at + interval '72 hours'""")
_CONFIRM = text("update app.environment set heartbeat_at = clock_timestamp()")
# The function begins with yesterday, for tenants whose day began later than the UTC day.
_PARTITIONS = text("select app.ensure_partitions(null, :days + 1)")


@dataclass(frozen=True, slots=True)
class PostgresMaintenance:
    """`Maintenance`."""

    ops: Engine

    def heartbeat(self) -> bool:
        """See `Maintenance.heartbeat`."""
        with self.ops.begin() as connection:
            return connection.execute(_HEARTBEAT).rowcount == 1

    def confirm_clock(self) -> None:
        """A person has looked: the machine's time is right, and sending may go on."""
        with self.ops.begin() as connection:
            connection.execute(_CONFIRM)

    def ensure_partitions(self, days: int) -> int:
        """See `Maintenance.ensure_partitions`."""
        with self.ops.begin() as connection:
            return int(connection.execute(_PARTITIONS, {"days": days}).scalar_one())
