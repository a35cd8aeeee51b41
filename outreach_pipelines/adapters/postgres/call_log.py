"""Calls of accounts on PostgreSQL: counted by the minute, the last twenty kept, the breaker moved with them.

Belongs here: the one transaction of a writing. Does not: when it comes (`application.watch_accounts`), what it decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.application.watch_accounts import EndedCall, Judge
from outreach_pipelines.domain.breaker import Breaker, BreakerState, Call
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_call import CallOutcome

_SQL = statements("accounts")


@dataclass(frozen=True, slots=True)
class PostgresCallLog:
    """`AccountCalls`, as role outreach_app."""

    engine: Engine

    def record(self, account: AccountId, calls: Sequence[EndedCall], judge: Judge) -> Breaker:
        """See `AccountCalls.record`."""
        with self.engine.begin() as connection:
            # Its row first: processes that note calls judge one after the other, each on all that is known.
            row = connection.execute(_SQL["read_breaker"], {"account_id": account}).one()
            before = Breaker(
                BreakerState(row.breaker), row.breaker_since, row.breaker_until, row.breaker_wait, row.breaker_probe_at
            )
            after = judge(before, _note(connection, account, calls), row.machine_now)
            if after != before:
                connection.execute(_SQL["set_breaker"], _columns(account, after))
        return after


def _note(connection: Connection, account: AccountId, calls: Sequence[EndedCall]) -> list[Call]:
    values = {
        "account_id": account,
        "seconds_ago": [call.seconds_ago for call in calls],
        "outcomes": [call.outcome.value for call in calls],
        "milliseconds": [call.milliseconds for call in calls],
        "codes": [call.code for call in calls],
    }
    rows = connection.execute(_SQL["note_calls"], values).all()
    return [Call(row.started_at, CallOutcome(row.outcome), row.milliseconds) for row in rows]


def _columns(account: AccountId, breaker: Breaker) -> dict[str, object]:
    return {
        "account_id": account,
        "state": breaker.state.value,
        "since": breaker.since,
        "until": breaker.until,
        "wait": breaker.wait,
        "probe_at": breaker.probe_at,
    }
