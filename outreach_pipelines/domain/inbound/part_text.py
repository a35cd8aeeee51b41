"""Bytes of a part or header to text: transfer encodings, charsets, encoded words, addresses.

Each step is linear and bounded, and wrong input gives replaced characters, never an error. What a text means is not
decided here.
"""

import binascii
import quopri
import re
from functools import lru_cache

from outreach_pipelines.domain.inbound.html_text import text_of_html
from outreach_pipelines.domain.inbound.structure import Part
from outreach_pipelines.domain.inbound.verdict import ReportedAddress

MAX_TEXT = 256 * 1024
"""Bytes of a body that are read as text; longer ones are cut: no rule looks further."""
MAX_ENCODED_WORDS = 200

# Only charsets that mail uses: Python's codecs of other purposes (idna, punycode, unicode_escape) are slow or warn.
_CHARSET = re.compile(
    r"utf-?(?:8|16|32)|us-ascii|ascii|ansi_|iso|latin|windows|cp|koi8|big5|gb|euc|shift|sjis|ks_c|mac|hz|tis|viscii",
    re.I,
)
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]{0,2000})\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t]+(?==\?)")
# An apostrophe may stand inside a local part (o'brien), and around a whole address in a server's answer.
_NO_ADDRESS = r"\s<>\"(),;:\[\]@\u3001\u3002\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f\u300c\u300d\u3010\u3011"
_PAGE = re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]+|(?<![\w@./-])(?:[\w-]+\.){2,}[a-z]{2,4}(?![\w.-])(?:/\S*)?")
_REASON_IN_PAGE = re.compile(r"\bp=\w+")
_ADDRESS = re.compile(rf"(?:\"[^\"\s]{{1,62}}\"|[^{_NO_ADDRESS}'][^{_NO_ADDRESS}]{{0,63}})@[^{_NO_ADDRESS}']{{1,255}}")


def text_of(part: Part) -> str:
    """The text of a leaf: decoded, without NUL and carriage returns, HTML turned to lines."""
    text = decode_charset(_transfer_decoded(part), part.parameter("charset"))
    return text_of_html(text) if part.content_type == "text/html" else text


@lru_cache(maxsize=1)
def first_text(message: Part) -> str:
    """What a reader sees first: the first text/plain leaf that says something, else the first HTML leaf.

    Several readers ask it of the same message, one after the other: the last answer is kept.
    """
    for wanted in ("text/plain", "text/html"):
        for part in message.walk():
            if part.content_type == wanted and not _is_attachment(part) and (text := text_of(part)).strip():
                return text
    if message.children or message.content_type.startswith(
        ("image/", "audio/", "video/", "application/", "message/partial")
    ):
        return ""
    return text_of(message)


def decode_charset(data: bytes, charset: str | None) -> str:
    """Text by the named charset; by UTF-8 and then Latin-1 where the name is unknown or untrue."""
    for name in (charset or "", "utf-8"):
        if _CHARSET.match(name):
            try:
                return data.decode(name).replace("\x00", "")
            except (ValueError, LookupError):  # a NUL in the name is a ValueError, a wrong byte a UnicodeError
                continue
    return data.decode("latin-1").replace("\x00", "")


def header_text(value: str | None) -> str:
    """A header with its encoded words decoded (RFC 2047); the first 200 of them."""
    if not value or "=?" not in value:
        return (value or "").replace("\x00", "")
    joined = _BETWEEN_WORDS.sub(r"\1", value)
    return _ENCODED_WORD.sub(_decoded_word, joined, count=MAX_ENCODED_WORDS).replace("\x00", "")


def addresses_in(text: str) -> tuple[ReportedAddress, ...]:
    """Everything in `text` that looks like an address, in order, each once."""
    if "@" not in text:
        return ()
    # An address holds no white space: the pattern is tried on the few words that can be one.
    near = " ".join([word for word in text.split() if "@" in word])
    found = [match.rstrip(".>") for match in _ADDRESS.findall(near)]
    return tuple(dict.fromkeys(ReportedAddress(address) for address in found))


def without_addresses(text: str) -> str:
    """`text` with its addresses taken out, so that a name in one does not speak for the server."""
    return _ADDRESS.sub("", text)


def without_pages(text: str) -> str:
    """`text` (lower case) with pages and names of hosts taken out: "help/spam" in a link is no word of the server.

    Google's reasons ("?p=NoSuchUser") stay.
    """
    if "." not in text:
        return text
    # The pattern is tried on the few words that can be one. What holds none comes back as the same object.
    words = text.split(" ")
    bare = [_PAGE.sub(_reasons_in, word) if word.count(".") > 1 or "://" in word else word for word in words]
    return text if bare == words else " ".join(bare)


def _reasons_in(page: re.Match[str]) -> str:
    return " ".join(_REASON_IN_PAGE.findall(page.group()))


def _is_attachment(part: Part) -> bool:
    return (part.header("content-disposition") or "").lower().startswith("attachment")


def _transfer_decoded(part: Part) -> bytes:
    encoding = (part.header("content-transfer-encoding") or "").strip().lower()
    body = part.body[: 2 * MAX_TEXT]
    if encoding == "base64":
        return _base64(body)[:MAX_TEXT]
    if encoding == "quoted-printable":
        return quopri.decodestring(body)[:MAX_TEXT]
    return body[:MAX_TEXT]


def _base64(data: bytes) -> bytes:
    """Lenient: foreign bytes are skipped, a broken tail is dropped."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    whole = letters[: len(letters) - (1 if len(letters) % 4 == 1 else 0)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def _decoded_word(match: re.Match[str]) -> str:
    charset, encoding, text = match.groups()
    data = text.encode("utf-8", "replace")
    decoded = _base64(data) if encoding in "bB" else quopri.decodestring(data, header=True)
    return decode_charset(decoded, charset.partition("*")[0]).replace("\n", " ")
