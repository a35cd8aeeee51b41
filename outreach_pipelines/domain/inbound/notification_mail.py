"""Bounces and complaints that Amazon SES sends as JSON in a mail, by a topic with an e-mail subscription.

Belongs here: that form (Amazon SES Developer Guide, "Contents of Amazon SNS notifications"). The same documents by
queue or webhook belong to `ses_event`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from outreach_pipelines.domain.inbound.bounce_rules import (
    BounceType,
    ProviderName,
    classify_provider_bounce,
    take_apart,
)
from outreach_pipelines.domain.inbound.message import Complaint, DeliveryReport, FeedbackType
from outreach_pipelines.domain.inbound.part_text import addresses_in, first_text
from outreach_pipelines.domain.inbound.structure import Part
from outreach_pipelines.domain.inbound.verdict import (
    Action,
    Basis,
    BounceClass,
    Confidence,
    EnhancedCode,
    Evidence,
    RecipientVerdict,
    ReportedAddress,
    RuleName,
    Verdict,
)

Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None

MAX_DOCUMENT = 128 * 1024
MAX_RECIPIENTS = 1_000
_MARK = "x-amz-sns-message-id"
# Sendmail breaks longer lines with "!", line end and space (op.me, mailer flag and option L).
_BROKEN_LINE = re.compile(r"!?\n ")


def read_notified_complaint(message: Part) -> Complaint | None:
    """The complaint that a notification tells, or None."""
    complaint = _object(_document(message).get("complaint"))
    if not complaint:
        return None
    word = _text(complaint.get("complaintFeedbackType")) or "abuse"
    feedback = next((known for known in FeedbackType if known.value == word), FeedbackType.OTHER)
    evidence = Evidence(RuleName("ses-notification"), Basis.STRUCTURE, f"complaintFeedbackType: {word}"[:500])
    return Complaint(feedback, tuple(_addresses(complaint.get("complainedRecipients"))), evidence)


def read_notified_report(message: Part) -> DeliveryReport | None:
    """The bounces or deliveries that a notification tells, or None."""
    document = _document(message)
    bounce, delivery = _object(document.get("bounce")), _object(document.get("delivery"))
    kind = BounceType(f"{_text(bounce.get('bounceType'))}/{_text(bounce.get('bounceSubType'))}")
    bounced = tuple(_bounced(_object(each), kind) for each in _list(bounce.get("bouncedRecipients")))
    delivered = tuple(
        _delivered(address) for address in addresses_in(" ".join(map(_text, _list(delivery.get("recipients")))))
    )
    found = (bounced + delivered)[:MAX_RECIPIENTS]
    return DeliveryReport(found) if found else None


def _bounced(recipient: Mapping[str, Json], kind: BounceType) -> RecipientVerdict:
    diagnostic = _text(recipient.get("diagnosticCode"))
    told = take_apart(diagnostic)
    status = EnhancedCode.find(_text(recipient.get("status")))
    verdict = classify_provider_bounce(ProviderName("ses"), kind, f"{diagnostic} {status or ''}".strip())
    address = next(iter(addresses_in(_text(recipient.get("emailAddress")))), None)
    return RecipientVerdict(address, Action.FAILED, verdict, told.code, told.enhanced or status, diagnostic)


def _delivered(address: ReportedAddress) -> RecipientVerdict:
    evidence = Evidence(RuleName("ses-notification"), Basis.STRUCTURE, "notificationType: Delivery")
    verdict = Verdict(BounceClass.NOT_A_FAILURE, None, Confidence.HIGH, evidence)
    return RecipientVerdict(address, Action.DELIVERED, verdict, None, None, "")


def _document(message: Part) -> Mapping[str, Json]:
    if message.header(_MARK) is None:
        return {}
    text = _BROKEN_LINE.sub("", first_text(message)).lstrip()[:MAX_DOCUMENT]
    try:
        document, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return {}
    return _object(document)


def _addresses(recipients: Json) -> list[ReportedAddress]:
    named = (_text(_object(each).get("emailAddress")) for each in _list(recipients)[:MAX_RECIPIENTS])
    return [address for name in named for address in addresses_in(name)[:1]]


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else []


def _text(value: Json) -> str:
    # JSON may spell what no database keeps as text: NUL, and halves of surrogate pairs.
    return value.replace("\0", "").encode("utf-8", "replace").decode() if isinstance(value, str) else ""
