"""Files that are not quite messages: a reply's body without headers, and the date a message gives itself.

What comes by IMAP is always a message; this is for files that people hand in.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from outreach_pipelines.domain.inbound.structure import read_header_block

_HEAD = 64 * 1024
_MAIL_FIELDS = re.compile(
    rb"^(?:return-path|received|delivered-to|envelope-to|date|from|sender|reply-to|to|cc|subject|message-id|in-reply-to|"
    rb"references|mime-version|content-type|content-transfer-encoding|auto-submitted|precedence|final-recipient|"
    rb"list-[a-z]+|dkim-signature|arc-[a-z-]+|authentication-results|x-[a-z0-9-]+)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_FIRST_FIELD = re.compile(rb"\s*(?:>?From [^\n]*\n)?[!-9;-~]+[ \t]*:")


def as_message(raw: bytes) -> bytes:
    """`raw`, or where it opens with no header of mail, `raw` as the body of a message without headers."""
    head = raw[:_HEAD].replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\xef\xbb\xbf")
    block = head.lstrip(b"\n").partition(b"\n\n")[0]
    if _FIRST_FIELD.match(head) and _MAIL_FIELDS.search(block):
        return raw.lstrip(b"\xef\xbb\xbf\r\n")
    return b"\n" + raw


def date_of(raw: bytes) -> datetime | None:
    """The Date field as an aware time; None where it is missing or none."""
    head = raw[:_HEAD].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    value = read_header_block(head).header("date") or ""
    try:
        named = parsedate_to_datetime(value[:200])
        return (named if named.tzinfo else named.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
