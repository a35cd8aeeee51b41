"""Delivery status notifications: RFC 3464 fields in RFC 6522 reports, internationalized by RFC 6533.

Only reports that carry the fields are read here, also where they stand outside their MIME type. Reports in free words
belong to `worded_bounce`; what the words mean belongs to `bounce_rules`.
"""

import re
from dataclasses import replace

from outreach_pipelines.domain.inbound.bounce_rules import Refusal, classify_refusal, take_apart
from outreach_pipelines.domain.inbound.message import DeliveryReport
from outreach_pipelines.domain.inbound.part_text import addresses_in, first_text, header_text, text_of
from outreach_pipelines.domain.inbound.report_sections import section_about
from outreach_pipelines.domain.inbound.structure import Part, Report, read_header_block
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

MAX_RECIPIENTS = 1_000
_STATUS_TYPES = (Report.DELIVERY_STATUS.value, Report.GLOBAL_DELIVERY_STATUS.value)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_FIELDS_IN_TEXT = re.compile(r"^Final-Recipient:", re.IGNORECASE | re.MULTILINE)
_DIAGNOSTIC_TYPE = re.compile(r"^\s*[a-z][\w\-]*\s*;\s*", re.IGNORECASE)
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_RECIPIENT_FIELDS = ("original-recipient", "final-recipient", "x-actual-recipient")


def read_delivery_report(message: Part) -> DeliveryReport | None:
    """The verdicts of all delivery-status fields in `message`, or None where there are none."""
    texts = [text_of(part) for part in message.walk() if part.content_type in _STATUS_TYPES]
    shown = first_text(message)
    if not texts and _FIELDS_IN_TEXT.search(shown):
        texts = [shown]
    recipients = tuple(verdict for text in texts for verdict in _verdicts(text, shown))
    return DeliveryReport(recipients[:MAX_RECIPIENTS]) if recipients else None


def envelope_ids_of(message: Part) -> tuple[str, ...]:
    """`Original-Envelope-Id` of all reports in `message` (RFC 3464 section 2.2.1)."""
    parts = [part for part in message.walk() if part.content_type in _STATUS_TYPES]
    blocks = [block for part in parts for block in _blocks(text_of(part))]
    return tuple(value for block in blocks for value in block.all("original-envelope-id"))


def _verdicts(text: str, shown: str) -> list[RecipientVerdict]:
    return [_verdict(block, shown) for block in _blocks(text) if _is_about_recipient(block)]


def _blocks(text: str) -> list[Part]:
    return [read_header_block(block.encode("utf-8", "replace")) for block in _BLANK_LINE.split(text)]


def _is_about_recipient(block: Part) -> bool:
    return any(block.header(name) for name in (*_RECIPIENT_FIELDS, "action", "status"))


def _verdict(block: Part, shown: str) -> RecipientVerdict:
    diagnostic = _DIAGNOSTIC_TYPE.sub("", header_text(block.header("diagnostic-code")))
    refusal = _refusal(diagnostic, EnhancedCode.find(block.header("status") or ""))
    address = _address(block) or next(iter(addresses_in(diagnostic)), None)
    action = _action(block, refusal.enhanced)
    verdict = _of_failure(refusal, section_about(address, shown)) if action is Action.FAILED else _no_failure(action)
    return RecipientVerdict(address, action, verdict, refusal.code, refusal.enhanced, diagnostic)


def _refusal(diagnostic: str, status: EnhancedCode | None) -> Refusal:
    """The server's own words before the reporter's Status, unless they carry nothing."""
    refusal = take_apart(diagnostic)
    if status is not None and (refusal.enhanced is None or refusal.enhanced.is_empty):
        return replace(refusal, enhanced=status)
    return refusal


def _of_failure(refusal: Refusal, shown: str) -> Verdict:
    """By the fields; by the words shown to people where the fields leave it open."""
    verdict = classify_refusal(refusal.code, refusal.enhanced, refusal.text, refusal.stage)
    if _settles(verdict):
        return verdict
    told = take_apart(shown)
    worded = classify_refusal(refusal.code or told.code, refusal.enhanced, shown, told.stage)
    return worded if worded.evidence.basis is Basis.TEXT else verdict


def _settles(verdict: Verdict) -> bool:
    if verdict.evidence.basis is Basis.TEXT:
        return True
    vague = (BounceClass.UNKNOWN, BounceClass.SOFT)
    return (
        verdict.evidence.basis is Basis.ENHANCED_CODE
        and verdict.confidence is Confidence.HIGH
        and verdict.bounce_class not in vague
    )


def _no_failure(action: Action) -> Verdict:
    evidence = Evidence(RuleName("dsn-action"), Basis.STRUCTURE, f"Action: {action.value}")
    return Verdict(BounceClass.NOT_A_FAILURE, None, Confidence.HIGH, evidence)


def _action(block: Part, enhanced: EnhancedCode | None) -> Action:
    """The field, else the class of the status. A word that RFC 3464 does not know is a failure."""
    word = (block.header("action") or "").partition("(")[0].strip().lower()
    known = next((action for action in Action if action.value == word), None)
    if known is None and not word and enhanced is not None and enhanced.status == 2:
        return Action.DELIVERED
    return known or Action.FAILED


def _address(block: Part) -> ReportedAddress | None:
    """As the sender wrote it (Original-Recipient), else what forwarding made of it (Final-Recipient)."""
    for name in _RECIPIENT_FIELDS:
        kind, _, value = (block.header(name) or "").rpartition(";")
        if "utf-8" in kind.lower():
            value = _ESCAPED.sub(_unescaped, value)
        if found := addresses_in(value):
            return found[-1]
    return None


def _unescaped(match: re.Match[str]) -> str:
    """utf-8-addr-xtext of RFC 6533 section 3; what is no character becomes U+FFFD."""
    number = int(match.group(1), 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else "\ufffd"
