"""Counts of hours on PostgreSQL.

Belongs here: rows as counts. Does not: what is counted as what (`queries/reconciliation.sql`), nor which counts are
faults (`application.reconcile`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.reconcile import (
    LOOKED_BACK,
    OLDEST_DOUBT,
    CountedHour,
    Doubt,
    doubt_fault,
    hour_faults,
)
from outreach_pipelines.domain.reconciliation import AcceptedWitnesses, HourCounts
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("reconciliation")
_HOUR = timedelta(hours=1)
_STATES = ("accepted", "failed", "suppressed", "expired", "cancelled", "superseded", "unknown", "open")


@dataclass(frozen=True, slots=True)
class PostgresReconciliationStore:
    """`ReconciliationStore` as role outreach_app."""

    engine: Engine

    def count(self, tenant: TenantId, hour: datetime) -> CountedHour:
        """See `ReconciliationStore.count`."""
        nothing = HourCounts(tenant=tenant, hour=hour, placed=0)
        with tenant_session(self.engine, tenant) as connection:
            hours = _hours(connection, tenant, since=hour, until=hour + _HOUR)
        return hours[0] if hours else CountedHour(nothing, _NOBODY, lost=0, stray=0, idle=0, sends_settled=True)

    def save(self, tenant: TenantId, counted: CountedHour) -> None:
        """See `ReconciliationStore.save`."""
        counts, witnesses = counted.counts, counted.witnesses
        values = {state: getattr(counts, state) for state in ("hour", "placed", *_STATES)} | {
            "attempts_accepted": witnesses.attempts_accepted,
            "accepted_twice": witnesses.attempts_accepted_twice,
            "provider_sends": witnesses.provider_sends,
        }
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["save_hour"], values)

    def faults(self, tenant: TenantId) -> Sequence[str]:
        """See `ReconciliationStore.faults`."""
        with tenant_session(self.engine, tenant) as connection:
            now: datetime = connection.execute(_SQL["policy_now"]).scalar_one()
            this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            hours = _hours(connection, tenant, since=this_hour - LOOKED_BACK, until=this_hour + _HOUR)
            doubt = connection.execute(_SQL["long_doubt"], {"oldest": OLDEST_DOUBT}).one()
        sentences = [sentence for hour in hours for sentence in hour_faults(hour)]
        if doubt.messages:
            sentences.append(doubt_fault(Doubt(doubt.messages, doubt.since.astimezone(UTC))))
        return sentences


_NOBODY = AcceptedWitnesses(
    messages_accepted=0,
    messages_failed_after_acceptance=0,
    attempts_accepted=0,
    attempts_accepted_twice=0,
    provider_sends=None,
)


def _hours(connection: Connection, tenant: TenantId, *, since: datetime, until: datetime) -> Sequence[CountedHour]:
    values = {"since": since, "until": until, "settles_after": OLDEST_DOUBT}
    return [_counted(tenant, row) for row in connection.execute(_SQL["hours"], values).mappings()]


def _counted(tenant: TenantId, row: RowMapping) -> CountedHour:
    states = {state: row[state] for state in _STATES}
    counts = HourCounts(tenant=tenant, hour=row["hour"].astimezone(UTC), placed=row["placed"], **states)
    witnesses = AcceptedWitnesses(
        messages_accepted=row["accepted"],
        messages_failed_after_acceptance=row["failed_after_acceptance"],
        attempts_accepted=row["attempts_accepted"],
        attempts_accepted_twice=row["accepted_twice"],
        provider_sends=row["provider_sends"],
    )
    return CountedHour(
        counts, witnesses, lost=row["lost"], stray=row["stray"], idle=row["idle"], sends_settled=row["settled"]
    )
