"""The JSON of SES event publishing, built from what was sent and what became of it. Pure; publishing is in `publisher`.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import policy
from email.errors import HeaderParseError
from email.header import Header, decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from hashlib import blake2b

from outreach_pipelines.lab.bounces import DELAYED_DIAGNOSTIC, DELAYED_STATUS, REASONS, BounceKind
from outreach_pipelines.lab.json_value import JsonObject, JsonValue

ACCOUNT_ID = "123456789012"
_MAX_HEADER_BYTES = 10 * 1024


@dataclass(frozen=True, slots=True)
class SentMail:
    """A message that SES accepted. `message_id` is bare, as the API gives it; `raw` is the message on the wire."""

    message_id: str
    sent_at: datetime
    region: str
    mailbox: str
    recipients: tuple[str, ...]
    configuration_set: str
    tags: tuple[tuple[str, str], ...]
    raw: bytes


def send_event(mail: SentMail) -> JsonObject:
    """SES accepted the message and will try to deliver it."""
    return {"eventType": "Send", "mail": _mail(mail), "send": {}}


def reject_event(mail: SentMail) -> JsonObject:
    """SES accepted the message, found a virus and will not send it."""
    return {"eventType": "Reject", "mail": _mail(mail), "reject": {"reason": "Bad content"}}


def delivery_event(mail: SentMail, recipient: str, *, now: datetime) -> JsonObject:
    """The recipient's server took the message."""
    delivery: JsonObject = {
        "timestamp": stamp(now),
        "processingTimeMillis": int((now - mail.sent_at) / timedelta(milliseconds=1)),
        "recipients": [recipient],
        "smtpResponse": "250 2.0.0 Ok: queued",
        "reportingMTA": "a1-25.smtp-out.amazonses.com",
    }
    return {"eventType": "Delivery", "mail": _mail(mail, outgoing_ip="192.0.2.25"), "delivery": delivery}


def delay_event(mail: SentMail, recipient: str, *, now: datetime) -> JsonObject:
    """The recipient's server could not be reached; SES tries again for 14 hours."""
    delayed: JsonObject = {
        "emailAddress": recipient,
        "status": DELAYED_STATUS,
        "diagnosticCode": f"smtp; {DELAYED_DIAGNOSTIC}",
    }
    delay: JsonObject = {
        "timestamp": stamp(now),
        "delayType": "TransientCommunicationFailure",
        "expirationTime": stamp(mail.sent_at + timedelta(hours=14)),
        "delayedRecipients": [delayed],
    }
    return {"eventType": "DeliveryDelay", "mail": _mail(mail), "deliveryDelay": delay}


def with_forged_tag(event: JsonObject) -> JsonObject:
    """The event under a tag that looks like the sender's and was signed by nobody."""
    mail = event["mail"]
    if not isinstance(mail, Mapping) or not isinstance(mail["tags"], Mapping):
        message = "an event of SES has mail and tags"
        raise TypeError(message)
    tags = {name: ["a" * 39] if name == "outreach" else values for name, values in mail["tags"].items()}
    return {**event, "mail": {**mail, "messageId": f"{mail['messageId']}-forged", "tags": tags}}


def bounce_event(mail: SentMail, recipient: str, kind: BounceKind, *, now: datetime) -> JsonObject:
    """The message came back. Without a delivery report (automatic answers) the bounce carries no status."""
    reason = REASONS[kind]
    bounce: dict[str, JsonValue] = {
        "feedbackId": _feedback_id(mail, recipient, "bounce"),
        "bounceType": reason.ses_type,
        "bounceSubType": reason.ses_sub_type,
        "bouncedRecipients": [_bounced(recipient, kind)],
        "timestamp": stamp(now),
    }
    if reason.status:
        bounce["reportingMTA"] = "dns; a1-25.smtp-out.amazonses.com"
    return {"eventType": "Bounce", "mail": _mail(mail), "bounce": bounce}


