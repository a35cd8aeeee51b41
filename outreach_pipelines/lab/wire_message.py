"""A message as it crossed the wire to one recipient, and what can be read from it. No sending, no judgement."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from hashlib import sha256

# The standard folding turns a Message-ID that is longer than a line into encoded words, which no mail client does.
UNFOLDED = policy.SMTP.clone(max_line_length=998)


@dataclass(frozen=True, slots=True)
class WireMessage:
    """One accepted message for one recipient. `raw` holds the header and body that the recipient sees.

    `provider` is the account's name, `envelope_sender` the MAIL FROM without angle brackets, `message_id` the full
    Message-ID with them, `tag` the sender's own mark, `envelope_id` its ENVID (RFC 3461), if it gave one.
    """

    provider: str
    envelope_sender: str
    recipient: str
    mailbox: str
    message_id: str
    tag: str
    raw: bytes
    envelope_id: str = ""
    reports_delay: bool = True

    def parsed(self) -> EmailMessage:
        """The message as the standard library reads it, header values decoded."""
        return message_from_bytes(self.raw, policy=policy.default)

    def headers(self) -> bytes:
        """The header block, without the empty line that ends it."""
        return split_header(self.raw)[0]


def split_header(raw: bytes) -> tuple[bytes, bytes]:
    """Header and body of a message, line ends made CRLF; a message without an empty line is all header."""
    lines = b"\r\n".join(raw.replace(b"\r\n", b"\n").split(b"\n"))
    header, _, body = lines.partition(b"\r\n\r\n")
    return header, body


def body_sha256(raw: bytes) -> str:
    """The hex digest of the body, which no provider rewrites."""
    return sha256(split_header(raw)[1]).hexdigest()


def from_address(raw: bytes) -> str:
    """The bare address of the From header, empty if there is none."""
    return parseaddr(str(message_from_bytes(raw, policy=policy.default).get("From", "")))[1]


def prepend_headers(raw: bytes, *fields: tuple[str, str]) -> bytes:
    """The message with header fields put before its own, as each server on the way does."""
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in fields) + raw


def replace_header(raw: bytes, name: str, value: str) -> bytes:
    """The message with every field called `name` taken out (folded lines too) and one put at its end."""
    header, body = split_header(raw)
    kept: list[bytes] = []
    dropping = False
    for line in header.split(b"\r\n"):
        if line[:1] not in (b" ", b"\t"):
            dropping = line.lower().startswith(name.lower().encode() + b":")
        if not dropping:
            kept.append(line)
    return b"\r\n".join([*kept, f"{name}: {value}".encode(), b"", body])
