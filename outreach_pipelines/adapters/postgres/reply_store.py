"""Inboxes, cursors and the mail read from them, on PostgreSQL, with the raw mail in the object store.

Belongs here: the order of writes, and mail as rows. Does not: whose a mail is (`domain.inbox_route`).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.account_settings import stored_tokens
from outreach_pipelines.adapters.postgres.event_store import event_json
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.inbox_mail import (
    Extent,
    FailedRead,
    FetchedMail,
    FolderCursor,
    FolderName,
    InboundId,
    InboxId,
    InboxLogin,
    InboxNews,
    InboxToRead,
    JudgedBatch,
    JudgedMail,
    UntiedMail,
)
from outreach_pipelines.application.ports import TagReader
from outreach_pipelines.application.stored_objects import ObjectKey, ObjectMissing, ObjectStore, object_key
from outreach_pipelines.domain.ids import EnrollmentId, MailboxId
from outreach_pipelines.domain.inbound.grounds import confidence_of, evidence_of
from outreach_pipelines.domain.inbound.message import (
    AutoReply,
    Challenge,
    Complaint,
    Content,
    ContentDigest,
    DeliveryReport,
    DispositionNotice,
    FeedbackNotice,
    HumanReply,
    Unreadable,
    UnsubscribeRequest,
    WireMessageId,
)
from outreach_pipelines.domain.inbound.ties import TagTie, ThreadTie, Tie, ties_of
from outreach_pipelines.domain.inbound.verdict import Confidence, ReportedAddress
from outreach_pipelines.domain.inbox_event import plain_unicode
from outreach_pipelines.domain.inbox_review import review_reason
from outreach_pipelines.domain.inbox_route import Parked, ParkReason, Routed, TiedSend
from outreach_pipelines.domain.inventory import InboxName
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.reference import parse_secret_ref, parse_setting
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import SettingsFault

LONGEST_REASON = 500
LONGEST_EVIDENCE = 1_000
_SQL = statements("replies")
_MailKey = tuple[InboxId, ContentDigest]
"""An inbox, and the digest under which a mail is kept there once."""


@dataclass(frozen=True, slots=True)
class PostgresReplyStore:
    """`ReplyStore` as role outreach_app."""

    engine: Engine
    objects: ObjectStore
    tags: TagReader

    def inboxes(self, tenant: TenantId) -> Sequence[InboxToRead]:
        """See `ReplyStore.inboxes`."""
        with tenant_session(self.engine, tenant) as connection:
            return [_inbox(row) for row in connection.execute(_SQL["inboxes_in_use"]).mappings()]

    def own_addresses(self, tenant: TenantId) -> AbstractSet[str]:
        """See `ReplyStore.own_addresses`."""
        with tenant_session(self.engine, tenant) as connection:
            return frozenset(connection.execute(_SQL["own_addresses"]).scalars())

    def sends_of(
        self, tenant: TenantId, *, tags: Mapping[WireTag, MessageTag], wire_ids: AbstractSet[WireMessageId]
    ) -> Mapping[Tie, TiedSend]:
        """See `ReplyStore.sends_of`."""
        with tenant_session(self.engine, tenant) as connection:
            by_tag = connection.execute(_SQL["sends_of_tags"], _tag_values(tags)).mappings()
            found: dict[Tie, TiedSend] = {TagTie(WireTag(row["tag"])): _send(tenant, row) for row in by_tag}
            by_id = connection.execute(_SQL["sends_of_wire_ids"], {"wire_ids": sorted(wire_ids)}).mappings()
            found |= {ThreadTie(WireMessageId(row["wire_message_id"])): _send(tenant, row) for row in by_id}
        return found

    def keep_raw(self, tenant: TenantId, mails: Sequence[FetchedMail]) -> None:
        """See `ReplyStore.keep_raw`. A crash afterwards leaves objects that the next sync meets again."""
        for mail in mails:
            self.objects.put(_raw_key(tenant, mail), mail.raw, only_if_absent=True)

    def keep(self, tenant: TenantId, news: InboxNews) -> Sequence[JudgedMail]:
        """See `ReplyStore.keep`."""
        mails = {(batch.inbox, each.message.digest): (batch, each) for batch in news.batches for each in batch.mails}
        with tenant_session(self.engine, tenant) as connection:
            fresh = [mails[key][1] for key in _inserted(connection, tenant, mails)] if mails else []
            _add_events(connection, fresh)
            _run(connection, "move_cursors", _cursor_values(news.batches))
            _run(connection, "complete_reads", [_read_values(inbox) for inbox in news.read_to_end])
            _run(connection, "reads_failed", [_failure_values(failed) for failed in news.failed])
        if news.read_to_end:
            with tenant_session(self.engine, tenant) as connection:
                connection.execute(
                    _SQL["prove_smtp_accounts"], {"inbox_ids": [each.inbox for each in news.read_to_end]}
                )
        return fresh

    def untied_with_thread(self, tenant: TenantId) -> Sequence[UntiedMail]:
        """See `ReplyStore.untied_with_thread`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["untied_with_thread"]).mappings().all()
        return [mail for row in rows if (mail := self._untied(row)) is not None]

    def unpark(self, tenant: TenantId, untied: UntiedMail, judged: JudgedMail) -> bool:
        """See `ReplyStore.unpark`."""
        facts = _send_values(judged.fate.send) | {"inbound_id": untied.inbound, "class": judged.fate.kind.value}
        with tenant_session(self.engine, tenant) as connection:
            facts["out_of_office_until"] = _last_day_away(judged.fate)
            facts["review"] = review_reason(judged.fate, confidence_of(judged.message.content))
            done = connection.execute(_SQL["unpark"], facts).rowcount == 1
            _add_events(connection, [judged] if done else [])
        return done

    def _untied(self, row: RowMapping) -> UntiedMail | None:
        try:
            raw = self.objects.get(row["object_key"])
        except ObjectMissing:
            return None  # erased
        return UntiedMail(
            InboundId(row["inbound_id"]), FetchedMail(row["uid"], row["received_at"], len(raw), Extent.WHOLE, raw)
        )


