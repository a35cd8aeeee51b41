"""Amazon SES event publishing: one JSON document to one event (Amazon SES Developer Guide, "Contents of event data").

Belongs here: the shape of the document. Does not: SNS and SQS around it (`adapters/sqs.py`), nor whose event it is
(`message_tag`).
"""

import hashlib
import re
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
_LONGEST_DIAGNOSTIC = 500
# It stands in headers of later messages of the thread.
_MESSAGE_ID = re.compile(r"[\w.+-]{1,200}", re.ASCII)
# Outside of them a moment in another zone is soon one that no library represents.
_PLAUSIBLE_YEARS = range(2000, 2200)
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
    event_type = _text(root.get("eventType"))
    kind = _KINDS.get(event_type)
    if kind is None:
        return NotAnEvent(f"no known eventType: {event_type[:40]!r}")
    mail = _object(root.get("mail"))
    detail = _object(root.get(_detail_name(event_type)))
    message_id = _text(mail.get("messageId"))
    occurred_at = _time(_text(detail.get("timestamp")) or _text(mail.get("timestamp")))
    if not _MESSAGE_ID.fullmatch(message_id) or occurred_at is None:
        return NotAnEvent("mail.messageId or the timestamp is missing or no such thing")
    tags = _object(mail.get("tags"))
    configuration_set = _first(tags.get("ses:configuration-set"))
    event = DeliveryEvent(
        dedupe_key=_dedupe_key(configuration_set, message_id, event_type, occurred_at, detail),
        kind=kind,
        occurred_at=occurred_at,
        bounce=_bounce(kind, detail),
        provider_message_id=message_id,
    )
    return SesEvent(event, WireTag(_first(tags.get(TAG_NAME))) or None, configuration_set)


def _bounce(kind: EventKind, detail: Mapping[str, Json]) -> BounceFacts | None:
    if kind not in (EventKind.BOUNCED, EventKind.DELAYED):
        return None
    recipients = _list(detail.get("bouncedRecipients")) or _list(detail.get("delayedRecipients"))
    first = _object(recipients[0]) if recipients else {}
    diagnostic = " ".join(filter(None, (_text(first.get("status")), _text(first.get("diagnosticCode")))))
    enhanced = str(take_apart(diagnostic).enhanced or "")
    if kind is EventKind.DELAYED:
        delay = _text(detail.get("delayType"))[:100]
        return BounceFacts(BounceClass.NOT_A_FAILURE, None, enhanced, diagnostic[:_LONGEST_DIAGNOSTIC], delay)
    kind_of_bounce = BounceType(f"{_text(detail.get('bounceType'))}/{_text(detail.get('bounceSubType'))}")
    verdict = classify_provider_bounce(ProviderName("ses"), kind_of_bounce, diagnostic)
    return BounceFacts(
        verdict.bounce_class, verdict.cause, enhanced, diagnostic[:_LONGEST_DIAGNOSTIC], verdict.evidence.rule
    )


def _dedupe_key(
    configuration_set: str, message_id: str, event_type: str, at: datetime, detail: Mapping[str, Json]
) -> str:
    recipients = _list(detail.get("bouncedRecipients")) or _list(detail.get("complainedRecipients"))
    who = ",".join(sorted(_text(_object(each).get("emailAddress")) for each in recipients))
    parts = "|".join((configuration_set, message_id, event_type, at.isoformat(), who, _text(detail.get("link"))))
    return "ses:" + hashlib.blake2b(parts.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _detail_name(event_type: str) -> str:
    return {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}.get(event_type, event_type.lower())


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else []


def _text(value: Json) -> str:
    # JSON may spell what no database keeps as text: NUL, and halves of surrogate pairs.
    return value.replace("\0", "").encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _first(value: Json) -> str:
    values = _list(value)
    return _text(values[0]) if values else ""


def _time(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None and parsed.year in _PLAUSIBLE_YEARS else None
