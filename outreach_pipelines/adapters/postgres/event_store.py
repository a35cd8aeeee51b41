"""The event inbox and what events change, on PostgreSQL.

Belongs here: the order of locks and writes within one transaction. Does not: what an event does (`domain.delivery_event`).
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, RowMapping

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.step_calendar import delayed_day, next_step_day
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.ingest_events import InboxRow
from outreach_pipelines.application.record_events import AppliedEvent, RecordedEvents, WaitingEvent
from outreach_pipelines.domain.delivery_event import BounceFacts, DeliveryEvent, EventKind, cause_name, cause_named
from outreach_pipelines.domain.free_mail import free_mail_domains
from outreach_pipelines.domain.inbound.bounce_rules import classify_refusal
from outreach_pipelines.domain.inbound.verdict import BounceClass, EnhancedCode, ReplyCode, Stage
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("events")
Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PostgresEventInbox:
    """`EventInbox`: rows as role outreach_ingest, proofs as outreach_app."""

    ingest: Engine
    app: Engine

    def add(self, rows: Sequence[InboxRow]) -> None:
        """See `EventInbox.add`."""
        if rows:
            with self.ingest.begin() as connection:
                connection.execute(_SQL["add_event"], [_inbox_values(row) for row in rows])

    def prove(self, canary: MessageTag) -> None:
        """See `EventInbox.prove`."""
        with tenant_session(self.app, canary.tenant) as connection:
            connection.execute(_SQL["canary_home"], {"canary_id": canary.message})


@dataclass(frozen=True, slots=True)
class PostgresEventStore:
    """`EventStore` as role outreach_app."""

    engine: Engine

    def apply_next(
        self, tenant: TenantId, decide: Callable[[Sequence[WaitingEvent]], Sequence[AppliedEvent]], *, most: int
    ) -> RecordedEvents | None:
        """See `EventStore.apply_next`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["take_waiting"], {"most": most}).mappings().all()
            if not rows:
                return None
            waiting = [_waiting(tenant, row) for row in rows]
            messages = _lock_messages(connection, waiting)
            known = [each for each in waiting if each.about.message in messages]
            done = _Applying(connection, messages).apply(decide(known))
            lost = [each.event_id for each in waiting if each.about.message not in messages]
            done.unmatched = len(lost)
            connection.execute(_SQL["try_later"], {"event_ids": lost})
            connection.execute(_SQL["forget_waiting"], {"event_ids": [each.event_id for each in known]})
        return done


def _lock_messages(connection: Connection, waiting: Sequence[WaitingEvent]) -> Mapping[MessageId, RowMapping]:
    values = {
        "message_ids": [each.about.message for each in waiting],
        "plan_days": sorted({each.about.plan_day for each in waiting}),
    }
    return {row["message_id"]: row for row in connection.execute(_SQL["lock_messages"], values).mappings()}


