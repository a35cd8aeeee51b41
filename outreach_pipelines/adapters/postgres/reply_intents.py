"""Intents, labels and models of replies, on PostgreSQL.

Belongs here: rows as values. Does not: deciding (`application.decide_intents`), learning (`adapters.intent_training`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.acts_by_hand import Actor
from outreach_pipelines.application.decide_intents import Decision, ReplyText, StoredModel
from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.stored_objects import ObjectKey
from outreach_pipelines.application.train_intent import Figures
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reply_intent.labels import LabelledReply
from outreach_pipelines.domain.tenant import TenantId

LONGEST_REASON = 500
DAYS = 7
"""So far back each look goes: the sensor looks every minute."""
DAYS_AGAIN = 90
_SQL = statements("reply_intents")


@dataclass(frozen=True, slots=True)
class PostgresIntentBook:
    """`IntentBook` and `LabelBook` as role outreach_app."""

    engine: Engine

    def machine_now(self, tenant: TenantId) -> datetime:
        """See `IntentBook.machine_now`."""
        with tenant_session(self.engine, tenant) as connection:
            now: datetime = connection.execute(_SQL["machine_now"]).scalar_one()
        return now

    def undecided(self, tenant: TenantId, *, before: datetime, again: bool, most: int) -> Sequence[ReplyText]:
        """See `IntentBook.undecided`."""
        with tenant_session(self.engine, tenant) as connection:
            values = {"before": before, "again": again, "most": most, "days": DAYS_AGAIN if again else DAYS}
            rows = connection.execute(_SQL["undecided"], values).all()
        return [ReplyText(InboundId(row.inbound_id), row.reply_text, tied=row.tied) for row in rows]

    def record(self, tenant: TenantId, decisions: Sequence[Decision]) -> None:
        """See `IntentBook.record`. In one order always, so that two processes wait for each other in no circle."""
        values = [_values(each) for each in sorted(decisions, key=lambda each: each.inbound)]
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["record"], values)

    def newest_model(self, tenant: TenantId) -> StoredModel | None:
        """See `IntentBook.newest_model`."""
        with tenant_session(self.engine, tenant) as connection:
            row = connection.execute(_SQL["newest_model"]).first()
        return None if row is None else StoredModel(row.sha256, ObjectKey(row.object_key))

    def label(self, tenant: TenantId, inbound: InboundId, intent: Intent, by: Actor) -> bool:
        """See `LabelBook.label`."""
        values = {"inbound_id": inbound, "intent": intent.value, "actor": by}
        with tenant_session(self.engine, tenant) as connection:
            if connection.execute(_SQL["label"], values).rowcount == 0:
                return False
            note = {"actor": by, "action": "reply labelled", "subject": f"mail {inbound}"}
            connection.execute(_SQL["note"], note | {"detail": json.dumps({"intent": intent.value})})
        return True

    def labelled(self, tenant: TenantId) -> Sequence[LabelledReply]:
        """See `LabelBook.labelled`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["labelled"]).all()
        return [LabelledReply(row.reply_text, Intent(row.intent)) for row in rows]

    def keep_model(self, tenant: TenantId, stored: StoredModel, figures: Figures) -> None:
        """See `LabelBook.keep_model`."""
        told = asdict(figures) | {"by_intent": {name.value: asdict(each) for name, each in figures.by_intent.items()}}
        values = {"sha256": stored.sha256, "object_key": stored.key, "labels": figures.labels}
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["keep_model"], values | {"figures": json.dumps(told)})


def _values(decision: Decision) -> dict[str, object]:
    decided = decision.decided
    return {
        "inbound_id": decision.inbound,
        "intent": decided.intent.value if decided.intent else None,
        "source": decided.source.value,
        "decided_by": decided.decided_by.replace("\0", "")[:LONGEST_REASON],
        "score": decided.score,
        "input_sha256": decision.input_sha256,
        "ask_again": decided.ask_again,
    }
