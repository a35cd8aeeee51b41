"""Doubt on PostgreSQL: what is known around each attempt, and the ways out.

Belongs here: rows as values, values as parameters. Does not: when absence is believed (`domain.doubt`), nor the
compare-and-set (`functions/040_outcomes.sql`, `functions/045_doubt.sql`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.message_store import LEASE_SECONDS
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.step_calendar import next_step_day
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.inbox_mail import InboxId
from outreach_pipelines.application.prove_accounts import AccountToProve
from outreach_pipelines.application.resolve_doubt import DoubtBook, DoubtedAttempt, Release
from outreach_pipelines.application.rule_on_doubt import RuledAttempt, Ruling
from outreach_pipelines.domain.doubt import (
    CouldNotLook,
    Doubt,
    EvidenceRule,
    GiveUpReason,
    LookUp,
    NotSeen,
    Seen,
    Sought,
)
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.message import MessageId, MessageState
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("doubt")
_ACCEPT = statements("messages")["record_acceptance"]
_FACTS = statements("events")["evidence_facts"]
MOST_DOUBTS = 2000


@dataclass(frozen=True, slots=True)
class PostgresDoubtStore:
    """`DoubtStore` and `RulingStore` as role outreach_app."""

    engine: Engine

    def machine_now(self) -> datetime:
        """See `DoubtStore.machine_now`."""
        with self.engine.connect() as connection:
            now: datetime = connection.execute(_SQL["machine_now"]).scalar_one()
        return now

    def believe_probes(self, before: datetime) -> int:
        """See `DoubtStore.believe_probes`."""
        with self.engine.begin() as connection:
            return connection.execute(_SQL["believe_probes"], {"before": before}).rowcount

    def open_doubts(self, tenant: TenantId) -> DoubtBook:
        """See `DoubtStore.open_doubts`. At most `MOST_DOUBTS` at once."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["settle_dangling"], {"lease_seconds": LEASE_SECONDS})
            rows = connection.execute(_SQL["open_doubts"], {"most": MOST_DOUBTS}).mappings().all()
            now: datetime = connection.execute(_SQL["machine_now"]).scalar_one()
        return DoubtBook(now, tuple(_doubted(tenant, row) for row in rows))

    def note_probe(self, tenant: TenantId, account: AccountId) -> AccountToProve | None:
        """See `DoubtStore.note_probe`."""
        with tenant_session(self.engine, tenant) as connection:
            row = connection.execute(_SQL["note_probe"], {"account_id": account}).one_or_none()
        return None if row is None else AccountToProve(account, row.sender, MessageId(row.canary_id))

    def record_look(self, about: MessageTag, found: LookUp, *, looked_at: datetime) -> None:
        """See `DoubtStore.record_look`."""
        named = {Seen: "seen", NotSeen: "not_seen", CouldNotLook: "could_not_look"}[type(found)]
        reason = found.reason[:500] if isinstance(found, CouldNotLook) else None
        values = _key(about) | {"looked_at": looked_at, "found": named, "reason": reason}
        with tenant_session(self.engine, about.tenant) as connection:
            # A look refers to its attempt, and locks it: the message row comes first, as everywhere.
            if isinstance(found, Seen):
                _accept(connection, about, found)
            connection.execute(_SQL["record_look"], values)

    def release(self, about: MessageTag, reason: str, *, most_releases: int) -> Release:
        """See `DoubtStore.release`."""
        with tenant_session(self.engine, about.tenant) as connection:
            return _release(connection, about, reason, most_releases)

    def give_up(self, about: MessageTag, reason: GiveUpReason) -> bool:
        """See `DoubtStore.give_up`."""
        with tenant_session(self.engine, about.tenant) as connection:
            return bool(connection.execute(_SQL["give_up_doubt"], _key(about) | {"reason": reason}).scalar_one())

    def accepted_twice(self, tenant: TenantId, *, within: timedelta) -> Sequence[MessageTag]:
        """See `DoubtStore.accepted_twice`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["accepted_twice_lately"], {"since": within}).all()
        return [MessageTag(tenant, row.plan_day, MessageId(row.message_id), row.attempt) for row in rows]

    def inbox_of(self, tenant: TenantId, sender: str) -> InboxId | None:
        """The inbox of the mailbox that has this address."""
        with tenant_session(self.engine, tenant) as connection:
            found = connection.execute(_SQL["inbox_of_sender"], {"sender": sender}).scalar_one_or_none()
        return None if found is None else InboxId(found)

    def attempt_to_rule(self, tenant: TenantId, day: date | None, message: MessageId) -> RuledAttempt | None:
        """See `RulingStore.attempt_to_rule`."""
        with tenant_session(self.engine, tenant) as connection:
            values = {"plan_day": day, "message_id": message}
            row = connection.execute(_SQL["attempt_to_rule"], values).mappings().one_or_none()
        return None if row is None else _ruled(tenant, row)

    def rule(self, attempt: RuledAttempt, ruling: Ruling, *, reason: str, by: str) -> str:
        """See `RulingStore.rule`. One transaction."""
        about = attempt.about
        with tenant_session(self.engine, about.tenant) as connection:
            match ruling:
                case Ruling.ACCEPTED:
                    came = _accept(connection, about, None)
                case Ruling.NOT_SENT:
                    came = _release(connection, about, f"{by}: {reason}", None).value
            values = _key(about) | {"ruling": ruling, "reason": reason, "ruled_by": by}
            values |= {"outcome_before": attempt.outcome, "came_of_it": came}
            connection.execute(_SQL["note_ruling"], values)
        return came


def _key(about: MessageTag) -> dict[str, object]:
    return {"plan_day": about.plan_day, "message_id": about.message, "attempt": about.attempt}


def _release(connection: Connection, about: MessageTag, reason: str, most: int | None) -> Release:
    values = _key(about) | {"reason": reason, "most": most}
    return Release(connection.execute(_SQL["release_absent"], values).scalar_one())


def _accept(connection: Connection, about: MessageTag, seen: Seen | None) -> str:
    """Acceptance by a look, or by a person who knows no ids. Message first, then its attempt, as everywhere."""
    provider_id = seen and seen.provider_message_id
    facts = connection.execute(_FACTS, _key(about) | {"provider_message_id": provider_id}).one()
    step = connection.execute(_SQL["step_of"], _key(about)).one()
    values = _key(about) | {
        "provider_message_id": provider_id,
        "wire_message_id": seen.wire_message_id if seen else facts.wire_message_id,
        "subject": facts.subject,
        "next_due_day": next_step_day(connection, step.campaign_id, step.step, facts.begun_policy_at),
    }
    came = str(connection.execute(_ACCEPT, values).scalar_one())
    if seen is not None and seen.rejected is not None:
        event = _key(about) | {
            "dedupe_key": f"look_up:{about.message}:{about.attempt}:rejected",
            "occurred_at": seen.accepted_at,
            "body": json.dumps({"provider_message_id": provider_id, "away_until": None, "bounce": None}),
        }
        connection.execute(_SQL["rejected_after_acceptance"], event)
    return came


def _doubted(tenant: TenantId, row: RowMapping) -> DoubtedAttempt:
    tag, recipient = WireTag(row["tag"]), row["recipient"]
    message_id = f"<{tag}@{row['domain']}>"
    doubt = Doubt(
        rule=EvidenceRule(row["rule"]),
        intended_at=row["begun_at"],
        releases=row["released_on_absence"],
        evidence_waits=row["evidence_waits"],
        watermark=row["watermark"],
        last_probe=row["last_probe"],
        unread_at=row["unread_at"],
        stream_changed=row["stream_changed"],
        unseen_at=tuple(row["unseen_at"]),
        last_look=row["last_look"],
        supposed=row["supposed"],
        at_least_once=row["at_least_once"],
    )
    return DoubtedAttempt(
        MessageTag(tenant, row["plan_day"], MessageId(row["message_id"]), row["attempt"]),
        AccountId(row["account_id"]),
        row["account"],
        doubt,
        None if recipient is None else Sought(tag, message_id, row["sender"], recipient, row["begun_at"]),
    )


def _ruled(tenant: TenantId, row: RowMapping) -> RuledAttempt | None:
    if row["attempt"] is None:
        return None
    return RuledAttempt(
        MessageTag(tenant, row["plan_day"], MessageId(row["message_id"]), row["attempt"]),
        MessageState(row["state"]),
        row["outcome"],
        row["begun_at"],
        row["account"],
        row["window_open"],
    )
