"""A letter as the bytes that leave: headers, text and HTML.

Belongs here: RFC 5322 form, threading, one-click unsubscribe, and the refusal of unsafe headers. Does not: rendering of
templates (an adapter), the provider's own headers, signing.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.message_tag import WireTag

# What could end a header early, or hide in it: controls, and the separators that some readers take for line ends.
_UNSAFE_IN_HEADER = re.compile("[\\x00-\\x1f\\x7f\u0085\u2028\u2029]")
_UNSAFE_IN_BODY = re.compile("\\x00|\\r(?!\\n)")


# Headers whose words are identifiers and URIs: an encoded word in them (RFC 2047) would be a different one.
_VERBATIM = frozenset({"list-unsubscribe", "list-unsubscribe-post", "references", "in-reply-to", "message-id"})


class _WirePolicy(EmailPolicy):
    """The standard policy for SMTP, but for headers of identifiers: folded between their words, never encoded.

    The standard one turns a word that is longer than a line into encoded words, and mail providers then find no
    one-click link there.
    """

    def fold(self, name: str, value: str) -> str:
        """The header as text, with its line ends."""
        if name.lower() in _VERBATIM:
            return f"{name}: " + "\r\n ".join(str(value).split()) + "\r\n"
        folded: str = super().fold(name, value)
        return folded

    def fold_binary(self, name: str, value: str) -> bytes:
        """The header as octets, with its line ends."""
        if name.lower() in _VERBATIM:
            return self.fold(name, value).encode("ascii")
        return super().fold_binary(name, value)


SMTP_POLICY = _WirePolicy(linesep="\r\n", max_line_length=78)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A variant's subject and bodies with the recipient's fields filled in."""

    subject: str
    text: str
    html: str | None


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
    for name, value in (("From", letter.sender.display_name), ("To", letter.recipient.address), ("Subject", subject)):
        if _UNSAFE_IN_HEADER.search(value):
            return CannotBeWritten(f"header_unsafe: {name} holds a control character or line separator")
    if any(_UNSAFE_IN_BODY.search(body) for body in (rendered.text, rendered.html or "")):
        return CannotBeWritten("body_unsafe: a NUL or a bare carriage return")
    message_id = f"<{tag}@{domain}>"
    try:
        message = _headers(letter, subject, message_id, now)
        message["List-Unsubscribe"] = f"<{unsubscribe_url}>, <mailto:unsubscribe+{tag}@{domain}?subject=unsubscribe>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(rendered.text, cte="quoted-printable")
        if rendered.html is not None:
            message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
        body = message.as_bytes(policy=SMTP_POLICY)
    except (MessageError, ValueError, UnicodeError) as fault:
        return CannotBeWritten(f"message_malformed: {fault}")
    return WireMessage(
        tag, f"bounce+{tag}@{domain}", letter.sender.address, letter.recipient.address, subject, message_id, body
    )


def _headers(letter: Letter, subject: str, message_id: str, now: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP_POLICY)
    local, _, domain = letter.sender.address.rpartition("@")
    message["From"] = MailAddress(letter.sender.display_name, local, domain)
    message["To"] = letter.recipient.address
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    if letter.thread is not None:
        message["In-Reply-To"] = letter.thread.message_ids[-1]
        message["References"] = " ".join(letter.thread.message_ids)
    return message


def _thread_subject(letter: Letter, subject: str) -> str:
    # A follow-up answers a thread that exists, so "Re:" tells the truth; a first message never carries it.
    return subject if letter.thread is None else f"Re: {letter.thread.subject.removeprefix('Re: ')}"
