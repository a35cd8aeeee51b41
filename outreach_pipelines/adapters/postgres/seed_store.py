"""Seeds on PostgreSQL: intents, answers, what was found, what it showed.

Belongs here: rows and their values. Does not: when a seed goes and what it shows (`application.prove_domains`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.prove_domains import (
    OwnMail,
    SeedMark,
    SeedPath,
    SeedStanding,
    SeedState,
    WaitingSeed,
)
from outreach_pipelines.application.stored_objects import ObjectMissing, ObjectStore, object_key
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.seed_proof import SeedJudgement, SeedVerdict
from outreach_pipelines.domain.tenant import TenantId

MOST_MAILS = 2_000
_SQL = statements("seeds")


@dataclass(frozen=True, slots=True)
class PostgresSeedStore:
    """`SeedStore` and `SeedStandings` as role outreach_app. `objects` holds the raw mail that inboxes gave."""

    engine: Engine
    objects: ObjectStore

    def due(self, tenant: TenantId, week: date) -> Sequence[SeedPath]:
        """See `SeedStore.due`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["due"], {"week": week}).all()
        return [
            SeedPath(
                domain=DomainName(row.domain),
                account=AccountId(row.account_id),
                account_name=AccountName(row.account),
                sender=row.sender,
                sender_name=row.display_name,
                recipient=row.recipient,
                unsubscribe_host=row.unsubscribe_host,
            )
            for row in rows
        ]

    def begin(self, tenant: TenantId, path: SeedPath, week: date, mark: SeedMark, *, epoch: int) -> bool:
        """See `SeedStore.begin`."""
        values = {"week": week, "seed": mark, "domain": path.domain, "account": path.account, "epoch": epoch}
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["begin"], {**values, "sender": path.sender, "recipient": path.recipient})
            return rows.one_or_none() is not None

    def end(self, tenant: TenantId, mark: SeedMark, state: SeedState, answer: str) -> None:
        """See `SeedStore.end`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["end"], {"seed": mark, "state": state.value, "answer": answer[:500]})

    def waiting(self, tenant: TenantId) -> Sequence[WaitingSeed]:
        """See `SeedStore.waiting`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["doubt"])
            return [WaitingSeed(SeedMark(row.seed), row.late) for row in connection.execute(_SQL["waiting"])]

    def own_mail(self, tenant: TenantId) -> Sequence[OwnMail]:
        """See `SeedStore.own_mail`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["own_mail"], {"most": MOST_MAILS}).all()
        found = ((self._raw(row.object_key), row.folder) for row in rows)
        return [OwnMail(raw, folder) for raw, folder in found if raw is not None]

    def judge(
        self, tenant: TenantId, mark: SeedMark, verdict: SeedVerdict, folder: str, judgement: SeedJudgement
    ) -> None:
        """See `SeedStore.judge`."""
        checks = [
            {"check": each.check, "passed": each.passed, "evidence": each.evidence} for each in judgement.findings
        ]
        values = {"seed": mark, "verdict": verdict.value, "folder": folder, "checks": json.dumps(checks)}
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["judge"], values)

    def standings(self, tenant: TenantId, *, since: date) -> Sequence[SeedStanding]:
        """See `SeedStandings.standings`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["standings"], {"since": since}).all()
        return [
            SeedStanding(
                domain=DomainName(row.domain),
                account=AccountName(row.account),
                week=row.week,
                verdict=SeedVerdict(row.verdict),
                faults=tuple(f"{c['check']}: {c['evidence']}" for c in row.checks if c["passed"] == "no"),
            )
            for row in rows
        ]

    def _raw(self, key: str) -> bytes | None:
        try:
            return self.objects.get(object_key(key))
        except ObjectMissing:
            return None
