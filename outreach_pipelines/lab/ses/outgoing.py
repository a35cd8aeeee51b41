"""From a SendEmail request to the message on the wire: who, to whom, which bytes. Pure but for the id that it is given.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr

from outreach_pipelines.lab.ses.refusals import SesErrorName, SesRefusedError
from outreach_pipelines.lab.ses.request_model import Param, Request
from outreach_pipelines.lab.wire_message import UNFOLDED, prepend_headers, replace_header

MAX_RECIPIENTS = 50
MAX_BYTES = 40 * 1024 * 1024
# The EICAR test file's marker: SES accepts the message, finds the virus and publishes Reject.
VIRUS_MARKER = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a valid SendEmail request asks for. `raw` is the message as given, before SES changes its header."""

    mailbox: str
    recipients: tuple[str, ...]
    configuration_set: str | None
    tenant: str | None
    tags: tuple[tuple[str, str], ...]
    raw: bytes


def outgoing(request: Request) -> Outgoing:
    """Read a SendEmail request. Raises SesRefusedError as SES does for what is missing or malformed."""
    params = request.params
    content = _mapping(params, "Content")
    raw = _raw_content(content) if "Raw" in content else _simple_content(content, params)
    if len(raw) > MAX_BYTES:
        raise SesRefusedError(SesErrorName.BAD_REQUEST, "Message length is more than 41943040 bytes long")
    message = message_from_bytes(raw, policy=policy.default)
    mailbox = parseaddr(str(params.get("FromEmailAddress") or message.get("From", "")))[1]
    if not mailbox:
        raise SesRefusedError(SesErrorName.BAD_REQUEST, "Missing required header 'From'.")
    configuration_set = params.get("ConfigurationSetName")
    return Outgoing(
        mailbox=mailbox,
        recipients=_recipients(params, message),
        configuration_set=str(configuration_set) if configuration_set else None,
        tenant=str(params["TenantName"]) if params.get("TenantName") else None,
        tags=_tags(params),
        raw=raw,
    )


def message_id_domain(region: str) -> str:
    """The domain of the Message-ID that SES writes: without the region's name in us-east-1."""
    return "email.amazonses.com" if region == "us-east-1" else f"{region}.amazonses.com"


def on_the_wire(raw: bytes, *, message_id: str, region: str) -> bytes:
    """The message as its recipients see it: SES replaces Message-ID, drops Bcc and adds its own fields."""
    rewritten = replace_header(raw, "Message-ID", message_id)
    header, separator, body = rewritten.partition(b"\r\n\r\n")
    kept = re.sub(rb"(?im)^bcc:[^\r\n]*(\r\n[ \t][^\r\n]*)*\r\n", b"", header + b"\r\n")
    feedback_id = f"::1.{region}.lab:AmazonSES"
    return prepend_headers(kept[:-2] + separator + body, ("Feedback-ID", feedback_id), ("X-SES-Outgoing", "192.0.2.25"))


def _raw_content(content: Mapping[str, Param]) -> bytes:
    data = _mapping(content, "Raw")["Data"]
    raw = data if isinstance(data, bytes) else b""
    if raw.lower().count(b"\nfrom:") + raw.lower().startswith(b"from:") == 0:
        raise SesRefusedError(SesErrorName.BAD_REQUEST, "Missing required header 'From'.")
    return raw


def _simple_content(content: Mapping[str, Param], params: Mapping[str, Param]) -> bytes:
    if "Simple" not in content:
        raise SesRefusedError(SesErrorName.BAD_REQUEST, "Raw or Simple must be given; templates are not kept here.")
    simple = _mapping(content, "Simple")
    body = _mapping(simple, "Body")
    message = EmailMessage(policy=UNFOLDED)
    try:
        message["From"] = str(params.get("FromEmailAddress", ""))
        message["To"] = ", ".join(_texts(_mapping(params, "Destination"), "ToAddresses"))
        message["Subject"] = str(_mapping(simple, "Subject")["Data"])
        for header in _list(simple, "Headers"):
            message[str(header["Name"])] = str(header["Value"])
    except (ValueError, HeaderParseError) as error:
        raise SesRefusedError(SesErrorName.BAD_REQUEST, f"Invalid header: {error}") from None
    if "Text" in body:
        message.set_content(str(_mapping(body, "Text")["Data"]))
    if "Html" in body:
        add = message.add_alternative if "Text" in body else message.set_content
        add(str(_mapping(body, "Html")["Data"]), subtype="html")
    return message.as_bytes()


def _recipients(params: Mapping[str, Param], message: EmailMessage) -> tuple[str, ...]:
    destination = _mapping(params, "Destination")
    given = [a for name in ("ToAddresses", "CcAddresses", "BccAddresses") for a in _texts(destination, name)]
    if not given:
        given = [str(v) for name in ("To", "Cc", "Bcc") for v in message.get_all(name, [])]
    addresses = tuple(address for _, address in getaddresses(given))
    if not addresses or any("@" not in a for a in addresses):
        raise SesRefusedError(SesErrorName.BAD_REQUEST, "Missing final '@domain'")
    if len(addresses) > MAX_RECIPIENTS:
        raise SesRefusedError(SesErrorName.BAD_REQUEST, "Recipient count exceeds 50.")
    return addresses


def _tags(params: Mapping[str, Param]) -> tuple[tuple[str, str], ...]:
    tags = tuple((str(tag["Name"]), str(tag["Value"])) for tag in _list(params, "EmailTags"))
    for text in (text for tag in tags for text in tag):
        if not _TAG.fullmatch(text):
            raise SesRefusedError(SesErrorName.BAD_REQUEST, f"Invalid tag: <{text}>.")
    return tags


def _mapping(params: Mapping[str, Param], name: str) -> Mapping[str, Param]:
    value = params.get(name)
    return value if isinstance(value, Mapping) else {}


def _list(params: Mapping[str, Param], name: str) -> list[Mapping[str, Param]]:
    value = params.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _texts(params: Mapping[str, Param], name: str) -> list[str]:
    value = params.get(name)
    return [str(item) for item in value] if isinstance(value, list) else []
