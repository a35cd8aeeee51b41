"""Health scores on PostgreSQL: what is known of each mailbox as of a day, and the rows of the scores.

Belongs here: reading and adding rows up. Does not: the formula (`domain.mailbox_health`), holds (`back_off_store`).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.copying import copy_rows
from outreach_pipelines.adapters.postgres.evidence_reader import MEANINGS, REPORTING
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.policy_rows import ramp_up_of
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.score_mailboxes import (
    AuditSight,
    HealthRecord,
    MailboxAddress,
    MailboxRecord,
    RefusedSends,
    ScoredMailbox,
    StandingHolds,
)
from outreach_pipelines.domain.back_off.news import News, outcomes_of_news
from outreach_pipelines.domain.ids import DomainId, MailboxId
from outreach_pipelines.domain.mailbox_health import DayOutcomes, PartScore
from outreach_pipelines.domain.provider_account import ProviderKind
from outreach_pipelines.domain.ramp_up import RampDay
from outreach_pipelines.domain.reception import RECEPTION_VERSION, Reception, ReceptionRecord
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.send_plan.senders import MailboxState
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("health")
_RECEPTION_STAGE = ("domain_id", "recipient_provider", "version", "total", "parts")
_STAGE = ("mailbox_id", "version", "total", "parts", "cap_today", "ramp_stage")
# Mailboxes keep their own zones, which may lie 26 hours from the tenant's.
_MARGIN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class PostgresHealthStore:
    """`HealthStore` as role outreach_app."""

    engine: Engine

    def record(self, tenant: TenantId, day: date, *, evidence_days: int, version: str) -> HealthRecord:
        """See `HealthStore.record`. One REPEATABLE READ transaction, so that sends and their news agree."""
        with tenant_session(self.engine.execution_options(isolation_level="REPEATABLE READ"), tenant) as connection:
            own = connection.execute(_SQL["tenant"]).one()
            midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(own.zone))
            at = min(midnight, own.policy_now)
            first = day - timedelta(days=evidence_days)
            known = _Reading(connection, day, first, at, version)
            evidence = known.evidence()
            return HealthRecord(
                ramp_up_of(own.ramp_up), known.mailboxes(evidence.by_mailbox), known.receptions(evidence.by_reception)
            )

    def save(
        self, tenant: TenantId, day: date, scored: Sequence[ScoredMailbox], receptions: Sequence[Reception]
    ) -> None:
        """See `HealthStore.save`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["stage_scores"])
            copy_rows(connection, "health_score_stage", _STAGE, (_score_row(each) for each in scored))
            connection.execute(_SQL["save_scores"], {"day": day})
            connection.execute(_SQL["stage_receptions"])
            copy_rows(connection, "reception_score_stage", _RECEPTION_STAGE, map(_reception_row, receptions))
            connection.execute(_SQL["save_receptions"], {"day": day})


class _Sender(NamedTuple):
    """Of whom an outcome speaks: a mailbox, and its domain with a recipient provider; None where that is not known."""

    mailbox: int
    domain: int | None
    provider: str | None


