"""Inboxes, cursors and the mail read from them, on PostgreSQL, with the raw mail in the object store.

Belongs here: the order of writes, and mail as rows. Does not: whose a mail is (`domain.inbox_route`).
"""

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.event_store import event_json
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.inbox_mail import (
    Extent,
    FetchedMail,
    FolderCursor,
    FolderName,
    InboundId,
    InboxId,
    InboxLogin,
    InboxToRead,
    JudgedMail,
    UntiedMail,
)
from outreach_pipelines.application.ports import TagReader
from outreach_pipelines.application.stored_objects import ObjectKey, ObjectMissing, ObjectStore, object_key
from outreach_pipelines.domain.ids import EnrollmentId, MailboxId
from outreach_pipelines.domain.inbound.message import (
    AutoReply,
    Challenge,
    Complaint,
    Content,
    DeliveryReport,
    DispositionNotice,
    FeedbackNotice,
    HumanReply,
    Unreadable,
    UnsubscribeRequest,
    WireMessageId,
)
from outreach_pipelines.domain.inbound.ties import TagTie, ThreadTie, Tie, ties_of
from outreach_pipelines.domain.inbound.verdict import Action, Basis, Confidence, Evidence, ReportedAddress
from outreach_pipelines.domain.inbox_event import plain_unicode
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

    def keep(
        self, tenant: TenantId, inbox: InboxId, cursor: FolderCursor, mails: Sequence[JudgedMail]
    ) -> Sequence[JudgedMail]:
        """See `ReplyStore.keep`. A crash after the raw mail is stored leaves an object that the next sync meets again."""
        keys = [_raw_key(tenant, each) for each in mails]
        for each, key in zip(mails, keys, strict=True):
            self.objects.put(key, each.mail.raw, only_if_absent=True)
        place = {"inbox_id": inbox, "folder": cursor.folder, "uid_validity": cursor.uid_validity}
        with tenant_session(self.engine, tenant) as connection:
            rows = [place | _mail_values(each, key) for each, key in zip(mails, keys, strict=True)]
            new = [connection.execute(_SQL["keep_inbound"], row).rowcount == 1 for row in rows]
            fresh = [each for each, is_new in zip(mails, new, strict=True) if is_new]
            _add_events(connection, fresh)
            connection.execute(_SQL["move_cursor"], place | {"last_uid": cursor.last_uid})
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

    def record_complete_read(self, tenant: TenantId, inbox: InboxToRead) -> None:
        """See `ReplyStore.record_complete_read`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["complete_read"], {"inbox_id": inbox.inbox, "asked_at": inbox.asked_at})
            connection.execute(_SQL["prove_smtp_accounts"], {"inbox_id": inbox.inbox})

    def record_failure(self, tenant: TenantId, inbox: InboxId, reason: str) -> None:
        """See `ReplyStore.record_failure`."""
        values = {"inbox_id": inbox, "reason": plain_unicode(reason)[:LONGEST_REASON]}
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["read_failed"], values)


def _inbox(row: RowMapping) -> InboxToRead:
    host, port, username = (parse_setting(row[name]) for name in ("host", "port", "username"))
    password = parse_secret_ref(row["secret_ref"])
    if host is None or port is None or username is None or password is None:
        message = f"inbox {row['name']}: a reference to its login cannot be read"
        raise SettingsFault(message)
    cursors = (FolderCursor(FolderName(c["folder"]), c["uid_validity"], c["last_uid"]) for c in row["cursors"])
    login = InboxLogin(host, port, row["tls"] == "tls", username, password)
    return InboxToRead(InboxId(row["inbox_id"]), InboxName(row["name"]), login, tuple(cursors), row["asked_at"])


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


def _raw_key(tenant: TenantId, judged: JudgedMail) -> ObjectKey:
    return object_key(f"inbound/{tenant}/{judged.message.digest}.eml")


def _add_events(connection: Connection, mails: Sequence[JudgedMail]) -> None:
    routed = [each.fate for each in mails if isinstance(each.fate, Routed)]
    values = [
        _send_values(fate.send)
        | {
            "attempt": fate.send.about.attempt,
            "dedupe_key": event.dedupe_key,
            "kind": event.kind,
            "occurred_at": event.occurred_at,
            "body": json.dumps(event_json(event)),
        }
        for fate in routed
        for event in fate.events
    ]
    if values:
        connection.execute(_SQL["add_event"], values)


def _send_values(send: TiedSend | None) -> dict[str, Any]:
    if send is None:
        return dict.fromkeys(("plan_day", "message_id", "enrollment_id", "mailbox_id"))
    return {
        "plan_day": send.about.plan_day,
        "message_id": send.about.message,
        "enrollment_id": send.enrollment,
        "mailbox_id": send.mailbox,
    }


def _mail_values(judged: JudgedMail, key: ObjectKey) -> dict[str, Any]:
    mail, message, fate = judged.mail, judged.message, judged.fate
    confidence, evidence = _evidence(message.content)
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
        "object_key": key,
        "received_at": message.received_at,
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


def _last_day_away(fate: Routed | Parked) -> object:
    return next((event.away_until for event in fate.events), None) if isinstance(fate, Routed) else None


def _own_text(content: Content) -> str | None:
    match content:
        case HumanReply(text=text) | UnsubscribeRequest(text=text) | AutoReply(text=text) | Challenge(text=text):
            return text
        case DeliveryReport() | Complaint() | FeedbackNotice() | DispositionNotice() | Unreadable():
            return None
    assert_never(content)


def _evidence(content: Content) -> tuple[Confidence, str]:
    match content:
        case DeliveryReport(recipients=()):
            return Confidence.LOW, "a report that names no recipient"
        case DeliveryReport(recipients=recipients):
            first = min(recipients, key=lambda each: list(Action).index(each.action))
            return first.verdict.confidence, _told(first.verdict.evidence)
        case HumanReply():
            return Confidence.MEDIUM, "neither a report, nor a machine's answer, nor a request to stop"
        case Unreadable(reason=reason):
            return Confidence.HIGH, reason.value
        case _:
            sure = content.evidence.basis is Basis.STRUCTURE
            return Confidence.HIGH if sure else Confidence.MEDIUM, _told(content.evidence)


def _told(evidence: Evidence) -> str:
    return f"{evidence.rule}: {evidence.line}"