def complaint_event(mail: SentMail, recipient: str, *, now: datetime) -> JsonObject:
    """The recipient marked the message as spam."""
    complaint: JsonObject = {
        "complainedRecipients": [{"emailAddress": recipient}],
        "timestamp": stamp(now),
        "feedbackId": _feedback_id(mail, recipient, "complaint"),
        "complaintSubType": None,
        "userAgent": "ExampleFeedback/1.0",
        "complaintFeedbackType": "abuse",
        "arrivalDate": stamp(now),
    }
    return {"eventType": "Complaint", "mail": _mail(mail), "complaint": complaint}


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _bounced(recipient: str, kind: BounceKind) -> JsonObject:
    reason = REASONS[kind]
    if not reason.status:
        return {"emailAddress": recipient}
    text = reason.diagnostic.format(recipient=recipient)
    diagnostic = text if kind is BounceKind.SUPPRESSED else f"smtp; {text}"
    return {"emailAddress": recipient, "action": "failed", "status": reason.status, "diagnosticCode": diagnostic}


def _mail(mail: SentMail, *, outgoing_ip: str | None = None) -> JsonObject:
    parsed = BytesHeaderParser(policy=policy.compat32).parsebytes(mail.raw)
    headers, truncated = _headers(parsed)
    domain = mail.mailbox.rpartition("@")[2]
    return {
        "timestamp": stamp(mail.sent_at),
        "source": mail.mailbox,
        "sourceArn": f"arn:aws:ses:{mail.region}:{ACCOUNT_ID}:identity/{domain}",
        "sendingAccountId": ACCOUNT_ID,
        "messageId": mail.message_id,
        "destination": list(mail.recipients),
        "headersTruncated": truncated,
        "headers": headers,
        "commonHeaders": _common_headers(mail, parsed),
        "tags": _tags(mail, domain, outgoing_ip),
    }


def _headers(parsed: Message) -> tuple[list[JsonValue], bool]:
    kept: list[JsonValue] = []
    size = 0
    for name, value in ((name, _unfolded(value)) for name, value in parsed.items()):
        size += len(name) + len(value)
        if size > _MAX_HEADER_BYTES:
            return kept, True
        kept.append({"name": name, "value": value})
    return kept, False


def _common_headers(mail: SentMail, parsed: Message) -> JsonObject:
    common: dict[str, JsonValue] = {
        "from": [_decoded(value) for value in parsed.get_all("From", [])],
        "to": [address for _, address in getaddresses([str(value) for value in parsed.get_all("To", [])])],
        "messageId": mail.message_id,
        "subject": _decoded(parsed.get("Subject", "")),
    }
    for header, name in (("Date", "date"), ("Reply-To", "replyTo")):
        if header in parsed:
            common[name] = str(parsed[header]) if name == "date" else [_decoded(parsed[header])]
    return common


def _unfolded(value: str | Header) -> str:
    return str(value).replace("\r\n", "")


def _decoded(value: str | Header) -> str:
    try:
        return str(make_header(decode_header(_unfolded(value))))
    except (HeaderParseError, LookupError, ValueError):
        # A charset that nobody knows, or broken base64: as it came.
        return _unfolded(value)


def _tags(mail: SentMail, domain: str, outgoing_ip: str | None) -> JsonObject:
    tags: dict[str, JsonValue] = {
        "ses:operation": ["SendEmail"],
        "ses:configuration-set": [mail.configuration_set],
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": [domain],
        "ses:caller-identity": ["outreach"],
    }
    if outgoing_ip is not None:
        tags["ses:outgoing-ip"] = [outgoing_ip]
    for name, value in mail.tags:
        tags[name] = [value]
    return tags


def _feedback_id(mail: SentMail, recipient: str, kind: str) -> str:
    digest = blake2b(f"{mail.message_id}|{recipient}|{kind}".encode(), digest_size=16).hexdigest()
    return f"{mail.message_id[:16]}-{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}-000000"
