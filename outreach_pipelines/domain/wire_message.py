"""A letter as the bytes that leave: headers, text and HTML.

Belongs here: RFC 5322 form, threading, one-click unsubscribe, and the refusal of unsafe headers. Does not: rendering of
templates (an adapter), the provider's own headers, signing.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.utils import format_datetime

from outreach_pipelines.domain.address import LONGEST_ADDRESS, LONGEST_LOCAL_PART
from outreach_pipelines.domain.attachments import Attachment, check_attachments
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.mail_bytes import Mail, mail_bytes
from outreach_pipelines.domain.message_tag import WireTag

# What could end a header early, or hide in it: controls, and the separators that some readers take for line ends.
_UNSAFE_IN_HEADER = re.compile("[\\x00-\\x1f\\x7f\u0085\u2028\u2029]")
_UNSAFE_IN_ADDRESS = re.compile(r"[\s<>\"(),:;\[\]\\]")
_UNSAFE_IN_BODY = re.compile("\\x00|\\r(?!\\n)")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A variant's subject and bodies with the recipient's fields filled in, and the files of its step."""

    subject: str
    text: str
    html: str | None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class WireMessage:
    """Ready for a transport. `message_id` is ours, with angle brackets; some providers replace it."""

    tag: WireTag
    envelope_sender: str
    sender: str
    recipient: str
    subject: str
    message_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class CannotBeWritten:
    """Nothing was sent, and nothing can be until somebody changes the data: a definite failure."""

    reason: str


def write_letter(
    letter: Letter, rendered: Rendered, *, tag: WireTag, unsubscribe_url: str, now: datetime
) -> WireMessage | CannotBeWritten:
    """The message as bytes with CRLF line ends (RFC 5322), or why it cannot be written."""
    domain = letter.sender.address.rpartition("@")[2]
    subject = _thread_subject(letter, rendered.subject)
    fault = _unsafe_header(letter, subject, unsubscribe_url) or _unsafe_content(rendered)
    if fault is not None:
        return fault
    message_id = f"<{tag}@{domain}>"
    headers = [
        *_headers(letter, subject, message_id, now),
        ("List-Unsubscribe", f"<{unsubscribe_url}>, <mailto:unsubscribe+{tag}@{domain}?subject=unsubscribe>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ]
    sender, bodies = letter.sender, (rendered.text, rendered.html)
    # The tag is one of a kind and ends in a MAC: nobody who writes a letter's text can know it beforehand.
    mail = Mail(
        sender.display_name, sender.address, headers, *bodies, boundary=f"=_{tag}", attachments=rendered.attachments
    )
    try:
        body = mail_bytes(mail)
    except (MessageError, ValueError, UnicodeError) as fault_of_mail:
        return CannotBeWritten(f"message_malformed: {fault_of_mail}")
    return WireMessage(
        tag, f"bounce+{tag}@{domain}", letter.sender.address, letter.recipient.address, subject, message_id, body
    )


def _unsafe_header(letter: Letter, subject: str, unsubscribe_url: str) -> CannotBeWritten | None:
    sources = (
        ("From", letter.sender.display_name),
        ("From", letter.sender.address),
        ("To", letter.recipient.address),
        ("Subject", subject),
        ("List-Unsubscribe", unsubscribe_url),
        *(("References", message_id) for message_id in (letter.thread.message_ids if letter.thread else ())),
    )
    for name, value in sources:
        if _UNSAFE_IN_HEADER.search(value):
            return CannotBeWritten(f"header_unsafe: {name} holds a control character or line separator")
    if any(" " in value for name, value in sources if name in {"References", "List-Unsubscribe"}):
        return CannotBeWritten("header_unsafe: an identifier or link with a space in it")
    if _UNSAFE_IN_ADDRESS.search(letter.recipient.address + letter.sender.address):
        return CannotBeWritten("address_unsafe: a space, bracket or quote would end it early in an envelope")
    local = letter.recipient.address.rpartition("@")[0]
    if len(local.encode()) > LONGEST_LOCAL_PART or len(letter.recipient.address.encode()) > LONGEST_ADDRESS:
        return CannotBeWritten(
            "address_too_long: RFC 5321 section 4.5.3.1 allows 64 octets before the @ and 254 in all"
        )
    return None


def _unsafe_content(rendered: Rendered) -> CannotBeWritten | None:
    if any(_UNSAFE_IN_BODY.search(body) for body in (rendered.text, rendered.html or "")):
        return CannotBeWritten("body_unsafe: a NUL or a bare carriage return")
    refused = check_attachments(rendered.attachments)
    return None if refused is None else CannotBeWritten(f"{refused.fault}: {refused.sentence}")


def _headers(letter: Letter, subject: str, message_id: str, now: datetime) -> list[tuple[str, str]]:
    headers = [
        ("To", letter.recipient.address),
        ("Subject", subject),
        ("Date", format_datetime(now)),
        ("Message-ID", message_id),
    ]
    if letter.thread is not None:
        headers.append(("In-Reply-To", letter.thread.message_ids[-1]))
        headers.append(("References", " ".join(letter.thread.message_ids)))
    return headers


def _thread_subject(letter: Letter, subject: str) -> str:
    # A follow-up answers a thread that exists, so "Re:" tells the truth; a first message never carries it.
    return subject if letter.thread is None else f"Re: {letter.thread.subject.removeprefix('Re: ')}"
