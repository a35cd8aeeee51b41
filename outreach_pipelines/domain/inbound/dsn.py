"""Delivery status notifications: RFC 3464 fields in RFC 6522 reports, internationalized by RFC 6533.

Only reports that carry the fields are read here, also where they stand outside their MIME type. Reports in free words
belong to `worded_bounce`; what the words mean belongs to `bounce_rules`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from outreach_pipelines.domain.inbound.bounce_rules import (
    BounceType,
    ProviderName,
    Refusal,
    classify_provider_bounce,
    classify_refusal,
    settles,
    take_apart,
)
from outreach_pipelines.domain.inbound.dialogue import stage_in_dialogue, stage_of
from outreach_pipelines.domain.inbound.message import DeliveryReport
from outreach_pipelines.domain.inbound.notification_mail import read_notified_report
from outreach_pipelines.domain.inbound.part_text import addresses_in, first_text, header_text, text_of
from outreach_pipelines.domain.inbound.report_sections import quoted_answer, report_lines, sections_of
from outreach_pipelines.domain.inbound.reporter import reporter_of
from outreach_pipelines.domain.inbound.structure import Part, Report, read_field_block
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
    Stage,
    Verdict,
)

MAX_RECIPIENTS = 1_000
MAX_REASON = 1_000
"""Characters of a local delivery agent's rejection that are looked at."""
_POWERMTA_CATEGORY = "x-powermta-bouncecategory"
_ENVELOPE_ID = "original-envelope-id"
_STATUS_TYPES = (Report.DELIVERY_STATUS.value, Report.GLOBAL_DELIVERY_STATUS.value)
_LOCAL = re.compile(r"was automatically rejected:", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_FIELDS_IN_TEXT = re.compile(r"^[ \t]{0,8}Final-Recipient ?:", re.IGNORECASE | re.MULTILINE)
_MAY_HOLD_FIELDS = ("text/plain", "application/octet-stream", "message/delivery-report")
"""Media types under which gateways pass on the fields of a report."""
_DIAGNOSTIC_TYPE = re.compile(r"^\s*[a-z][\w\-]*\s*;\s*", re.IGNORECASE)
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_RECIPIENT_FIELDS = ("original-recipient", "final-recipient", "x-actual-recipient")


@dataclass(frozen=True, slots=True)
class _Shown:
    """The part for people. `alone`: the report is about one recipient, so that all of it speaks of that one."""

    lines: str
    sections: Mapping[ReportedAddress, str]
    alone: bool
    local_reason: str | None
    """Why a local delivery agent, which had the mailbox before it, said no (Dovecot rejection_reason)."""

    @classmethod
    def of(cls, text: str, *, alone: bool) -> Self:
        lines = report_lines(text)
        local = quoted_answer(text[:MAX_REASON]) if alone and _LOCAL.search(text[:MAX_REASON]) else None
        return cls(lines, sections_of(lines, ignoring=frozenset()), alone, local)

    def about(self, address: ReportedAddress | None) -> str:
        """The lines under `address`; all of them where none leads with it."""
        return self.sections.get(address, self.lines) if address is not None else self.lines

    def stage(self, address: ReportedAddress | None, diagnostic: str) -> Stage:
        """The refused command, from lines that speak of `address` and of nobody else."""
        if address not in self.sections and not self.alone:
            return Stage.UNKNOWN
        stage = stage_of(self.about(address))
        if not self.alone or stage not in (Stage.UNKNOWN, Stage.DATA):
            return stage
        dialogue = stage_in_dialogue(self.lines, diagnostic)
        return stage if dialogue is Stage.UNKNOWN else dialogue


def read_delivery_report(message: Part) -> DeliveryReport | None:
    """The verdicts of all delivery-status fields in `message`, or None where there are none."""
    texts = _status_texts(message)
    shown = first_text(message)
    if not texts:
        texts = (shown,) if _FIELDS_IN_TEXT.search(shown) else _fields_in_attachments(message, shown)
    recipients = tuple(verdict for text in texts for verdict in _verdicts(text, shown))
    return DeliveryReport(recipients[:MAX_RECIPIENTS]) if recipients else read_notified_report(message)


def envelope_ids_of(message: Part) -> tuple[str, ...]:
    """`Original-Envelope-Id` of all reports in `message` (RFC 3464 section 2.2.1)."""
    texts = _status_texts(message)
    blocks = [block for text in texts if _ENVELOPE_ID in text.lower() for block in _blocks(text)]
    return tuple(value for block in blocks for value in block.all(_ENVELOPE_ID))


@lru_cache(maxsize=1)
def _status_texts(message: Part) -> tuple[str, ...]:
    """The machine-readable parts. Two readers ask for them: the last answer is kept."""
    return tuple([text_of(part) for part in message.walk() if part.content_type in _STATUS_TYPES])


def _fields_in_attachments(message: Part, shown: str) -> tuple[str, ...]:
    """The fields under another media type, in what a mail system sends."""
    if not message.children or reporter_of(message, header_text(message.header("subject")), shown) is None:
        return ()
    texts = (text_of(part) for part in message.walk() if part.content_type in _MAY_HOLD_FIELDS and not part.children)
    return tuple([text for text in texts if _FIELDS_IN_TEXT.search(text)])


def _verdicts(text: str, shown: str) -> list[RecipientVerdict]:
    blocks = [block for block in _blocks(text) if _is_about_recipient(block)]
    told = _Shown.of(shown, alone=len(blocks) == 1)
    return [_verdict(block, told) for block in blocks]


def _blocks(text: str) -> list[Part]:
    found = _BLANK_LINE.split(text, maxsplit=MAX_RECIPIENTS)[:MAX_RECIPIENTS]
    return [read_field_block(block) for block in found]


def _is_about_recipient(block: Part) -> bool:
    return any(block.header(name) for name in (*_RECIPIENT_FIELDS, "action", "status"))


def _verdict(block: Part, shown: _Shown) -> RecipientVerdict:
    diagnostic = _DIAGNOSTIC_TYPE.sub("", header_text(block.header("diagnostic-code")))
    own, status = take_apart(diagnostic), EnhancedCode.find(block.header("status") or "")
    refusal = _with_status(own, status)
    address = _address(block) or next(iter(addresses_in(diagnostic)), None)
    action = _action(block, refusal.enhanced)
    verdict = _of_failure(own, status, address, shown) if action is Action.FAILED else _no_failure(action)
    if action is Action.FAILED and (category := block.header(_POWERMTA_CATEGORY)) and not _is_enough(verdict):
        verdict = classify_provider_bounce(ProviderName("powermta"), BounceType(category.strip()), diagnostic)
    return RecipientVerdict(address, action, verdict, refusal.code, refusal.enhanced, diagnostic)


def _with_status(refusal: Refusal, status: EnhancedCode | None) -> Refusal:
    """The server's own code before the reporter's Status, unless it carries nothing."""
    if status is not None and (refusal.enhanced is None or refusal.enhanced.is_empty):
        return replace(refusal, enhanced=status)
    return refusal


def _of_failure(own: Refusal, status: EnhancedCode | None, address: ReportedAddress | None, shown: _Shown) -> Verdict:
    """By the server's own answer; by the reporter's Status; by the words shown to people where these leave it open."""
    local = shown.local_reason
    if local is not None and settles(verdict := classify_refusal(None, None, local, Stage.UNKNOWN)):
        return verdict
    stage = own.stage if own.stage is not Stage.UNKNOWN else shown.stage(address, own.text)
    verdict = classify_refusal(own.code, own.enhanced, own.text, stage)
    if settles(verdict):
        return verdict
    refusal = _with_status(own, status)
    verdict = classify_refusal(refusal.code, refusal.enhanced, refusal.text, stage)
    section = shown.about(address)
    whole = shown.lines if shown.alone else section
    for text in (section, whole) if own.text else (whole, section):
        if _is_enough(verdict):
            break
        told = take_apart(text)
        enhanced = (
            _with_status(told, refusal.enhanced).enhanced if _says_nothing(refusal.enhanced) else refusal.enhanced
        )
        worded = classify_refusal(refusal.code or told.code, enhanced, text, stage)
        verdict = worded if worded.evidence.basis is Basis.TEXT else verdict
    return verdict


def _says_nothing(code: EnhancedCode | None) -> bool:
    return code is None or code.is_empty


def _is_enough(verdict: Verdict) -> bool:
    """Whether words decided, or a precise code: not so for a system or a network that failed, where words tell more."""
    if settles(verdict):
        return True
    vague = (BounceClass.UNKNOWN, BounceClass.SOFT)
    is_code = verdict.evidence.basis in (Basis.ENHANCED_CODE, Basis.PROVIDER_TYPE)
    return is_code and verdict.confidence is Confidence.HIGH and verdict.bounce_class not in vague


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
        elif name == "original-recipient":
            value = value.replace("+2B", "+").replace("+3D", "=")  # xtext (RFC 3461 section 4), as it came with ORCPT
        if found := addresses_in(value):
            return found[-1]
    return None


def _unescaped(match: re.Match[str]) -> str:
    """utf-8-addr-xtext of RFC 6533 section 3; what is no character becomes U+FFFD."""
    number = int(match.group(1), 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else "\ufffd"
