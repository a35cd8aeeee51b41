"""Amazon SES event publishing: one JSON document to one event (Amazon SES Developer Guide, "Contents of event data").

Belongs here: the shape of the document. Does not: SNS and SQS around it (`adapters/sqs.py`), nor whose event it is
(`message_tag`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from outreach_pipelines.domain.delivery_event import BounceFacts, DeliveryEvent, EventKind
from outreach_pipelines.domain.inbound.bounce_rules import (
    BounceType,
    ProviderName,
    classify_provider_bounce,
    take_apart,
)
from outreach_pipelines.domain.inbound.verdict import BounceClass
from outreach_pipelines.domain.message_tag import WireTag

Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None

TAG_NAME = "outreach"
_KINDS = {
    "Send": EventKind.SENT,
    "Delivery": EventKind.DELIVERED,
    "DeliveryDelay": EventKind.DELAYED,
    "Bounce": EventKind.BOUNCED,
    "Complaint": EventKind.COMPLAINED,
    "Reject": EventKind.REJECTED,
    "Rendering Failure": EventKind.REJECTED,
    "Open": EventKind.OPENED,
    "Click": EventKind.CLICKED,
}


@dataclass(frozen=True, slots=True)
class SesEvent:
    """An event and the tag it carries, still to be verified; None where there is none."""

    event: DeliveryEvent
    tag: WireTag | None
    configuration_set: str


@dataclass(frozen=True, slots=True)
class NotAnEvent:
    """Not in the documented shape: parked, never guessed at."""

    reason: str


def read_ses_event(document: Json) -> SesEvent | NotAnEvent:
    """Total: any JSON value gives an event or the reason why it is none."""
    root = _object(document)
    kind = _KINDS.get(_text(root.get("eventType")))
    if kind is None:
        return NotAnEvent(f"no known eventType: {_text(root.get('eventType'))[:40]!r}")
    mail = _object(root.get("mail"))
    detail = _object(root.get(_detail_name(_text(root.get("eventType")))))
    message_id = _text(mail.get("messageId"))
    occurred_at = _time(_text(detail.get("timestamp")) or _text(mail.get("timestamp")))
    if not message_id or occurred_at is None:
        return NotAnEvent("mail.messageId or the timestamp is missing")
    tags = _object(mail.get("tags"))
    configuration_set = _first(tags.get("ses:configuration-set"))
    event = DeliveryEvent(
        dedupe_key=_dedupe_key(configuration_set, message_id, kind, occurred_at, detail),
        kind=_refined(kind, detail),
        occurred_at=occurred_at,
        bounce=_bounce(kind, detail),
        provider_message_id=message_id,
    )
    return SesEvent(event, WireTag(_first(tags.get(TAG_NAME))) or None, configuration_set)


def _refined(kind: EventKind, detail: Mapping[str, Json]) -> EventKind:
    bounce = _bounce(kind, detail)
    # SES reports out-of-office answers and other acknowledgements on its bounce channel.
    if bounce is not None and bounce.bounce_class is BounceClass.NOT_A_FAILURE:
        return EventKind.AUTO_REPLIED
    return kind


def _bounce(kind: EventKind, detail: Mapping[str, Json]) -> BounceFacts | None:
    if kind not in (EventKind.BOUNCED, EventKind.DELAYED):
        return None
    recipients = _list(detail.get("bouncedRecipients")) or _list(detail.get("delayedRecipients"))
    first = _object(recipients[0]) if recipients else {}
    diagnostic = " ".join(filter(None, (_text(first.get("status")), _text(first.get("diagnosticCode")))))
    if kind is EventKind.DELAYED:
        return BounceFacts(
            BounceClass.NOT_A_FAILURE, None, _text(first.get("status")), diagnostic, _text(detail.get("delayType"))
        )
    kind_of_bounce = BounceType(f"{_text(detail.get('bounceType'))}/{_text(detail.get('bounceSubType'))}")
    verdict = classify_provider_bounce(ProviderName("ses"), kind_of_bounce, diagnostic)
    enhanced = take_apart(diagnostic).enhanced
    return BounceFacts(
        verdict.bounce_class, verdict.cause, str(enhanced or ""), diagnostic[:500], verdict.evidence.rule
    )


def _dedupe_key(
    configuration_set: str, message_id: str, kind: EventKind, at: datetime, detail: Mapping[str, Json]
) -> str:
    recipients = _list(detail.get("bouncedRecipients")) or _list(detail.get("complainedRecipients"))
    who = ",".join(sorted(_text(_object(each).get("emailAddress")) for each in recipients))
    parts = "|".join((configuration_set, message_id, kind, at.isoformat(), who, _text(detail.get("link"))))
    return "ses:" + hashlib.blake2b(parts.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _detail_name(event_type: str) -> str:
    return {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}.get(event_type, event_type.lower())


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else []


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _first(value: Json) -> str:
    values = _list(value)
    return _text(values[0]) if values else ""


def _time(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else None