def _inbox(row: RowMapping) -> InboxToRead:
    host, port, username = (parse_setting(row[name]) for name in ("host", "port", "username"))
    password = parse_secret_ref(row["secret_ref"])
    if host is None or port is None or username is None or password is None:
        message = f"inbox {row['name']}: a reference to its login cannot be read"
        raise SettingsFault(message)
    cursors = (FolderCursor(FolderName(c["folder"]), c["uid_validity"], c["last_uid"]) for c in row["cursors"])
    tokens = stored_tokens(row["tokens"]) if row["tokens"] else None
    login = InboxLogin(host, port, row["tls"] == "tls", username, password, tokens)
    return InboxToRead(
        InboxId(row["inbox_id"]), InboxName(row["name"]), login, tuple(cursors), row["asked_at"], row["resting"]
    )


def _tag_values(tags: Mapping[WireTag, MessageTag]) -> Mapping[str, object]:
    return {
        "tags": list(tags),
        "plan_days": [tag.plan_day for tag in tags.values()],
        "message_ids": [tag.message for tag in tags.values()],
        "attempts": [tag.attempt for tag in tags.values()],
    }


def _send(tenant: TenantId, row: RowMapping) -> TiedSend:
    about = MessageTag(tenant, row["plan_day"], MessageId(row["message_id"]), row["attempt"])
    mailbox = None if row["mailbox_id"] is None else MailboxId(row["mailbox_id"])
    recipient = None if row["address"] is None else ReportedAddress(row["address"])
    return TiedSend(about, EnrollmentId(row["enrollment_id"]), mailbox, recipient)


def _raw_key(tenant: TenantId, mail: FetchedMail) -> ObjectKey:
    return object_key(f"inbound/{tenant}/{hashlib.sha256(mail.raw).hexdigest()}.eml")


