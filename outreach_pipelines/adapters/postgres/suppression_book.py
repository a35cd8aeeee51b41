"""Suppressions by hand, on PostgreSQL.

Belongs here: rows as values, and the audit row. Does not: what may be lifted (`application.suppress_by_hand`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.acts_by_hand import ByHand
from outreach_pipelines.application.suppress_by_hand import NamedSubject, StoredSuppression, SuppressedBy
from outreach_pipelines.domain.address import AddressHash
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("suppressions")


@dataclass(frozen=True, slots=True)
class PostgresSuppressionBook:
    """`SuppressionBook` as role outreach_app."""

    engine: Engine

    def now(self) -> datetime:
        """See `SuppressionBook.now`."""
        with self.engine.connect() as connection:
            now: datetime = connection.execute(_SQL["policy_now"]).scalar_one()
        return now

    def entries(self, tenant: TenantId, subjects: Sequence[AddressHash]) -> Sequence[StoredSuppression]:
        """See `SuppressionBook.entries`."""
        values = {"subjects": [bytes.fromhex(subject) for subject in subjects]}
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["entries"], values).mappings().all()
        return [StoredSuppression(**{**row, "kind": SuppressedBy(row["kind"])}) for row in rows]

    def is_global(self, everywhere: AddressHash) -> bool:
        """See `SuppressionBook.is_global`."""
        with self.engine.connect() as connection:
            return bool(connection.execute(_SQL["is_global"], {"hmac": bytes.fromhex(everywhere)}).scalar_one())

    def waiting(self, tenant: TenantId, subject: AddressHash) -> int:
        """See `SuppressionBook.waiting`."""
        with tenant_session(self.engine, tenant) as connection:
            return int(connection.execute(_SQL["waiting"], {"hmac": bytes.fromhex(subject)}).scalar_one())

    def add(self, tenant: TenantId, subject: NamedSubject, kind: SuppressedBy, by: ByHand) -> bool:
        """See `SuppressionBook.add`."""
        hmac = bytes.fromhex(subject.own)
        values = {
            "subject": _column(subject),
            "hmac": hmac,
            "kind": kind,
            "source": f"by hand, {by.actor}: {by.reason}",
        }
        with tenant_session(self.engine, tenant) as connection:
            new = bool(connection.execute(_SQL["add"], values).scalar_one())
            _note(connection, subject, by, "suppression added", {"kind": kind.value, "new": new})
        return new

    def lift(self, tenant: TenantId, subject: NamedSubject, by: ByHand, *, own_too: bool) -> int:
        """See `SuppressionBook.lift`."""
        hmac = bytes.fromhex(subject.own)
        kinds = [kind.value for kind in SuppressedBy if own_too or not kind.is_persons_own]
        with tenant_session(self.engine, tenant) as connection:
            values = {"hmac": hmac, "kinds": kinds, "why": f"{by.actor}: {by.reason}"}
            lifted = connection.execute(_SQL["lift"], values).rowcount
            if lifted:
                _note(connection, subject, by, "suppression lifted", {"lifted": lifted, "person_asked": own_too})
        return lifted


def _column(subject: NamedSubject) -> str:
    return "domain" if subject.is_domain else "address"


def _note(
    connection: Connection, subject: NamedSubject, by: ByHand, action: str, detail: dict[str, str | int | bool]
) -> None:
    values = {"actor": by.actor, "action": action, "subject": f"{_column(subject)} {subject.own}"}
    connection.execute(_SQL["note"], values | {"detail": json.dumps({"reason": by.reason, **detail})})
