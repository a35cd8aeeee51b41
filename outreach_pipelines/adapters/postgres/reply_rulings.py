"""Persons' verdicts on mail, on PostgreSQL: written down with their event, and taken back with what followed.

Belongs here: the order of writes of a verdict. Does not: lists of mail (`reply_list`), what falls with news (`event_withdrawal`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.event_store import event_json
from outreach_pipelines.adapters.postgres.event_withdrawal import PastEvent, applied_events, withdraw
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.acts_by_hand import ByHand
from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.review_replies import (
    NothingTied,
    NoVerdict,
    RuledBefore,
    RulingOutcome,
    TakenBack,
    Written,
)
from outreach_pipelines.domain.delivery_event import DeliveryEvent, EventKind
from outreach_pipelines.domain.reply_ruling import Ruling, says_the_same, verdict_key
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import NotFound, Refused

_SQL = statements("reply_rulings")
_READER, _BY_HAND = "imap", "by_hand"
_REQUESTS = frozenset({EventKind.UNSUBSCRIBE_REQUESTED, EventKind.COMPLAINED})
"""What a person was read to have asked for: no other person's verdict takes it back."""


@dataclass(frozen=True, slots=True)
class PostgresRulingBook:
    """`RulingBook` as role outreach_app."""

    engine: Engine

    def rule(
        self,
        tenant: TenantId,
        inbound: InboundId,
        ruling: Ruling,
        event: DeliveryEvent | None,
        *,
        by: ByHand,
        about: str | None,
        instead: bool = False,
    ) -> RulingOutcome:
        """See `RulingBook.rule`."""
        with tenant_session(self.engine, tenant) as connection:
            mail = _locked(connection, inbound)
            stands, same = mail["reviewed_as"] is not None, _is_ruled_so(mail, ruling, event)
            if stands and (same or not instead):
                return RuledBefore(mail["reviewed_as"], mail["reviewed_by"], same)
            send = _send_meant(connection, mail, about)
            if event is not None and send is None:
                return NothingTied()
            fell = _take_back(connection, inbound, mail, by, for_another=True) if stands else TakenBack()
            read = _withdraw_reading(connection, inbound, mail, event, by)
            _write_ruling(connection, inbound, ruling, by, send or mail, event=event, withdrawn=read.events)
            if event is not None and send is not None and not read.says_the_same:
                connection.execute(_SQL["add_event"], _inbox_row(PastEvent(event, _BY_HAND, send["attempt"]), send))
        return Written(fell.joined(read.fell))

    def take_back(self, tenant: TenantId, inbound: InboundId, *, by: ByHand) -> TakenBack | NoVerdict:
        """See `RulingBook.take_back`."""
        with tenant_session(self.engine, tenant) as connection:
            mail = _locked(connection, inbound)
            if mail["reviewed_as"] is None:
                return NoVerdict()
            fell = _take_back(connection, inbound, mail, by, for_another=False)
            for event in mail["read_before_verdict"]["events"]:
                connection.execute(_SQL["add_event"], event)
        return fell


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the reader told of a mail: the news that a verdict takes back, and what fell with it."""

    says_the_same: bool = False
    events: Sequence[Mapping[str, object]] = ()
    fell: TakenBack = field(default_factory=TakenBack)


def _locked(connection: Connection, inbound: InboundId) -> RowMapping:
    mail = connection.execute(_SQL["lock_for_ruling"], {"inbound_id": inbound}).mappings().first()
    if mail is None:
        message = f"this tenant has no mail {inbound}"
        raise NotFound(message)
    return mail


def _is_ruled_so(mail: RowMapping, ruling: Ruling, event: DeliveryEvent | None) -> bool:
    return bool(mail["reviewed_as"] == ruling.name and mail["out_of_office_until"] == (event and event.away_until))


def _send_meant(connection: Connection, mail: RowMapping, about: str | None) -> RowMapping | None:
    """A tie that the reader has found is not said anew; one that a person has said stays until another is said."""
    before = mail["read_before_verdict"]
    read_tie = mail["message_id"] if before is None else before["message_id"]
    if read_tie is not None or (about is None and mail["message_id"] is not None):
        return mail
    if about is None:
        return None
    return connection.execute(_SQL["last_send_to"], {"address": about.strip()}).mappings().first()


def _withdraw_reading(
    connection: Connection, inbound: InboundId, mail: RowMapping, event: DeliveryEvent | None, by: ByHand
) -> _Reading:
    """A person's verdict stands in the place of what the reader told of this very mail, but for what somebody has asked for."""
    applied = applied_events(connection, mail) or ()
    told = [_with_absence(each, mail) for each in applied if _is_of_reader(each, mail)]
    if event is not None and any(says_the_same(each.event, event) for each in told):
        return _Reading(says_the_same=True)
    fallen = [each for each in told if each.event.kind not in _REQUESTS]
    why = f"{by.actor}: mail {inbound} was misread: {by.reason}"
    fell = withdraw(connection, mail, fallen, inbound=inbound, why=why)
    return _Reading(events=[_inbox_row(each, mail) for each in fallen], fell=fell)


