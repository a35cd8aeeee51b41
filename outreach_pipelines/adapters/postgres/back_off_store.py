"""Holds on PostgreSQL: one transaction a judgement.

Belongs here: the order of statements. Does not: reading evidence (`evidence_reader`), columns of a hold (`hold_rows`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from outreach_pipelines.adapters.postgres.evidence_reader import read_evidence
from outreach_pipelines.adapters.postgres.hold_rows import hold_of, hold_values
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.policy_rows import thresholds_of
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.apply_back_off import (
    BackOffRules,
    ChangeKind,
    EvidenceAsked,
    HoldChange,
)
from outreach_pipelines.domain.back_off import AccountScope, Evidence, HoldDecision, Scope
from outreach_pipelines.domain.back_off.scope_key import scope_key
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("back_off")


@dataclass(frozen=True, slots=True)
class PostgresBackOffStore:
    """`BackOffStore` as role outreach_app."""

    engine: Engine

    @contextmanager
    def judging(self, tenant: TenantId) -> Iterator["PostgresBackOffCase"]:
        """See `BackOffStore.judging`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["lock"])
            yield PostgresBackOffCase(connection, tenant)


@dataclass(frozen=True, slots=True)
class PostgresBackOffCase:
    """`BackOffCase` within one transaction."""

    connection: Connection
    tenant: TenantId

    def rules(self) -> BackOffRules:
        """See `BackOffCase.rules`."""
        row = self.connection.execute(_SQL["rules"]).one()
        return BackOffRules(ZoneName(row.zone), thresholds_of(row.thresholds))

    def standing(self) -> Sequence[HoldDecision]:
        """See `BackOffCase.standing`."""
        return [hold_of(row, self.tenant) for row in self.connection.execute(_SQL["standing"]).mappings()]

    def evidence(self, asked: EvidenceAsked) -> Mapping[Scope, Evidence]:
        """See `BackOffCase.evidence`."""
        return read_evidence(self.connection, self.tenant, asked)

    def write(self, changes: Sequence[HoldChange], at: datetime) -> None:
        """See `BackOffCase.write`."""
        for change in changes:
            if change.kind in (ChangeKind.REPLACED, ChangeKind.ENDED):
                self._release(change, at)
            if change.kind is not ChangeKind.ENDED:
                self._set(change.hold, at)
            if change.kind is not ChangeKind.CARRIED_ON:
                self.connection.execute(_SQL["log_change"], _log_values(change))

    def _set(self, hold: HoldDecision, at: datetime) -> None:
        values = hold_values(hold, at)
        match hold.scope:
            case AccountScope(account):
                self.connection.execute(_SQL["set_account_hold"], values | {"account_id": account})
            case _:
                self.connection.execute(_SQL["set_hold"], values)

    def _release(self, change: HoldChange, at: datetime) -> None:
        hold = change.hold
        ended = change.kind is ChangeKind.ENDED
        why = "over: nothing asks for it any more" if ended else f"replaced: {hold.level.value}, {hold.reason.value}"
        values: dict[str, object] = {"signal": hold.reason.signal.value, "why": why, "at": at}
        match hold.scope:
            case AccountScope(account):
                self.connection.execute(_SQL["release_account_hold"], values | {"account_id": account})
            case scope:
                self.connection.execute(_SQL["release_hold"], values | {"scope_key": scope_key(scope)})


def _log_values(change: HoldChange) -> dict[str, object]:
    hold = change.hold
    detail = {
        "level": hold.level.value,
        "factor": str(hold.factor),
        "reason": hold.reason.value,
        "sentence": hold.sentence,
        "until": hold.until and hold.until.isoformat(),
        "evidence": asdict(hold.numbers),
    }
    return {"action": f"hold {change.kind}", "subject": scope_key(hold.scope), "detail": json.dumps(detail)}
