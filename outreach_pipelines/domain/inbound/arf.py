"""Feedback reports (RFC 5965, RFC 6591, RFC 6430) and the one large feed that has its own form, Microsoft's JMRP."""

import re

from outreach_pipelines.domain.inbound.message import Complaint, FeedbackNotice, FeedbackType, UnsubscribeRequest
from outreach_pipelines.domain.inbound.notification_mail import read_notified_complaint
from outreach_pipelines.domain.inbound.part_text import addresses_in, first_text, header_text, text_of
from outreach_pipelines.domain.inbound.structure import Part, Report, read_header_block, returned_originals
from outreach_pipelines.domain.inbound.verdict import Basis, Evidence, ReportedAddress, RuleName

_NOBODY_COMPLAINS = (FeedbackType.NOT_SPAM, FeedbackType.AUTH_FAILURE)
_FEEDBACK_TYPE = Report.FEEDBACK.value
_JMRP_RECIPIENT = "x-hmxmroriginalrecipient"
_JMRP_SENDER = re.compile(r"\bstaff@(?:hotmail|outlook|live)\.com\b", re.IGNORECASE)
_JMRP_SUBJECT = re.compile(r"^complaint about message from ", re.IGNORECASE)
_FEEDBACK_FIELDS = re.compile(rb"\s*(?:[\w-]+:[^\n]*\n){0,10}?feedback-type:", re.IGNORECASE)


def read_feedback_report(message: Part) -> Complaint | FeedbackNotice | UnsubscribeRequest | None:
    """What a feedback report says, or None where `message` holds none.

    An opt-out is the person's request, not a complaint.
    """
    reports = (message.parameter("report-type") or "").lower() == "feedback-report"
    for part in message.walk():
        if part.content_type == _FEEDBACK_TYPE or (reports and _holds_feedback_fields(part)):
            return _of_fields(read_header_block(text_of(part).encode("utf-8", "replace")), message)
    return _jmrp(message) or read_notified_complaint(message)


def _holds_feedback_fields(part: Part) -> bool:
    """The fields in a part of another type."""
    return not part.children and _FEEDBACK_FIELDS.match(part.body[:2_000]) is not None


def _of_fields(fields: Part, message: Part) -> Complaint | FeedbackNotice | UnsubscribeRequest:
    word = (fields.header("feedback-type") or "").strip().lower()
    feedback = next((known for known in FeedbackType if known.value == word), FeedbackType.OTHER)
    evidence = Evidence(RuleName("feedback-report"), Basis.STRUCTURE, f"Feedback-Type: {word}")
    if feedback in _NOBODY_COMPLAINS:
        return FeedbackNotice(feedback, evidence)
    if feedback is FeedbackType.OPT_OUT:
        return UnsubscribeRequest(text=first_text(message), language=None, evidence=evidence)
    named = fields.all("original-rcpt-to") + fields.all("removal-recipient")
    return Complaint(feedback, addresses_in(" ".join(named)) or _returned_recipients(message), evidence)


def _returned_recipients(message: Part) -> tuple[ReportedAddress, ...]:
    """Most feeds redact the fields and leave the original's To (or do not)."""
    return next((addresses_in(original.header("to") or "") for original in returned_originals(message)), ())


def _jmrp(message: Part) -> Complaint | None:
    """The original under a header that names its recipient (https://sendersupport.olc.protection.outlook.com/snds)."""
    returned = returned_originals(message)
    recipient = next((value for original in returned for value in original.all(_JMRP_RECIPIENT)), None)
    if recipient is not None:
        evidence = Evidence(RuleName("jmrp"), Basis.STRUCTURE, f"X-HmXmrOriginalRecipient: {recipient}")
        return Complaint(FeedbackType.ABUSE, addresses_in(recipient), evidence)
    sender, subject = header_text(message.header("from")), header_text(message.header("subject"))
    if not (returned and _JMRP_SENDER.search(sender) and _JMRP_SUBJECT.search(subject)):
        return None
    return Complaint(
        FeedbackType.ABUSE, _returned_recipients(message), Evidence(RuleName("jmrp"), Basis.STRUCTURE, subject[:500])
    )