def _with_absence(past: PastEvent, mail: RowMapping) -> PastEvent:
    # Applied news does not hold the date; the mail does.
    away = mail["out_of_office_until"] if past.event.kind is EventKind.OUT_OF_OFFICE else None
    return replace(past, event=replace(past.event, away_until=away))


def _is_of_reader(past: PastEvent, mail: RowMapping) -> bool:
    return past.source == _READER and past.event.occurred_at == mail["received_at"]


def _take_back(
    connection: Connection, inbound: InboundId, mail: RowMapping, by: ByHand, *, for_another: bool
) -> TakenBack:
    if mail["read_before_verdict"] is None:
        message = f"mail {inbound} was ruled on before verdicts could be taken back: what followed is undone by its own command"
        raise Refused(message)
    key = verdict_key(inbound)
    connection.execute(_SQL["forget_event"], {"dedupe_key": key})
    applied = applied_events(connection, mail)
    if applied is None and mail["message_id"] is not None:
        message = (
            f"the message that mail {inbound} is about is no longer kept: what followed is undone by its own command"
        )
        raise Refused(message)
    fallen = [each for each in applied or () if each.event.dedupe_key == key]
    why = f"{by.actor}: the verdict on mail {inbound} was taken back: {by.reason}"
    fell = withdraw(connection, mail, fallen, inbound=inbound, why=why)
    connection.execute(_SQL["take_back"], {"inbound_id": inbound, "for_another": for_another})
    told = {"verdict": mail["reviewed_as"], "reason": by.reason, "lifted": fell.lifted}
    _note(connection, by, "verdict taken back", inbound, told)
    return fell


def _write_ruling(
    connection: Connection,
    inbound: InboundId,
    ruling: Ruling,
    by: ByHand,
    send: RowMapping,
    *,
    event: DeliveryEvent | None,
    withdrawn: Sequence[Mapping[str, object]],
) -> None:
    applies = event is not None
    told = {"inbound_id": inbound, "verdict": ruling.name, "actor": by.actor, "reason": by.reason, "applies": applies}
    place = {name: send[name] for name in ("plan_day", "message_id", "enrollment_id", "mailbox_id")}
    more = {"away_until": event and event.away_until, "events": json.dumps(withdrawn)}
    connection.execute(_SQL["rule"], told | place | more)
    _note(connection, by, "reply ruled on", inbound, {"verdict": ruling.name, "reason": by.reason, "applies": applies})


def _inbox_row(past: PastEvent, about: RowMapping) -> dict[str, object]:
    """As the event inbox holds it, in values that JSON keeps."""
    event = past.event
    return {
        "source": past.source,
        "dedupe_key": event.dedupe_key,
        "kind": event.kind.value,
        "occurred_at": event.occurred_at.isoformat(),
        "plan_day": about["plan_day"].isoformat(),
        "message_id": about["message_id"],
        "attempt": past.attempt,
        "body": json.dumps(event_json(event)),
    }


def _note(connection: Connection, by: ByHand, action: str, inbound: InboundId, detail: Mapping[str, object]) -> None:
    values = {"actor": by.actor, "action": action, "subject": f"mail {inbound}"}
    connection.execute(_SQL["note"], values | {"detail": json.dumps(detail)})
