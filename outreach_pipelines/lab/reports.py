"""Reports that servers write: delivery status (RFC 3464) and abuse feedback (RFC 5965). Pure functions."""

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.header import Header
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime
from enum import Enum, unique

from outreach_pipelines.lab.bounces import DELAYED_DIAGNOSTIC, DELAYED_STATUS, REASONS, BounceKind
from outreach_pipelines.lab.letters import Letter
from outreach_pipelines.lab.wire_message import WireMessage


@unique
class _Action(Enum):
    FAILED = "failed"
    DELAYED = "delayed"


@dataclass(frozen=True, slots=True)
class _Verdict:
    action: _Action
    status: str
    diagnostic: str
    subject: str


def failure_report(message: WireMessage, kind: BounceKind, *, now: datetime) -> Letter:
    """The report that `message` will not arrive, to its envelope sender."""
    reason = REASONS[kind]
    diagnostic = reason.diagnostic.format(recipient=message.recipient)
    verdict = _Verdict(_Action.FAILED, reason.status, diagnostic, "Undelivered Mail Returned to Sender")
    return _delivery_report(message, verdict, now=now)


def delay_report(message: WireMessage, *, now: datetime) -> Letter:
    """The report that `message` waits and is tried again, to its envelope sender."""
    verdict = _Verdict(_Action.DELAYED, DELAYED_STATUS, DELAYED_DIAGNOSTIC, "Delayed Mail (still being retried)")
    return _delivery_report(message, verdict, now=now)


def abuse_report(message: WireMessage, *, now: datetime) -> Letter:
    """The report that the recipient marked `message` as spam, to the sender, who subscribed to this feedback loop."""
    domain = message.recipient.rpartition("@")[2]
    facts = Message()
    facts["Feedback-Type"] = "abuse"
    facts["User-Agent"] = "ExampleFeedback/1.0"
    facts["Version"] = "1"
    facts["Original-Mail-From"] = f"<{message.envelope_sender}>"
    facts["Original-Rcpt-To"] = f"<{message.recipient}>"
    facts["Arrival-Date"] = format_datetime(now)
    report = MIMEMultipart("report", report_type="feedback-report")
    report.attach(MIMEText(f"This is an abuse report for a message from {message.mailbox}.\n"))
    report.attach(_facts_part("feedback-report", facts))
    report.attach(MIMEMessage(message_from_bytes(message.raw)))
    return _addressed(report, message, f"feedback@{domain}", f"FW: {message.parsed().get('Subject', '')}", now=now)


def _delivery_report(message: WireMessage, verdict: _Verdict, *, now: datetime) -> Letter:
    server = f"mx.{message.recipient.rpartition('@')[2]}"
    per_message = Message()
    per_message["Reporting-MTA"] = f"dns; {server}"
    per_message["Arrival-Date"] = format_datetime(now)
    if message.envelope_id:
        per_message["Original-Envelope-Id"] = message.envelope_id
    per_recipient = Message()
    per_recipient["Final-Recipient"] = f"rfc822; {message.recipient}"
    per_recipient["Action"] = verdict.action.value
    per_recipient["Status"] = verdict.status
    per_recipient["Remote-MTA"] = f"dns; {server}"
    per_recipient["Diagnostic-Code"] = f"smtp; {verdict.diagnostic}"
    report = MIMEMultipart("report", report_type="delivery-status")
    report.attach(MIMEText(_explanation(server, message, verdict)))
    report.attach(_facts_part("delivery-status", per_message, per_recipient))
    report.attach(_original_headers(message))
    return _addressed(report, message, f"MAILER-DAEMON@{server}", verdict.subject, now=now)


def _explanation(server: str, message: WireMessage, verdict: _Verdict) -> str:
    outcome = "could not be delivered" if verdict.action is _Action.FAILED else "has not been delivered yet"
    return (
        f"This is the mail system at host {server}.\n\nYour message {outcome} to the recipient below.\n\n"
        f"<{message.recipient}>: {verdict.diagnostic}\n"
    )


def _facts_part(subtype: str, *blocks: Message) -> MIMEBase:
    part = MIMEBase("message", subtype)
    for block in blocks:
        part.attach(block)
    return part


def _original_headers(message: WireMessage) -> MIMEBase:
    part = MIMEBase("text", "rfc822-headers")
    part.set_payload(message.headers().decode("ascii", "surrogateescape"))
    return part


def _addressed(report: MIMEMultipart, message: WireMessage, sender: str, subject: str, *, now: datetime) -> Letter:
    report["From"] = f"Mail Delivery System <{sender}>"
    report["To"] = message.envelope_sender
    report["Subject"] = Header(subject, header_name="Subject").encode()
    report["Date"] = format_datetime(now)
    report["Auto-Submitted"] = "auto-replied"
    report["Message-ID"] = f"<{now:%Y%m%d%H%M%S}.{message.tag or 'report'}@{sender.rpartition('@')[2]}>"
    return Letter("", message.envelope_sender, report.as_bytes(policy=policy.SMTP))
