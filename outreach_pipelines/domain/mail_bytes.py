"""A mail's headers and texts as octets: by the standard library, and at a tenth of its cost where nothing is unusual.

Most letters are plain: ASCII headers that fit their lines, text and HTML. Their form is put together here, octet for octet
as the library would; whatever is outside of that goes through the library.

Belongs here: RFC 5322 lines, MIME structure (RFC 2045, RFC 2046), encoding. Does not: which headers a letter has.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.quoprimime import body_encode
from functools import lru_cache
from typing import Final

from outreach_pipelines.domain.attachments import Attachment, add_attachments

# RFC 2045 section 6.7 rule 5, and RFC 2047 section 2 for lines with encoded words; RFC 5322 would allow two more.
LONGEST_LINE: Final = 76
# Headers whose words are identifiers and URIs: an encoded word in them (RFC 2047) would be a different one.
_VERBATIM = frozenset({"list-unsubscribe", "list-unsubscribe-post", "references", "in-reply-to", "message-id"})
_KEPT_SENDERS: Final = 4096

# What the library writes as it stands, short lines given. Anything else is its own to decide.
_PLAIN_TEXT: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_PLAIN_ADDRESS: Final = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_PLAIN_WORDS: Final = re.compile(r"[A-Za-z0-9<>,:/@._~?&=%+-]+(?: [A-Za-z0-9<>,:/@._~?&=%+-]+)*")
_PLAIN_MESSAGE_ID: Final = re.compile(f"<{_PLAIN_ADDRESS.pattern}>")
_PLAIN_DATE: Final = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+\d{4}")
_PLAIN: Final = {
    "To": _PLAIN_ADDRESS,
    "Subject": _PLAIN_TEXT,
    "Date": _PLAIN_DATE,
    "Message-ID": _PLAIN_MESSAGE_ID,
    "In-Reply-To": _PLAIN_MESSAGE_ID,
    "References": _PLAIN_WORDS,
    "List-Unsubscribe": _PLAIN_WORDS,
    "List-Unsubscribe-Post": _PLAIN_WORDS,
}


class WirePolicy(EmailPolicy):
    """The standard policy for SMTP, but for headers of identifiers: folded between their words, never encoded.

    The standard one turns a word that is longer than a line into encoded words, and mail providers then find no
    one-click link there.
    """

    def fold(self, name: str, value: str) -> str:
        """The header as text, with its line ends."""
        if name.lower() in _VERBATIM:
            return _folded_between_words(name, str(value))
        folded: str = super().fold(name, value)
        return folded

    def fold_binary(self, name: str, value: str) -> bytes:
        """The header as octets, with its line ends."""
        if name.lower() in _VERBATIM:
            return self.fold(name, value).encode("ascii")
        return super().fold_binary(name, value)


SMTP_POLICY = WirePolicy(linesep="\r\n", max_line_length=LONGEST_LINE)
INTERNATIONAL_POLICY = SMTP_POLICY.clone(utf8=True)


@dataclass(frozen=True, slots=True)
class Mail:
    """`headers` follow From in their order. `boundary` is of RFC 2046 section 5.1.1 and stands in no part."""

    sender_name: str
    sender_address: str
    headers: Sequence[tuple[str, str]]
    text: str
    html: str | None
    boundary: str
    attachments: tuple[Attachment, ...] = ()


def mail_bytes(mail: Mail) -> bytes:
    """As octets with CRLF line ends. Raises `MessageError`, `ValueError` or `UnicodeError` for what cannot be written."""
    plain = plain_bytes(mail)
    return library_bytes(mail) if plain is None else plain


def library_bytes(mail: Mail) -> bytes:
    """Any mail, by `email.message`; see `mail_bytes`."""
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = _address(mail.sender_name, mail.sender_address)
    for name, value in mail.headers:
        message[name] = value
    message.set_content(mail.text, cte="quoted-printable")
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
        message.set_boundary(_inner(mail.boundary))
    if mail.attachments:
        add_attachments(message, mail.attachments)
        message.set_boundary(mail.boundary)
    # RFC 2047 section 5: no encoded word in an address. An international one goes as it is (RFC 6532), or not at all.
    international = any(not value.isascii() for name, value in mail.headers if name == "To")
    return _whole(message.as_bytes(policy=INTERNATIONAL_POLICY if international else SMTP_POLICY), b"Content-Type:")


def plain_bytes(mail: Mail) -> bytes | None:
    """As `library_bytes`, or None for a mail that only the library may write."""
    lines = [_plain_header(name, value) for name, value in mail.headers]
    if mail.attachments or None in lines:
        return None
    head = "".join([_from_line(mail.sender_name, mail.sender_address), *(line for line in lines if line is not None)])
    if mail.html is None:
        body = f"{_content_type('plain')}{_ENCODING}{_MIME}\r\n{_encoded(mail.text)}"
        return (head + body).encode("ascii")
    mark = _inner(mail.boundary)
    body = (
        f'{_MIME}Content-Type: multipart/alternative;\r\n boundary="{mark}"\r\n\r\n'
        f"--{mark}\r\n{_content_type('plain')}{_ENCODING}\r\n{_encoded(mail.text)}\r\n"
        f"--{mark}\r\n{_content_type('html')}{_ENCODING}{_MIME}\r\n{_encoded(mail.html)}\r\n"
        f"--{mark}--\r\n"
    )
    return (head + body).encode("ascii")


_MIME: Final = "MIME-Version: 1.0\r\n"
_ENCODING: Final = "Content-Transfer-Encoding: quoted-printable\r\n"


def _content_type(subtype: str) -> str:
    return f'Content-Type: text/{subtype}; charset="utf-8"\r\n'


def _plain_header(name: str, value: str) -> str | None:
    # What looks like an encoded word is one to the library.
    if name not in _PLAIN or not _PLAIN[name].fullmatch(value) or "=?" in value:
        return None
    if name.lower() in _VERBATIM:
        return _folded_between_words(name, value)
    line = f"{name}: {value}"
    return f"{line}\r\n" if len(line) <= LONGEST_LINE else None


def _folded_between_words(name: str, value: str) -> str:
    return f"{name}: " + "\r\n ".join(value.split()) + "\r\n"


@lru_cache(maxsize=_KEPT_SENDERS)
def _from_line(name: str, address: str) -> str:
    # A mailbox writes many letters: the library folds its name once.
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = _address(name, address)
    return _whole(message.as_bytes() + b"end", b"end").decode("ascii").removesuffix("\r\nend")


def _whole(octets: bytes, last: bytes) -> bytes:
    # Where a word is longer than a line, CPython 3.11 may fold before it and leave an empty line: there headers would end.
    head, _, body = octets.partition(b"\r\n\r\n")
    if b"\r\n" + last not in head and not body.startswith(last):
        message = "a header holds a word that is longer than a line"
        raise ValueError(message)
    return octets


def _address(name: str, address: str) -> MailAddress:
    local, _, domain = address.rpartition("@")
    return MailAddress(name, local, domain)


def _inner(boundary: str) -> str:
    # No boundary may begin with another: a reader takes a line that begins with one for it.
    return f"=_a.{boundary}"


def _encoded(text: str) -> str:
    """Quoted-printable, line by line, as `EmailMessage.set_content` does it."""
    lines = b"\n".join(text.encode("utf-8").splitlines()) + b"\n"
    return body_encode(lines.decode("latin-1"), LONGEST_LINE).replace("\n", "\r\n")
