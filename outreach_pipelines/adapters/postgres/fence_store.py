"""The fences in PostgreSQL: mode, epoch, the lease's number, and what a restore leaves in doubt.

Belongs here: rows as values. Does not: locks and the order of what a function does (`functions/005_fences.sql`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import CheckViolation
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.recover import LostMessage, TagOf
from outreach_pipelines.application.stored_objects import ObjectKey
from outreach_pipelines.domain.live_lease import DatabaseFences, EnvironmentId, HolderId, Lease
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.sending_mode import SendingMode
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Refused, Unreadable

_SQL = statements("fences")


@dataclass(frozen=True, slots=True)
class FenceChange:
    """Who moved a fence, and why; `changed_at` is machine time, aware."""

    kind: str
    detail: str
    reason: str
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class PostgresFenceFacts:
    """`FenceFacts`, as any role that sends."""

    engine: Engine

    def fences(self, lease: Lease | None) -> DatabaseFences:
        """See `FenceFacts.fences`."""
        values = {"serial": lease.serial if lease else 0, "holder": lease.holder if lease else ""}
        with _answering(self.engine) as connection:
            row = connection.execute(_SQL["fences"], values).one()
        live = SendingMode(row.mode) is SendingMode.LIVE
        return DatabaseFences(EnvironmentId(row.environment_id), live, row.lease_serial, row.gave_out)

    def mode(self) -> SendingMode:
        """What this database may be used for. Raises `Unreadable`."""
        with _answering(self.engine) as connection:
            return SendingMode(connection.execute(_SQL["mode"]).scalar_one())


@dataclass(frozen=True, slots=True)
class PostgresFenceStore:
    """`LeaseNumbers` and `Recovery`: `ops` moves fences, `app` puts tenants' messages in doubt."""

    ops: Engine
    app: Engine

    def fences(self, lease: Lease | None) -> DatabaseFences:
        """See `FenceFacts.fences`."""
        return PostgresFenceFacts(self.ops).fences(lease)

    def next_number(self, holder: HolderId, *, after: int) -> int | None:
        """See `LeaseNumbers.next_number`."""
        with _answering(self.ops) as connection:
            number: int | None = connection.execute(
                _SQL["next_lease_number"], {"holder": holder, "after": after}
            ).scalar_one()
        return number

    def raise_epoch(self, reason: str, *, by: str) -> int:
        """Every process that began before is refused at its next intent; the new number."""
        with self.ops.begin() as connection:
            return int(connection.execute(_SQL["raise_epoch"], {"reason": reason, "by": by}).scalar_one())

    def change_mode(self, mode: SendingMode, reason: str, *, by: str) -> int:
        """Open the database for lab or live, or close it; raises the epoch, too. Raises `Refused` for a stepped clock."""
        with _refusing(), self.ops.begin() as connection:
            values = {"mode": mode, "reason": reason, "by": by}
            return int(connection.execute(_SQL["change_mode"], values).scalar_one())

    def adopt(self, lease: Lease | None, reason: str, *, by: str) -> None:
        """See `Recovery.adopt`."""
        values = {"holder": lease and lease.holder, "serial": lease.serial if lease else 0, "reason": reason, "by": by}
        with self.ops.begin() as connection:
            connection.execute(_SQL["adopt_lease"], values)

    def last_heartbeat(self) -> datetime:
        """See `Recovery.last_heartbeat`."""
        with self.ops.connect() as connection:
            heartbeat: datetime = connection.execute(_SQL["last_heartbeat"]).scalar_one()
        return heartbeat

    def begin_restore(self, restored_to: datetime, until: datetime, reason: str, *, by: str) -> int:
        """See `Recovery.begin_restore`."""
        values = {"restored_to": restored_to, "until": until, "reason": reason, "by": by}
        with _refusing(), self.ops.begin() as connection:
            return int(connection.execute(_SQL["begin_restore"], values).scalar_one())

    def put_in_doubt(
        self, tenant: TenantId, restored_to: datetime, until: datetime, tag: TagOf
    ) -> Sequence[LostMessage]:
        """See `Recovery.put_in_doubt`."""
        span = {"restored_to": restored_to, "until": until}
        with tenant_session(self.app, tenant) as connection:
            found = connection.execute(_SQL["lost_messages"], span).all()
            return [
                LostMessage(row.plan_day, MessageId(row.message_id))
                for row in found
                if _doubt(
                    connection, MessageTag(tenant, row.plan_day, MessageId(row.message_id), row.first), tag, restored_to
                )
            ]

    def known_plans(self, tenant: TenantId) -> frozenset[ObjectKey]:
        """See `Recovery.known_plans`."""
        with tenant_session(self.app, tenant) as connection:
            return frozenset(ObjectKey(key) for key in connection.execute(_SQL["known_plan_keys"]).scalars())

    def hold(self, tenant: TenantId, sentence: str) -> None:
        """See `Recovery.hold`."""
        with tenant_session(self.app, tenant) as connection:
            connection.execute(_SQL["hold_tenant"], {"sentence": sentence})

    def changes(self, most: int) -> Sequence[FenceChange]:
        """The last changes, the newest first."""
        with self.ops.connect() as connection:
            return [FenceChange(**row) for row in connection.execute(_SQL["changes"], {"most": most}).mappings()]


def _doubt(connection: Connection, first: MessageTag, tag: TagOf, restored_to: datetime) -> bool:
    values = {
        "plan_day": first.plan_day,
        "message_id": first.message,
        "first": first.attempt,
        "tag": tag(first),
        "restored_to": restored_to,
    }
    return bool(connection.execute(_SQL["doubt_lost_attempt"], values).scalar_one())


@contextmanager
def _answering(engine: Engine) -> Iterator[Connection]:
    """A database that does not answer is `Unreadable`: to a fence it is the same as a lost lease."""
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as fault:
        message = f"the database did not answer: {type(fault).__name__}"
        raise Unreadable(message) from fault


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except IntegrityError as fault:
        if isinstance(fault.orig, CheckViolation):
            raise Refused(str(fault.orig.diag.message_primary)) from fault
        raise