class _NewsDay(NamedTuple):
    sender: _Sender
    day: date
    learnt_on: date


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Outcomes read once, by both that they speak of."""

    by_mailbox: Mapping[int, list[DayOutcomes]]
    by_reception: Mapping[tuple[int | None, str | None], list[DayOutcomes]]


@dataclass(frozen=True, slots=True)
class _Reading:
    connection: Connection
    day: date
    first: date
    at: datetime
    version: str

    def mailboxes(self, outcomes: Mapping[int, list[DayOutcomes]]) -> tuple[MailboxRecord, ...]:
        refusals, ramps = self._refusals(), self._ramp_days()
        return tuple(
            MailboxRecord(
                mailbox=MailboxId(row["mailbox_id"]),
                address=MailboxAddress(row["address"]),
                state=MailboxState(row["state"]),
                daily_cap=row["daily_cap"],
                outcomes=tuple(outcomes.get(row["mailbox_id"], ())),
                refusals=tuple(refusals[row["mailbox_id"]]),
                ramp_days=tuple(ramps[row["mailbox_id"]]),
                audit=AuditSight(row["audit"]),
                holds=StandingHolds(Fraction(row["factor"]), row["warned"]),
            )
            for row in self._rows("mailboxes")
        )

    def receptions(
        self, outcomes: Mapping[tuple[int | None, str | None], list[DayOutcomes]]
    ) -> tuple[ReceptionRecord, ...]:
        """Every domain with every provider, also where nothing was sent."""
        return tuple(
            ReceptionRecord(DomainId(row["domain_id"]), provider, tuple(outcomes.get((row["domain_id"], provider), ())))
            for row in self._rows("domains")
            for provider in RecipientProvider
        )

    def evidence(self) -> _Evidence:
        by_mailbox: dict[int, list[DayOutcomes]] = defaultdict(list)
        by_reception: dict[tuple[int | None, str | None], list[DayOutcomes]] = defaultdict(list)
        for sender, outcomes in (*self._sends(), *self._news()):
            by_mailbox[sender.mailbox].append(outcomes)
            by_reception[sender.domain, sender.provider].append(outcomes)
        return _Evidence(by_mailbox, by_reception)

    def _sends(self) -> Iterator[tuple[_Sender, DayOutcomes]]:
        for row in self._rows("sends"):
            accepted, provider = row["accepted"], row["recipient_provider"]
            reporting = accepted if provider in REPORTING else 0
            sender = _Sender(row["mailbox_id"], row["domain_id"], provider)
            yield sender, DayOutcomes(day=row["day"], accepted=accepted, reporting=reporting)

    def _news(self) -> Iterator[tuple[_Sender, DayOutcomes]]:
        counts: dict[_NewsDay, dict[News, int]] = defaultdict(dict)
        for row in (*self._rows("news"), *self._rows("unsubscribes")):
            sender = _Sender(row["mailbox_id"], row.get("domain_id"), row.get("recipient_provider"))
            counts[_NewsDay(sender, row["day"], row["learnt_on"])][News(row["news"])] = row["count"]
        for (sender, day, learnt_on), heard in counts.items():
            yield sender, outcomes_of_news(day, learnt_on, heard)

    def _refusals(self) -> Mapping[int, list[RefusedSends]]:
        found: dict[int, list[RefusedSends]] = defaultdict(list)
        for row in self._rows("refusals"):
            refused = RefusedSends(row["day"], ProviderKind(row["kind"]), row["code"], row["count"])
            found[row["mailbox_id"]].append(refused)
        return found

    def _ramp_days(self) -> Mapping[int, list[RampDay]]:
        found: dict[int, list[RampDay]] = defaultdict(list)
        for row in self._rows("ramp_days"):
            found[row["mailbox_id"]].append(RampDay(day=row["day"], accepted=row["sent"], health=row["total"]))
        for row in self._rows("stops"):
            stopped = (RampDay(day=day, accepted=0, stopped=True) for day in _days_of_stop(row))
            found[row["mailbox_id"]].extend(stopped)
        return found

    def _rows(self, statement: str) -> Iterator[RowMapping]:
        zone = self.at.tzinfo
        asked: dict[str, object] = {
            **MEANINGS,
            "day": self.day,
            "first": self.first,
            "at": self.at,
            "version": self.version,
            "since": datetime.combine(self.first, time(), zone) - _MARGIN,
            "until": datetime.combine(self.day + timedelta(days=1), time(), zone) + _MARGIN,
        }
        named = _SQL[statement]
        yield from self.connection.execute(named, {name: asked[name] for name in named.compile().params}).mappings()


def _reception_row(scored: Reception) -> tuple[object, ...]:
    return (scored.domain, scored.provider.value, RECEPTION_VERSION, scored.total, json.dumps(_parts(scored.parts)))


def _parts(parts: Iterable[PartScore]) -> list[dict[str, object]]:
    return [
        {"part": part.part.value, "points": str(part.points), "weight": part.weight, "reason": part.reason}
        for part in parts
    ]


def _days_of_stop(row: RowMapping) -> Iterator[date]:
    zone = ZoneInfo(row["zone"])
    day, last = row["set_at"].astimezone(zone).date(), row["ended_at"].astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _score_row(scored: ScoredMailbox) -> tuple[object, ...]:
    parts = _parts(scored.health.parts)
    ramp = {"ramp": scored.ramp.reason}
    return (
        scored.mailbox_id,
        scored.health.version,
        scored.total,
        json.dumps([*parts, ramp]),
        scored.cap_today,
        scored.stage,
    )
