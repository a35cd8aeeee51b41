"""A classified message as one JSON object: the public format of `outreach classify` (docs/inbound.md).

Names and values here are a promise to those who read them; what they mean is decided by the readers of this package.
"""

from enum import Enum
from typing import assert_never

from outreach_pipelines.domain.inbound.grounds import confidence_of, evidence_of, gravest
from outreach_pipelines.domain.inbound.message import (
    AutoReply,
    Challenge,
    Complaint,
    Content,
    Correlation,
    DeliveryReport,
    DispositionNotice,
    FeedbackNotice,
    HumanReply,
    InboundMessage,
    MessageKind,
    Unreadable,
    UnsubscribeRequest,
    kind_of,
)
from outreach_pipelines.domain.inbound.verdict import BounceClass, Evidence, RecipientVerdict

JsonValue = None | bool | int | str | list["JsonValue"] | dict[str, "JsonValue"]

_NO_FAILURE = frozenset({MessageKind.DISPOSITION_NOTICE, MessageKind.FEEDBACK_NOTICE})


def account_of(message: InboundMessage) -> dict[str, JsonValue]:
    """All that is told of a message. Every key is always there; what does not apply is null or empty."""
    content = message.content
    account: dict[str, JsonValue] = {
        "kind": _kind(content),
        "form": message.kind.value,
        "recipients": _recipients(content),
        "feedback_type": _feedback_type(content),
        "until": _until(content),
        "contact": _contact(content),
        "correlation": _correlation(message.correlation),
        "reply_text": _text(content),
        "language": _language(content),
        "confidence": confidence_of(content).value,
        "evidence": _evidence(evidence_of(content)),
    }
    return {name: _presentable(value) for name, value in account.items()}


def _kind(content: Content) -> str:
    """The class of mail that it is; of a report on several recipients, that of the gravest."""
    if isinstance(content, DeliveryReport):
        first = gravest(content)
        return (first.verdict.bounce_class if first else BounceClass.UNKNOWN).value
    if kind_of(content) in _NO_FAILURE:
        return BounceClass.NOT_A_FAILURE.value
    return BounceClass.UNKNOWN.value if isinstance(content, Unreadable) else kind_of(content).value


def _recipients(content: Content) -> list[JsonValue]:
    match content:
        case DeliveryReport(recipients=verdicts):
            return [_recipient(each) for each in verdicts]
        case Complaint(recipients=addresses):
            return [_named(address, content.evidence.line) for address in addresses]
        case _:
            return []


def _recipient(each: RecipientVerdict) -> JsonValue:
    verdict = each.verdict
    return {
        "address": each.address,
        "class": verdict.bounce_class.value,
        "cause": _value(verdict.cause),
        "enhanced_code": None if each.enhanced_code is None else str(each.enhanced_code),
        "diagnostic": each.diagnostic,
        "action": each.action.value,
        "reply_code": each.reply_code,
        "confidence": verdict.confidence.value,
        "evidence": _evidence(verdict.evidence),
    }


def _named(address: str, line: str) -> JsonValue:
    """A recipient who complained: no server spoke, so there is no code."""
    return {"address": address, "class": "complaint", "cause": None, "enhanced_code": None, "diagnostic": line}


def _feedback_type(content: Content) -> str | None:
    return content.feedback_type.value if isinstance(content, Complaint | FeedbackNotice) else None


def _until(content: Content) -> str | None:
    return content.until.isoformat() if isinstance(content, AutoReply) and content.until else None


def _contact(content: Content) -> JsonValue:
    if not isinstance(content, AutoReply) or content.contact is None:
        return None
    return {"address": content.contact.address, "name": content.contact.name or None}


def _text(content: Content) -> str | None:
    match content:
        case HumanReply(text=text) | UnsubscribeRequest(text=text) | AutoReply(text=text) | Challenge(text=text):
            return text
        case DeliveryReport() | Complaint() | FeedbackNotice() | DispositionNotice() | Unreadable():
            return None
    assert_never(content)


def _language(content: Content) -> str | None:
    return content.language if isinstance(content, HumanReply | UnsubscribeRequest | AutoReply) else None


def _correlation(found: Correlation) -> JsonValue:
    return {
        "answered_ids": list(found.answered_ids),
        "returned_ids": list(found.returned_ids),
        "envelope_ids": list(found.envelope_ids),
        "routed_to": list(found.routed_to),
        "provider_tags": list(found.provider_tags),
    }


def _evidence(evidence: Evidence) -> JsonValue:
    return {"rule": evidence.rule, "basis": evidence.basis.value, "line": evidence.line}


def _value(cause: Enum | None) -> str | None:
    return None if cause is None else str(cause.value)


def _presentable(value: JsonValue) -> JsonValue:
    """Without lone surrogates and NUL, which no UTF-8 and few readers of JSON take."""
    match value:
        case str():
            return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
        case list():
            return [_presentable(each) for each in value]
        case dict():
            return {name: _presentable(each) for name, each in value.items()}
        case _:
            return value
