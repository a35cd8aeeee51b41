"""What a tenant's rows say of each scope, as the evidence that back-off judges.

Belongs here: reading within one transaction, and adding rows up. Does not: what counts as what (`domain.back_off.news`)
nor holds (`back_off_store`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping

from outreach_pipelines.adapters.postgres.closed_days import close_days, closed_before
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.application.apply_back_off import EvidenceAsked
from outreach_pipelines.domain.back_off import (
    ErrorRun,
    Evidence,
    ReputationAnswer,
    Scope,
    SendFate,
    reputation_strength,
)
from outreach_pipelines.domain.back_off.news import (
    CAUSES,
    REPORTING_PROVIDERS,
    News,
    counted_bounces,
    outcomes_of_news,
)
from outreach_pipelines.domain.back_off.scope_key import ScopeKey, scope_key, scope_of
from outreach_pipelines.domain.ids import MailboxId
from outreach_pipelines.domain.inbound.verdict import BounceClass
from outreach_pipelines.domain.mailbox_health import DayOutcomes
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("back_off")
_COUNTED = counted_bounces()
MEANINGS: Mapping[str, object] = {
    "classes": [each.bounce.value for each in _COUNTED],
    "causes": [each.cause.value if each.cause else None for each in _COUNTED],
    "news": [each.news.value for each in _COUNTED],
}
"""The arrays of `app.send_news`."""
REPORTING = [provider.value for provider in sorted(REPORTING_PROVIDERS)]


class _NewsDay(NamedTuple):
    key: ScopeKey
    day: date
    learnt_on: date


@dataclass(slots=True)
class _Gathered:
    days: list[DayOutcomes] = field(default_factory=list)
    fates: list[SendFate] = field(default_factory=list)
    complaints: list[datetime] = field(default_factory=list)
    answers: list[ReputationAnswer] = field(default_factory=list)
    errors: ErrorRun | None = None

    def evidence(self) -> Evidence:
        return Evidence(
            days=tuple(self.days),
            fates=tuple(self.fates),
            complaints=tuple(self.complaints),
            answers=tuple(self.answers),
            errors=self.errors,
        )

    def bounces_after(self, day: date) -> int:
        return sum(row.hard for row in self.days if row.day >= day)


def read_evidence(connection: Connection, tenant: TenantId, asked: EvidenceAsked) -> Mapping[Scope, Evidence]:
    """Every scope with news, and those to be kept; scopes without either would be judged free."""
    reading = _Reading(connection, asked)
    reading.news()
    reading.answers()
    reading.errors()
    reading.sends()
    reading.fates()
    reading.accounts()
    close_days(connection, asked.now, reading.closed)
    return {scope_of(key, tenant): found.evidence() for key, found in reading.found.items()}


class _Reading:
    def __init__(self, connection: Connection, asked: EvidenceAsked) -> None:
        self.connection = connection
        self.asked = asked
        self.found: dict[ScopeKey, _Gathered] = defaultdict(_Gathered)
        for scope in asked.keep:
            self.found[scope_key(scope)] = _Gathered()
        self.since = self._midnight(asked.since)
        self.closed = closed_before(connection, asked.now)

    def news(self) -> None:
        counts: dict[_NewsDay, dict[News, int]] = defaultdict(dict)
        for row in self._rows("news", since=self.since):
            heard = _NewsDay(ScopeKey(row["scope_key"]), row["day"], row["learnt_on"])
            counts[heard][News(row["news"])] = row["count"]
        for (key, day, learnt_on), found in counts.items():
            self.found[key].days.append(outcomes_of_news(day, learnt_on, found))
        for row in self._rows("complaints", since=self.since):
            self.found[ScopeKey(row["scope_key"])].complaints.append(row["learnt_at"])

    def answers(self) -> None:
        for row in self._rows("answers", since=self.asked.answers_since):
            cause = CAUSES[row["cause"]] if row["cause"] else None
            strength = reputation_strength(BounceClass(row["class"]), cause, row["diagnostic"])
            if strength is not None:
                answer = ReputationAnswer(row["policy_at"], MailboxId(row["mailbox_id"]), strength, row["diagnostic"])
                self.found[ScopeKey(row["scope_key"])].answers.append(answer)

    def errors(self) -> None:
        for row in self._rows("errors", least=self.asked.errors_from):
            self.found[ScopeKey(row["scope_key"])].errors = ErrorRun(row["errors_in_row"], row["last_at"])

    def sends(self) -> None:
        first = max(self.closed, self.asked.since)
        days = {"since_day": self.asked.since, "open_day": first, "open": self._midnight(first)}
        for statement in ("sends", "sends_of_files"):
            for row in self._rows(statement, **days, since=self.since, scopes=list(self.found)):
                sent = DayOutcomes(day=row["day"], accepted=row["accepted"], reporting=row["reporting"])
                self.found[ScopeKey(row["scope_key"])].days.append(sent)

    def fates(self) -> None:
        first = self.asked.runs_since.date()
        scopes = [key for key, one in self.found.items() if one.bounces_after(first) >= self.asked.bounces_for_runs]
        if scopes:
            for row in self._rows("fates", since=self.asked.runs_since, scopes=scopes):
                self.found[ScopeKey(row["scope_key"])].fates.append(SendFate(row["sent_at"], row["hard"]))

    def accounts(self) -> None:
        # A tenant's own part first: an account is judged by all tenants' together.
        start = datetime.combine(self.asked.since - timedelta(days=1), time(), UTC)
        # The UTC day in which the first open local day begins is open too.
        opened = max(start, datetime.combine(self.closed - timedelta(days=1), time(), UTC))
        self.connection.execute(_SQL["add_account_days"], self._values() | {"since": start, "open": opened})
        for row in self._rows("account_days", since_day=start.date()):
            self.found[ScopeKey(row["scope_key"])].days.append(_account_day(row))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.asked.now.tzinfo)

    def _values(self) -> dict[str, object]:
        zone = str(self.asked.now.tzinfo)
        return {**MEANINGS, "zone": zone, "now": self.asked.now, "reporting": REPORTING}

    def _rows(self, statement: str, **values: object) -> Iterator[RowMapping]:
        asked = {**self._values(), **values}
        named = _SQL[statement]
        own: Sequence[str] = list(named.compile().params)
        yield from self.connection.execute(named, {name: asked[name] for name in own}).mappings()


def _account_day(row: RowMapping) -> DayOutcomes:
    return DayOutcomes(
        day=row["day"],
        learnt_on=row["learnt_on"],
        accepted=int(row["accepted"]),
        reporting=int(row["reporting"]),
        hard=int(row["hard"]),
        complaints=int(row["complaints"]),
    )
