"""From the JSON of a send to the message on the wire: who, to whom, which bytes. Pure but for the id that it is given.

https://postmarkapp.com/developer/api/email-api#send-a-single-email
"""

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr
from types import MappingProxyType
from typing import Final

from outreach_pipelines.lab.json_value import JsonObject, JsonValue
from outreach_pipelines.lab.postmark.refusals import ErrorCode, PostmarkRefusedError
from outreach_pipelines.lab.wire_message import UNFOLDED

MAX_METADATA = 10
MAX_METADATA_NAME, MAX_METADATA_VALUE = 20, 80
DEFAULT_STREAM = "outbound"
_INVALID: Final = ErrorCode.INVALID_EMAIL_REQUEST
_FIELDS: Final[Mapping[str, type]] = MappingProxyType(
    {
        **dict.fromkeys(("From", "To", "Cc", "Bcc", "Subject", "Tag", "HtmlBody", "TextBody", "ReplyTo"), str),
        **dict.fromkeys(("TrackLinks", "MessageStream"), str),
        **dict.fromkeys(("Headers", "Attachments"), list),
        "TrackOpens": bool,
        "Metadata": dict,
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a valid request asks for. `message_id` is as people see it, with its angle brackets."""

    mailbox: str
    recipients: tuple[str, ...]
    stream: str
    subject: str
    metadata: Mapping[str, str]
    message_id: str
    raw: bytes


def read_request(fields: JsonObject, *, new_id: str) -> Asked:
    """Raises PostmarkRefusedError as Postmark does for what is missing or malformed."""
    wrong = [name for name, value in fields.items() if not isinstance(value, _FIELDS.get(name, ()))]
    if wrong:
        raise PostmarkRefusedError(ErrorCode.INVALID_FIELDS, f"Invalid request field(s): {', '.join(sorted(wrong))}")
    mailbox = parseaddr(_text(fields, "From"))[1]
    if "@" not in mailbox:
        raise PostmarkRefusedError(_INVALID, "Invalid 'From' value.")
    if not (_text(fields, "TextBody") or _text(fields, "HtmlBody")):
        raise PostmarkRefusedError(_INVALID, "Provide either email TextBody or HtmlBody or both.")
    headers = tuple(_headers(fields))
    message_id = _message_id(headers, new_id)
    return Asked(
        mailbox=mailbox,
        recipients=_recipients(fields),
        stream=_text(fields, "MessageStream") or DEFAULT_STREAM,
        subject=_text(fields, "Subject"),
        metadata=_metadata(fields),
        message_id=message_id,
        raw=_message(fields, headers, message_id),
    )


def _recipients(fields: JsonObject) -> tuple[str, ...]:
    given = [_text(fields, name) for name in ("To", "Cc", "Bcc")]
    addresses = tuple(address for _, address in getaddresses([each for each in given if each]))
    if not addresses or any("@" not in each.strip("@") or not each.isascii() for each in addresses):
        raise PostmarkRefusedError(_INVALID, "Error parsing 'To': Illegal email address.")
    return addresses


def _metadata(fields: JsonObject) -> Mapping[str, str]:
    given = fields.get("Metadata", {})
    found = {n: v for n, v in given.items() if isinstance(v, str)} if isinstance(given, Mapping) else {}
    fit = all(len(n) <= MAX_METADATA_NAME and len(v) <= MAX_METADATA_VALUE for n, v in found.items())
    if found != given or not fit or len(found) > MAX_METADATA:
        raise PostmarkRefusedError(
            _INVALID, "Metadata fields have at most 20 and 80 characters, and there are at most 10."
        )
    return found


def _headers(fields: JsonObject) -> Iterator[tuple[str, str]]:
    for each in _list(fields, "Headers"):
        name, value = each.get("Name"), each.get("Value")
        if not isinstance(name, str) or not isinstance(value, str):
            raise PostmarkRefusedError(_INVALID, "A header needs a Name and a Value.")
        yield name, value


def _message_id(headers: tuple[tuple[str, str], ...], new_id: str) -> str:
    """Ours where `X-PM-KeepID` asks for it (support article "How do I set my own Message-ID?")."""
    named = {name.lower(): value for name, value in headers}
    kept = named.get("message-id") if named.get("x-pm-keepid", "").lower() == "true" else None
    return kept or f"<{new_id}@mtasv.net>"


def _message(fields: JsonObject, headers: tuple[tuple[str, str], ...], message_id: str) -> bytes:
    message = EmailMessage(policy=UNFOLDED)
    try:
        for name in ("From", "To", "Cc", "Subject"):
            if _text(fields, name):
                message[name] = _text(fields, name)
        message["Message-ID"] = message_id
        for name, value in _metadata(fields).items():
            message[f"X-PM-Metadata-{name}"] = value
        for name, value in headers:
            if name.lower() not in ("message-id", "x-pm-keepid"):
                message[name] = value
    except (ValueError, HeaderParseError) as error:
        raise PostmarkRefusedError(_INVALID, f"Invalid header: {error}") from None
    _add_bodies(message, _text(fields, "TextBody"), _text(fields, "HtmlBody"))
    for each in _list(fields, "Attachments"):
        _attach(message, each)
    return message.as_bytes()


def _add_bodies(message: EmailMessage, text: str, html: str) -> None:
    if text:
        message.set_content(text)
    if html:
        add = message.add_alternative if text else message.set_content
        add(html, subtype="html")


def _attach(message: EmailMessage, attached: JsonObject) -> None:
    names = ("Name", "Content", "ContentType")
    name, content, kind = (value if isinstance(value, str) else "" for value in map(attached.get, names))
    try:
        octets = b64decode(content, validate=True)
    except binascii.Error:
        raise PostmarkRefusedError(_INVALID, f"Attachment '{name}' is not base64.") from None
    maintype, _, subtype = kind.partition("/")
    if not name or not subtype:
        raise PostmarkRefusedError(_INVALID, "An attachment needs a Name and a ContentType.")
    message.add_attachment(octets, maintype=maintype, subtype=subtype, filename=name)


def _text(fields: JsonObject, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _list(fields: JsonObject, name: str) -> list[JsonObject]:
    value: JsonValue = fields.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