def _run(connection: Connection, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
    """A statement over rows, told as JSON: one round trip for all of them."""
    if rows:
        connection.execute(_SQL[statement], {"rows": json.dumps(rows)})


def _inserted(
    connection: Connection, tenant: TenantId, mails: Mapping[_MailKey, tuple[JudgedBatch, JudgedMail]]
) -> Sequence[_MailKey]:
    """Those that no sync had kept, in the order in which they came."""
    rows = [_place(batch) | _mail_values(tenant, each) for batch, each in mails.values()]
    found = connection.execute(_SQL["keep_inbound"], {"rows": json.dumps(rows)})
    new = {(InboxId(row.inbox_id), ContentDigest(row.dedupe_key)) for row in found}
    return [key for key in mails if key in new]


def _place(batch: JudgedBatch) -> dict[str, object]:
    cursor = batch.cursor
    return {"inbox_id": batch.inbox, "folder": cursor.folder, "uid_validity": cursor.uid_validity}


def _cursor_values(batches: Sequence[JudgedBatch]) -> Sequence[Mapping[str, object]]:
    """The last one of each folder."""
    last = {(each.inbox, each.cursor.folder): each for each in batches}
    return [_place(each) | {"last_uid": each.cursor.last_uid} for each in last.values()]


def _read_values(inbox: InboxToRead) -> Mapping[str, object]:
    return {"inbox_id": inbox.inbox, "asked_at": inbox.asked_at.isoformat()}


def _failure_values(failed: FailedRead) -> Mapping[str, object]:
    reason = plain_unicode(failed.reason)[:LONGEST_REASON]
    return {"inbox_id": failed.inbox, "reason": reason, "refused": failed.refused}


def _add_events(connection: Connection, mails: Sequence[JudgedMail]) -> None:
    routed = [each.fate for each in mails if isinstance(each.fate, Routed)]
    values = [
        _send_values(fate.send)
        | {
            "attempt": fate.send.about.attempt,
            "dedupe_key": event.dedupe_key,
            "kind": event.kind,
            "occurred_at": event.occurred_at.isoformat(),
            "body": event_json(event),
        }
        for fate in routed
        for event in fate.events
    ]
    _run(connection, "add_events", values)


def _send_values(send: TiedSend | None) -> dict[str, Any]:
    if send is None:
        return dict.fromkeys(("plan_day", "message_id", "enrollment_id", "mailbox_id"))
    return {
        "plan_day": send.about.plan_day.isoformat(),
        "message_id": send.about.message,
        "enrollment_id": send.enrollment,
        "mailbox_id": send.mailbox,
    }


def _mail_values(tenant: TenantId, judged: JudgedMail) -> dict[str, Any]:
    mail, message, fate = judged.mail, judged.message, judged.fate
    confidence, grounds = confidence_of(message.content), evidence_of(message.content)
    evidence = f"{grounds.rule}: {grounds.line}"
    if mail.extent is Extent.HEAD:
        confidence, evidence = Confidence.LOW, f"the head of {mail.size} bytes: {evidence}"
    text = _own_text(message.content)
    return _send_values(fate.send) | {
        "uid": mail.uid,
        "dedupe_key": message.digest,
        "class": fate.kind.value,
        "routed": isinstance(fate, Routed),
        "park_reason": _park_reason(fate),
        "wire_ids": _wire_ids(judged),
        "reply_text": None if text is None else plain_unicode(text),
        "out_of_office_until": _last_day_away(fate),
        "confidence": confidence.value,
        "evidence": plain_unicode(evidence)[:LONGEST_EVIDENCE],
        "review": review_reason(fate, confidence),
        "object_key": _raw_key(tenant, mail),
        "received_at": message.received_at.isoformat(),
    }


def _wire_ids(judged: JudgedMail) -> list[str]:
    if isinstance(judged.fate, Routed) or judged.fate.reason is not ParkReason.UNTIED:
        return []
    return [plain_unicode(tie.wire_id) for tie in ties_of(judged.message.correlation) if isinstance(tie, ThreadTie)]


def _park_reason(fate: Routed | Parked) -> str | None:
    match fate:
        case Routed():
            return None
        case Parked(reason=reason, detail=""):
            return reason.value
        case Parked(reason=reason, detail=detail):
            return f"{reason.value}: {detail}"
    assert_never(fate)


def _last_day_away(fate: Routed | Parked) -> str | None:
    days = (event.away_until for event in fate.events) if isinstance(fate, Routed) else ()
    return next((day.isoformat() for day in days if day is not None), None)


def _own_text(content: Content) -> str | None:
    match content:
        case HumanReply(text=text) | UnsubscribeRequest(text=text) | AutoReply(text=text) | Challenge(text=text):
            return text
        case DeliveryReport() | Complaint() | FeedbackNotice() | DispositionNotice() | Unreadable():
            return None
    assert_never(content)
