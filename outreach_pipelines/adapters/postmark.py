"""Sending through Postmark by its e-mail API (JSON; there is no upload of raw messages).

Belongs here: the one call, our message in Postmark's fields, and which of the four answers each of its ends is. Does not:
what a refusal asks for (`domain/provider_answers.toml`), and whether a message in doubt was taken (`postmark_messages`).

Sources: Postmark Developer Docs, "Email API", "API error codes", "Message-ID header" (support article on X-PM-KeepID).
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from email.errors import MessageError
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from typing import Final

from outreach_pipelines.adapters.http_api import HttpAccess, HttpAnswer, HttpApi, JsonObject, printable
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.wire_message import WireMessage

BASE_URL: Final = "https://api.postmarkapp.com"
#: The metadata field that carries our tag; it stands in webhooks, searches, and in the header `X-PM-Metadata-tag`.
TAG_FIELD: Final = "tag"
# Postmark has fields of its own for these, or writes them itself.
_OWN_FIELDS: Final = frozenset({"from", "to", "subject", "reply-to", "date", "mime-version"})
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def postmark_access(server_token: Secret, base_url: str = BASE_URL) -> HttpAccess:
    """A server's API. Raises `SettingsFault` for an address that is neither https nor loopback."""
    return HttpAccess(base_url, {"X-Postmark-Server-Token": server_token.reveal()})


class PostmarkTransport:
    """One server (Postmark's word for a sending account) and one of its message streams.

    Unsubscribe links are ours, so a broadcast stream needs `UnsubscribeHandlingType` `Custom` (Message Streams API).
    """

    def __init__(self, api: HttpApi, *, stream: str) -> None:
        self._api = api
        self._stream = stream

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        """Make one call and say what came of it; never raises for what Postmark or the network does.

        `deadline` (`CLOCK_BOOTTIME`, seconds) is checked on the open connection, before the first byte.
        """
        if not message.recipient.isascii():
            return Refused("SMTPUTF8", "5.6.7", "Postmark takes ASCII addresses only")
        try:
            fields = _fields(message, self._stream)
        except (MessageError, ValueError, LookupError, AttributeError) as fault:
            return Refused("MESSAGE", "5.6.0", printable(f"has no form in Postmark's fields: {fault}"))
        end = await self._api.post("/email", fields, deadline=deadline)
        return _answer(end, message) if isinstance(end, HttpAnswer) else end

    async def close(self) -> None:
        """End all connections."""
        await self._api.close()


def _fields(message: WireMessage, stream: str) -> JsonObject:
    parsed = message_from_bytes(message.body, policy=policy.default)
    bodies = {name: parsed.get_body((kind,)) for name, kind in (("TextBody", "plain"), ("HtmlBody", "html"))}
    attached = tuple(parsed.iter_attachments())
    _refuse_loss(parsed, [*bodies.values(), *attached])
    if parsed["Message-ID"] != message.message_id:
        fault = "its Message-ID is not the one that is kept"
        raise ValueError(fault)
    fields: dict[str, object] = {
        "From": _sender(parsed, message.sender),
        "To": message.recipient,
        "Subject": str(parsed["Subject"]),
        "MessageStream": stream,
        "Metadata": {TAG_FIELD: message.tag},
        "TrackOpens": False,
        "TrackLinks": "None",
        "Headers": [{"Name": name, "Value": value} for name, value in _headers(parsed)],
        **{name: part.get_content() for name, part in bodies.items() if part is not None},
    }
    if "Reply-To" in parsed:
        fields["ReplyTo"] = str(parsed["Reply-To"])
    if attached:
        fields["Attachments"] = [_attachment(part) for part in attached]
    return fields


def _refuse_loss(parsed: EmailMessage, carried: Sequence[object]) -> None:
    """Raise `ValueError` where a part of the message would not arrive."""
    kept = {id(part) for part in carried}
    lost = [part.get_content_type() for part in parsed.walk() if not part.is_multipart() and id(part) not in kept]
    if lost:
        message = f"no field for {', '.join(lost)}"
        raise ValueError(message)


def _sender(parsed: EmailMessage, sender: str) -> str:
    header = parsed["From"]
    addresses = header.addresses if isinstance(header, AddressHeader) else ()
    if len(addresses) != 1 or addresses[0].addr_spec != sender:
        message = "From is not the sender alone"
        raise ValueError(message)
    return str(addresses[0])


def _headers(parsed: EmailMessage) -> Iterator[tuple[str, str]]:
    """Those that have no field: threading, unsubscribing, and our Message-ID, which Postmark keeps when asked to."""
    for name, value in parsed.items():
        if name.lower() not in _OWN_FIELDS and not name.lower().startswith("content-"):
            yield name, str(value)
    yield "X-PM-KeepID", "true"


def _attachment(part: EmailMessage) -> JsonObject:
    content = part.get_payload(decode=True)
    name = part.get_filename()
    if not isinstance(content, bytes) or not name:
        message = f"an attachment of type {part.get_content_type()} without a name"
        raise ValueError(message)
    return {"Name": name, "Content": b64encode(content).decode("ascii"), "ContentType": part.get_content_type()}


def _answer(answer: HttpAnswer, message: WireMessage) -> SendAnswer:
    found = answer.json_object() or {}
    code, text, message_id = found.get("ErrorCode"), found.get("Message"), found.get("MessageID")
    if isinstance(code, bool) or not isinstance(code, int) or not (answer.status == 200 or 400 <= answer.status < 500):
        return ReplyLost(printable(f"http {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}"))
    if code != 0:
        return Refused(str(code), "", printable(text if isinstance(text, str) else ""))
    if answer.status != 200 or not isinstance(message_id, str) or not _UUID.fullmatch(message_id):
        return ReplyLost("unreadable: a success without a MessageID")
    return Accepted(message_id, message.message_id)