@dataclass(slots=True)
class _Applying:
    """One transaction's writes: message rows first, then persons in the order of their locks."""

    connection: Connection
    messages: Mapping[MessageId, RowMapping]
    days: dict[tuple[int, date | None, bool], date] = field(default_factory=dict)

    def apply(self, events: Sequence[AppliedEvent]) -> RecordedEvents:
        fresh = self._inserted(events)
        done = RecordedEvents(Counter(_counted_as(each) for each in fresh), repeated=len(events) - len(fresh))
        self._merge(fresh)
        done.suppressed = self._follow(fresh)
        return done

    def _message(self, applied: AppliedEvent) -> RowMapping:
        return self.messages[applied.waiting.about.message]

    def _inserted(self, events: Sequence[AppliedEvent]) -> Sequence[AppliedEvent]:
        """Those that were not known, in their order."""
        rows = [{"place": place} | self._event_values(each) for place, each in enumerate(events)]
        new = set(self._run("insert_events", rows).scalars()) if rows else set[str]()
        first = {each.waiting.event.dedupe_key: each for each in reversed(events)}
        return [each for each in events if first[key := each.waiting.event.dedupe_key] is each and key in new]

    def _event_values(self, applied: AppliedEvent) -> dict[str, object]:
        event, bounce = applied.waiting.event, applied.waiting.event.bounce
        return _key(applied) | {
            "dedupe_key": event.dedupe_key,
            "attempt": applied.waiting.about.attempt,
            "kind": event.kind,
            "source": applied.waiting.source,
            "class": bounce and bounce.bounce_class.value,
            "cause": bounce and cause_name(bounce.cause),
            "enhanced_code": bounce and bounce.enhanced_code,
            "diagnostic": bounce and bounce.diagnostic,
            "evidence": bounce and bounce.evidence,
            "recipient_provider": self._message(applied)["recipient_provider"],
            "occurred_at": event.occurred_at.isoformat(),
        }

    def _merge(self, fresh: Sequence[AppliedEvent]) -> None:
        """In their order; what shows an acceptance that is not settled yet is evidence before it is an outcome."""
        rows: list[dict[str, object]] = []
        for applied in fresh:
            if self._is_evidence(applied):
                self._merge_rows(rows)
                rows = []
                self._accept(applied)
            rows.append(_outcome_values(applied))
        self._merge_rows(rows)

    def _merge_rows(self, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            self._run("merge_news", rows)

    def _is_evidence(self, applied: AppliedEvent) -> bool:
        settled = self._message(applied)["settled_attempts"]
        return applied.effect.acceptance and applied.waiting.about.attempt not in settled

    def _accept(self, applied: AppliedEvent) -> None:
        message, attempt = self._message(applied), applied.waiting.about.attempt
        asked = _key(applied) | {
            "attempt": attempt,
            "provider_message_id": applied.waiting.event.provider_message_id,
        }
        facts = self.connection.execute(_SQL["evidence_facts"], asked).first()
        if facts is None:
            return  # a tag of an attempt that never began: its own message refuses it
        day = next_step_day(self.connection, message["campaign_id"], message["step"], facts.begun_policy_at)
        values = asked | {"wire_message_id": facts.wire_message_id, "subject": facts.subject, "next_due_day": day}
        self.connection.execute(_ACCEPT, values)

    def _follow(self, fresh: Sequence[AppliedEvent]) -> int:
        ordered = sorted(fresh, key=lambda each: bytes(self._message(each)["recipient_hmac"]))
        rows = [self._consequences(each) for each in ordered if _has_consequences(each)]
        if not rows:
            return 0
        return int(self._run("follow_news", rows, free_mail=sorted(free_mail_domains())).scalar_one())

    def _consequences(self, applied: AppliedEvent) -> dict[str, object]:
        effect, message, about = applied.effect, self._message(applied), applied.waiting.about
        kind = applied.waiting.event.kind
        return {
            "suppress": effect.suppress,
            "hmac": bytes(message["recipient_hmac"]).hex(),
            "source": f"{kind} of message {about.plan_day}/{about.message}",
            "enrollment_id": message["enrollment_id"],
            "kind": kind,
            "stop": effect.stops_sequence,
            "due_day": self._delayed_day(applied),
            "away_until": effect.away_until and effect.away_until.isoformat(),
            "soft": int(_is_soft(applied)),
        }

    def _delayed_day(self, applied: AppliedEvent) -> str | None:
        if not _delays(applied):
            return None
        asked = (self._message(applied)["campaign_id"], applied.effect.away_until, _is_soft(applied))
        if asked not in self.days:
            now = self.connection.execute(_SQL["policy_now"]).scalar_one()
            campaign, away_until, soft = asked
            self.days[asked] = delayed_day(self.connection, campaign, now, away_until, soft=soft)
        return self.days[asked].isoformat()

    def _run(self, statement: str, rows: Sequence[Mapping[str, object]], **values: object) -> CursorResult[Any]:
        """A statement over rows, told as JSON: one round trip for all of them."""
        return self.connection.execute(_SQL[statement], {"rows": json.dumps(rows), **values})


def _outcome_values(applied: AppliedEvent) -> dict[str, object]:
    outcome = applied.effect.outcome
    return _key(applied) | {
        "attempt": applied.waiting.about.attempt,
        "kind": applied.waiting.event.kind,
        "outcome": outcome,
        "rank": outcome.rank if outcome else 0,
        "occurred_at": applied.waiting.event.occurred_at.isoformat(),
    }


def _has_consequences(applied: AppliedEvent) -> bool:
    effect, is_reply = applied.effect, applied.waiting.event.kind is EventKind.REPLIED
    return is_reply or effect.suppress is not None or effect.stops_sequence is not None or _delays(applied)


def _delays(applied: AppliedEvent) -> bool:
    return applied.effect.delays_next_step or applied.effect.away_until is not None


def _is_soft(applied: AppliedEvent) -> bool:
    return applied.waiting.event.kind is not EventKind.OUT_OF_OFFICE


_ACCEPT = statements("messages")["record_acceptance"]


def _key(applied: AppliedEvent) -> dict[str, object]:
    return {"plan_day": applied.waiting.about.plan_day.isoformat(), "message_id": applied.waiting.about.message}


def _counted_as(applied: AppliedEvent) -> str:
    bounce = applied.waiting.event.bounce
    kind = applied.waiting.event.kind
    return kind if bounce is None else f"{kind}:{bounce.bounce_class.value}"


def _inbox_values(row: InboxRow) -> dict[str, object]:
    event, owner = row.item.event, row.owner
    known = event is not None and owner is not None
    return {
        "tenant_id": owner.tenant if known and owner else 0,
        "source": row.item.source,
        "dedupe_key": event.dedupe_key if event else row.item.receipt[:100],
        "kind": event.kind if event else "unreadable",
        "occurred_at": event.occurred_at if event else datetime.now(UTC),
        "plan_day": owner.plan_day if owner else None,
        "message_id": owner.message if owner else None,
        "attempt": owner.attempt if owner else None,
        "body": json.dumps(
            event_json(event) if event else {"fault": row.item.fault, "raw": _storable(row.item.body[:100_000])}
        ),
    }


def event_json(event: DeliveryEvent) -> dict[str, object]:
    """The event as the inbox keeps it."""
    bounce = event.bounce
    return {
        "provider_message_id": event.provider_message_id and _storable(event.provider_message_id),
        "away_until": event.away_until.isoformat() if event.away_until else None,
        "bounce": bounce
        and {
            "class": bounce.bounce_class.value,
            "cause": cause_name(bounce.cause),
            "enhanced_code": bounce.enhanced_code,
            "diagnostic": _storable(bounce.diagnostic),
            "evidence": bounce.evidence,
        },
    }


def _storable(text: str) -> str:
    # jsonb takes neither NUL nor halves of surrogate pairs, and one such row would stop the whole feed.
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _waiting(tenant: TenantId, row: RowMapping) -> WaitingEvent:
    about = MessageTag(tenant, row["plan_day"], MessageId(row["message_id"]), row["attempt"])
    return WaitingEvent(row["event_id"], row["source"], about, _event(row))


def _event(row: RowMapping) -> DeliveryEvent:
    body: Event = row["body"]
    kind = EventKind(row["kind"])
    away = body.get("away_until")
    return DeliveryEvent(
        dedupe_key=row["dedupe_key"],
        kind=kind,
        occurred_at=row["occurred_at"],
        bounce=_refusal(body) if kind is EventKind.REFUSED else _bounce(body.get("bounce")),
        provider_message_id=body.get("provider_message_id"),
        away_until=date.fromisoformat(away) if away else None,
    )


def _bounce(stored: Event | None) -> BounceFacts | None:
    if stored is None:
        return None
    bounce_class = BounceClass(stored["class"])
    return BounceFacts(
        bounce_class,
        cause_named(bounce_class, stored["cause"]),
        stored["enhanced_code"],
        stored["diagnostic"],
        stored["evidence"],
    )


def _refusal(body: Event) -> BounceFacts | None:
    stage = body.get("stage", Stage.UNKNOWN.value)  # rows of before the stage was written down lack it
    if stage is None or not body["code"].isdecimal():
        return None  # an API's error says something of the path or the call, which provider_answers.toml has judged
    enhanced = EnhancedCode.find(body["enhanced_code"])
    verdict = classify_refusal(ReplyCode(int(body["code"])), enhanced, body["text"], Stage(stage))
    words = f"{body['code']} {body['enhanced_code']} {body['text']}"
    return BounceFacts(verdict.bounce_class, verdict.cause, str(enhanced or ""), words[:500], verdict.evidence.rule)
