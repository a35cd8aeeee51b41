"""What a POST to the link asks for: the one-click request of RFC 8058, or the page's own form.

Belongs here: reading the two encodings of a small form. Does not: reading the body from the network, acting on it.
"""

from collections.abc import Iterator, Mapping
from email import message_from_bytes
from email.message import Message
from email.policy import HTTP
from itertools import islice
from typing import Final
from urllib.parse import parse_qsl

from outreach_pipelines.application.unsubscribe import UnsubscribeScope
from outreach_pipelines.web.pages import SCOPE_FIELD

_MOST_FIELDS: Final = 10


def wish_of(content_type: str, body: bytes) -> UnsubscribeScope | None:
    """The scope that the form asks for; None when it asks for nothing that we know, and then nothing is done.

    `List-Unsubscribe=One-Click`, as form or as multipart (RFC 8058 section 3.2), is the whole tenant. Never raises.
    """
    fields = {name.strip().lower(): value.strip().lower() for name, value in _fields(content_type, body).items()}
    if fields.get("list-unsubscribe") == "one-click":
        return UnsubscribeScope.TENANT
    try:
        return UnsubscribeScope(fields.get(SCOPE_FIELD, ""))
    except ValueError:
        return None


def _fields(content_type: str, body: bytes) -> Mapping[str, str]:
    if content_type.strip().lower().startswith("multipart/form-data"):
        return _multipart_fields(content_type, body)
    try:
        return dict(parse_qsl(body.decode("latin-1"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def _multipart_fields(content_type: str, body: bytes) -> Mapping[str, str]:
    # The standard library's reader is lenient and enough for a body of a few kilobytes, to which the caller limits it.
    header = content_type.encode("latin-1", "replace").replace(b"\r", b"").replace(b"\n", b"")
    try:
        message = message_from_bytes(b"Content-Type: " + header + b"\r\n\r\n" + body, policy=HTTP)
        return dict(islice(_named_parts(message), _MOST_FIELDS))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _named_parts(message: Message) -> Iterator[tuple[str, str]]:
    for part in message.walk():
        name, value = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            yield name, value.decode("latin-1")
