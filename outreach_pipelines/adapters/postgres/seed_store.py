"""Seeds on PostgreSQL: intents, answers, what was found, what it showed.

Belongs here: rows and their values. Does not: when a seed goes and what it shows (`application.prove_domains`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.audit_domains import PathKey
from outreach_pipelines.application.seeds import (
    MOST_A_WEEK,
    AuthenticationCount,
    AuthenticationResult,
    CountSource,
    OwnMail,
    SeedMark,
    SeedPath,
    SeedStanding,
    SeedState,
    SettledSeeds,
    WaitingSeed,
)
from outreach_pipelines.application.stored_objects import ObjectMissing, ObjectStore, object_key
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.seed_belief import BELIEVED_FOR, MENDED, Refuted, ShownSeed
from outreach_pipelines.domain.seed_proof import Passed, SeedCheck, SeedFinding, SeedJudgement, SeedVerdict
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
            rows = connection.execute(_SQL["due"], {"week": week, "most": MOST_A_WEEK}).all()
        return [
            SeedPath(
                domain=DomainName(row.domain),
                account=AccountId(row.account_id),
                account_name=AccountName(row.account),
                sender=row.sender,
                sender_name=row.display_name,
                recipient=row.recipient,
                unsubscribe_host=row.unsubscribe_host,
                attempt=row.attempt,
            )
            for row in rows
        ]

    def begin(self, tenant: TenantId, path: SeedPath, week: date, mark: SeedMark, *, epoch: int) -> bool:
        """See `SeedStore.begin`."""
        way = {"domain": path.domain, "account": path.account, "sender": path.sender, "recipient": path.recipient}
        values = {"week": week, "attempt": path.attempt, "seed": mark, "epoch": epoch}
        with tenant_session(self.engine, tenant) as connection:
            return connection.execute(_SQL["begin"], {**way, **values}).one_or_none() is not None

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
        found = ((self._raw(row.object_key), row) for row in rows)
        return [OwnMail(raw, row.folder, frozenset(row.authserv_ids)) for raw, row in found if raw is not None]

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

    def shown(self, tenant: TenantId) -> Mapping[PathKey, Sequence[ShownSeed]]:
        """See `SeedStore.shown`."""
        found: dict[PathKey, list[ShownSeed]] = {}
        with tenant_session(self.engine, tenant) as connection:
            for row in connection.execute(_SQL["shown"], {"believed_for": BELIEVED_FOR}):
                way = PathKey(DomainName(row.domain), AccountName(row.account))
                found.setdefault(way, []).append(ShownSeed(row.begun_at, _judgement(row.checks)))
        return found

    def settle(self, tenant: TenantId, found: Mapping[PathKey, Refuted]) -> SettledSeeds:
        """See `SeedStore.settle`."""
        ways = {"domains": [way.domain for way in found], "accounts": [way.account for way in found]}
        with tenant_session(self.engine, tenant) as connection:
            seen_at = connection.execute(_SQL["news_moment"]).scalar_one()
            lifted = connection.execute(_SQL["lift"], {**ways, "seen_at": seen_at, "sentence": MENDED}).scalar_one()
            stopped = [
                connection.execute(_SQL["refute"], {**_place(way), **_refuted(why), "seen_at": seen_at}).scalar_one()
                for way, why in sorted(found.items(), key=lambda each: (each[0].domain, each[0].account))
            ]
        return SettledSeeds(refuted=sum(stopped), lifted=lifted)

    def counts(self, tenant: TenantId, *, since: date, until: date) -> Sequence[AuthenticationCount]:
        """See `SeedStandings.counts`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["authentication"], {"since": since, "until": until}).all()
        return [
            AuthenticationCount(
                domain=DomainName(row.domain),
                account=None if row.account is None else AccountName(row.account),
                source=CountSource(row.source),
                mechanism=SeedCheck(row.mechanism),
                result=AuthenticationResult(row.result),
                messages=row.messages,
            )
            for row in rows
        ]

    def _raw(self, key: str) -> bytes | None:
        try:
            return self.objects.get(object_key(key))
        except ObjectMissing:
            return None


def _judgement(checks: Sequence[Mapping[str, str]]) -> SeedJudgement:
    return SeedJudgement(tuple(SeedFinding(SeedCheck(c["check"]), Passed(c["passed"]), c["evidence"]) for c in checks))


def _place(way: PathKey) -> dict[str, object]:
    return {"domain": way.domain, "account": way.account}


def _refuted(why: Refuted) -> dict[str, object]:
    return {"fault": why.sentence, "until": why.until, "shown_at": why.shown_at}
