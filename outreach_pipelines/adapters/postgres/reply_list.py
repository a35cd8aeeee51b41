"""Replies as lists and threads, and who answers them, on PostgreSQL.

Belongs here: rows as values. Does not: reading inboxes (`reply_store`), verdicts (`reply_rulings`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.letter_rows import content_of, sender_of
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.acts_by_hand import Actor
from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.reply_list import (
    NOBODY,
    Assignment,
    ReplyFilter,
    ReplyRow,
    ReplyWork,
    Review,
    SentInThread,
)
from outreach_pipelines.application.stored_objects import ObjectKey
from outreach_pipelines.domain.ids import EnrollmentId
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken, Letter, Recipient
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.reply_intent.decided import DecidedIntent, IntentSource
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("reply_list")
_NO_TOKEN: Final = ClaimToken(UUID(int=0))
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PostgresReplyBook:
    """`ReplyBook` as role outreach_app."""

    engine: Engine

    def now(self, tenant: TenantId) -> datetime:
        """See `ReplyBook.now`."""
        with tenant_session(self.engine, tenant) as connection:
            now: datetime = connection.execute(_SQL["policy_now"]).scalar_one()
        return now

    def last_change(self, tenant: TenantId) -> datetime | None:
        """See `ReplyBook.last_change`."""
        with tenant_session(self.engine, tenant) as connection:
            changed: datetime | None = connection.execute(_SQL["last_change"]).scalar_one()
        return changed

    def find(self, tenant: TenantId, wanted: ReplyFilter) -> Sequence[ReplyRow]:
        """See `ReplyBook.find`."""
        values = asdict(wanted) | {"inbound_id": wanted.inbound} | _lists(wanted)
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["plan_for_these_values"])
            return [_row(row) for row in connection.execute(_SQL["replies"], values).mappings()]

    def sent_in(
        self, tenant: TenantId, enrollments: Sequence[EnrollmentId]
    ) -> Mapping[EnrollmentId, Sequence[SentInThread]]:
        """See `ReplyBook.sent_in`."""
        found: dict[EnrollmentId, list[SentInThread]] = {}
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["sent_in_threads"], {"enrollments": list(enrollments)}).mappings()
            for row in rows:
                found.setdefault(EnrollmentId(row["enrollment_id"]), []).append(_sent(tenant, row))
        return found

    def assign(self, tenant: TenantId, inbound: InboundId, assignment: Assignment, by: Actor) -> bool:
        """See `ReplyBook.assign`. The note stays with the reply; the audit log names nobody who wrote to us."""
        to = "" if assignment.to == NOBODY else assignment.to
        values = {"assigned_to": to, "note": assignment.note, "done": assignment.done, "actor": by}
        with tenant_session(self.engine, tenant) as connection:
            if connection.execute(_SQL["assign"], values | {"inbound_id": inbound}).rowcount == 0:
                return False
            detail = {"to": assignment.to, "noted": assignment.note is not None, "done": assignment.done}
            _note(connection, by, "reply assigned", inbound, detail)
        return True


def _lists(wanted: ReplyFilter) -> dict[str, list[str] | list[EnrollmentId] | None]:
    return {
        "kinds": None if wanted.kinds is None else list(wanted.kinds),
        "intents": None if wanted.intents is None else list(wanted.intents),
        "enrollments": None if wanted.enrollments is None else list(wanted.enrollments),
    }


def _row(row: RowMapping) -> ReplyRow:
    return ReplyRow(
        inbound=InboundId(row["inbound_id"]),
        received_at=row["received_at"],
        read_as=row["class"],
        confidence=row["confidence"],
        evidence=row["evidence"],
        park_reason=row["park_reason"],
        text=row["reply_text"],
        away_until=row["out_of_office_until"],
        object_key=ObjectKey(row["object_key"]),
        inbox=row["inbox"],
        folder=row["folder"],
        enrollment=None if row["enrollment_id"] is None else EnrollmentId(row["enrollment_id"]),
        person=row["person"],
        campaign=row["campaign"],
        mailbox=row["mailbox"],
        review=_review(row),
        work=ReplyWork(row["assigned_to"], row["note"], row["done_at"], row["changed_by"]),
        intent=_intent(row),
    )


def _review(row: RowMapping) -> Review | None:
    if row["review"] is None:
        return None
    return Review(row["review"], row["reviewed_as"], row["reviewed_by"], row["reviewed_at"], row["review_note"])


def _intent(row: RowMapping) -> DecidedIntent | None:
    if row["intent_by"] is None:
        return None
    intent = None if row["intent"] is None else Intent(row["intent"])
    return DecidedIntent(intent, IntentSource(row["intent_source"]), row["intent_by"], row["intent_score"])


def _sent(tenant: TenantId, row: RowMapping) -> SentInThread:
    whole = row["text_sha256"] is not None and row["recipient"] is not None
    return SentInThread(
        EnrollmentId(row["enrollment_id"]),
        row["step"],
        row["accepted_at"],
        row["thread_subject"],
        row["mailbox"],
        _letter(tenant, row) if whole else None,
    )


def _letter(tenant: TenantId, row: RowMapping) -> Letter:
    own = {name: row[name] or "" for name in ("first_name", "last_name", "company", "country")}
    fields = dict(row["fields"]) | own | {"email": row["recipient"], "source": row["basis_source"]}
    return Letter(
        claim=ClaimedMessage(tenant, row["plan_day"], MessageId(row["message_id"]), 1, _NO_TOKEN),
        enrollment_id=row["enrollment_id"],
        campaign_id=row["campaign_id"],
        step=row["step"],
        due_at=row["due_at"] or _NEVER,
        window_end=row["window_end"] or _NEVER,
        recipient=Recipient(row["recipient"], bytes(row["recipient_hmac"]), fields),
        sender=sender_of(
            row, mailbox=row["mailbox_id"], address=row["mailbox"] or "", display_name=row["sender_name"] or ""
        ),
        content=content_of(row),
        thread=None,
    )


def _note(connection: Connection, by: Actor, action: str, inbound: InboundId, detail: Mapping[str, object]) -> None:
    values = {"actor": by, "action": action, "subject": f"mail {inbound}"}
    connection.execute(_SQL["note"], values | {"detail": json.dumps(detail)})
