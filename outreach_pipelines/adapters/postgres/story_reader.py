"""What is on record about a person or a message, read from PostgreSQL.

Belongs here: rows as facts. Does not: words (`application.explain`).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.story_facts import (
    Attempt,
    Decided,
    Enrolled,
    Event,
    Fact,
    Held,
    InboundMail,
    MessageRecord,
    Origin,
    Recorded,
    RefusedRow,
    Suppressed,
)
from outreach_pipelines.domain.address import AddressHash
from outreach_pipelines.domain.message import MessageId, MessageState
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("story")


@dataclass(frozen=True, slots=True)
class PostgresStoryReader:
    """`StoryReader` as role outreach_app."""

    engine: Engine

    def about_address(self, tenant: TenantId, hmac: AddressHash, address: str | None) -> Recorded:
        """See `StoryReader.about_address`. One REPEATABLE READ transaction, so that the facts agree with each other."""
        subject = bytes.fromhex(hmac)
        with tenant_session(_one_moment(self.engine), tenant) as connection:
            lead = connection.execute(_SQL["lead_of_address"], {"hmac": subject}).scalar_one_or_none()
            facts = [*_suppressions(connection, subject), *_of_lead(connection, lead, None)]
            facts += _refused_rows(connection, address) if address else []
            return Recorded(tuple(facts), _is_stepped(connection))

    def about_message(self, tenant: TenantId, plan_day: date | None, message: MessageId) -> Recorded | None:
        """See `StoryReader.about_message`."""
        asked = {"message_id": message, "plan_day": plan_day}
        with tenant_session(_one_moment(self.engine), tenant) as connection:
            found = connection.execute(_SQL["lead_of_message"], asked).first()
            if found is None:
                return None
            facts = [
                *_suppressions(connection, bytes(found.recipient_hmac)),
                *_of_lead(connection, found.lead_id, message),
            ]
            return Recorded(tuple(facts), _is_stepped(connection))


def _one_moment(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _is_stepped(connection: Connection) -> bool:
    return bool(connection.execute(_SQL["stepped"]).scalar_one())


def _suppressions(connection: Connection, hmac: bytes) -> Iterator[Fact]:
    for row in connection.execute(_SQL["suppressions"], {"hmac": hmac}).mappings():
        yield Suppressed(**row)


def _refused_rows(connection: Connection, address: str) -> Iterator[Fact]:
    # The rows are as they were written; an address inside a longer one is somebody else's.
    whole = re.compile(rf"(?<![\w.+-]){re.escape(address)}(?![\w.-]*\w)", re.IGNORECASE)
    for row in connection.execute(_SQL["refused_rows"], {"address": address}).mappings():
        if whole.search(row["raw"]):
            yield RefusedRow(**row)


def _of_lead(connection: Connection, lead: int | None, message: MessageId | None) -> Iterator[Fact]:
    values = {"lead_id": lead, "message_id": message}
    for name, make in _MAKERS:
        for row in connection.execute(_SQL[name], values).mappings():
            yield make(row)


def _decided(row: RowMapping) -> Decided:
    binding = row["binding"]
    known: dict[str, Any] = dict(row) | {
        "binding": None if binding is None else Constraint(binding),
        "found": tuple(Constraint(name) for name in row["found"]),
    }
    return Decided(**known)


def _message(row: RowMapping) -> MessageRecord:
    known: dict[str, Any] = dict(row) | {"state": MessageState(row["state"])}
    return MessageRecord(**known)


_MAKERS: tuple[tuple[str, Callable[[RowMapping], Fact]], ...] = (
    ("origins", lambda row: Origin(**row)),
    ("enrollments", lambda row: Enrolled(**row)),
    ("decisions", _decided),
    ("messages", _message),
    ("attempts", lambda row: Attempt(**row)),
    ("events", lambda row: Event(**row)),
    ("inbound", lambda row: InboundMail(**row)),
    ("holds", lambda row: Held(**row)),
)
