"""Whether a letter may leave as it reads: judged as a recipient would get it, before any lead is placed.

Belongs here: rules on rendered subject, text and HTML. Does not: rendering, nor what a campaign must declare
(`campaign.faults_of`). A fault forbids; an advice is what experience with filters and readers suggests.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html.parser import HTMLParser
from typing import Final
from urllib.parse import SplitResult, urlsplit

LONGEST_SUBJECT: Final = 200
SHOWN_SUBJECT: Final = 78  # characters; RFC 5322, section 2.1.1: lines should be no longer
LONGEST_TEXT: Final = 20_000  # characters: nobody reads more in a letter they did not ask for
SHORTEST_TEXT: Final = 20
LARGEST_HTML: Final = 100_000  # octets; mail clients cut longer ones, and the unsubscribe link stands at the end
LARGEST_LETTER: Final = 7 * 2**20  # octets with attachments; see `attachments.MOST_BYTES_OF_ALL`
MOST_LINKS: Final = 10
# Redirectors hide where a link leads, and share their reputation with everybody who uses them.
SHORTENERS: Final = frozenset({"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly"})

# RFC 5322, section 3.6.5: "Re: " is for replies.
_REPLY: Final = re.compile(r"\s*(re|aw|fwd?|wg|sv|vs|antw|tr|rv)\s*(\[\d+\])?\s*:", re.IGNORECASE)
_URL: Final = re.compile(r"https?://[^\s<>\"')\]]+", re.IGNORECASE)
_LEFT_OVER: Final = re.compile(r"\{\{|\}\}|\{%|%\}|\bNone\b|\[(first|last)[ _]?name\]", re.IGNORECASE)
_HIDDEN: Final = re.compile(
    r"display\s*:\s*none|font-size\s*:\s*0|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d])", re.I
)
_SHOWN_LINE: Final = 80
_SHOWN_LINES: Final = 2
_IP_HOST: Final = re.compile(r"[0-9.]+|.*:.*")


class Weight(StrEnum):
    """A fault forbids the campaign; an advice does not."""

    FAULT = "fault"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a part (subject, text, html, letter) of a letter."""

    part: str
    weight: Weight
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLetter:
    """A letter as one recipient would get it. `attached` is the size of its attachments in octets."""

    is_first: bool
    subject: str
    text: str
    html: str | None
    unsubscribe_url: str
    postal_address: str
    attached: int = 0


def findings_of(letter: SampleLetter) -> tuple[Finding, ...]:
    """Everything found, faults and advice."""
    html = () if letter.html is None else (*_html(letter.html), *_shown("html", letter, letter.html))
    return (*_subject(letter), *_text(letter), *_shown("text", letter, letter.text), *html, *_size(letter))


def lacking(part: str, field: str, whole: str, without: str) -> tuple[Finding, ...]:
    """What a part reads like for somebody who lacks an optional field: the lines that differ from those with it."""
    known = frozenset(whole.splitlines())
    lines = [line.strip() for line in without.splitlines() if line not in known and line.strip()]
    if whole == without:
        return ()
    shown = "; ".join(repr(line[:_SHOWN_LINE]) for line in lines[:_SHOWN_LINES]) or "nothing in its place"
    return (_advice(part, f"Who has no {field} reads {shown}."),)


def _fault(part: str, sentence: str) -> Finding:
    return Finding(part, Weight.FAULT, sentence)


def _advice(part: str, sentence: str) -> Finding:
    return Finding(part, Weight.ADVICE, sentence)


def _subject(letter: SampleLetter) -> Iterator[Finding]:
    subject = letter.subject
    if not subject.strip():
        yield _fault("subject", "It is empty.")
    if "\n" in subject or "\r" in subject:
        yield _fault("subject", "It holds a line break.")
    if letter.is_first and _REPLY.match(subject):
        yield _fault("subject", "A first message does not pretend to be a reply or a forward.")
    if len(subject) > LONGEST_SUBJECT:
        yield _fault("subject", f"{len(subject)} characters; {LONGEST_SUBJECT} are the most.")
    elif len(subject) > SHOWN_SUBJECT:
        yield _advice("subject", f"{len(subject)} characters; most clients show fewer than {SHOWN_SUBJECT}.")
    letters = [character for character in subject if character.isalpha()]
    if len(letters) > SHORTEST_TEXT and all(character.isupper() for character in letters):
        yield _advice("subject", "It is all in capitals.")
    yield from _left_over("subject", subject)


def _text(letter: SampleLetter) -> Iterator[Finding]:
    length = len(letter.text.strip())
    if length < SHORTEST_TEXT:
        yield _fault("text", f"{length} characters: a letter without a text.")
    if length > LONGEST_TEXT:
        yield _fault("text", f"{length} characters; {LONGEST_TEXT} are the most.")
    yield from _left_over("text", letter.text)
    yield from _links("text", _URL.findall(letter.text))


def _left_over(part: str, text: str) -> Iterator[Finding]:
    found = _LEFT_OVER.search(text)
    if found is not None:
        yield _fault(part, f"{found[0]!r} is left over: a field was not filled in.")


def _shown(part: str, letter: SampleLetter, body: str) -> Iterator[Finding]:
    """Both parts show the way out and the sender's address: CAN-SPAM, 15 U.S.C. 7704(a)(3) and (5)."""
    plain = body if part == "text" else "".join(_read(body).words)
    links = body if part == "text" else " ".join(_read(body).links)
    if letter.unsubscribe_url not in links:
        yield _fault(part, "The unsubscribe link is not there.")
    if "".join(letter.postal_address.split()) not in "".join(plain.split()):
        yield _fault(part, "The postal address is not there, or not whole.")


def _html(html: str) -> Iterator[Finding]:
    read = _read(html)
    yield from _left_over("html", "".join(read.words))
    yield from _links("html", [link for link in read.links if not link.lower().startswith("mailto:")])
    for shown, link in read.named:
        claimed = _URL.fullmatch(shown.strip())
        if claimed is not None and _host(claimed[0]) != _host(link):
            yield _fault("html", f"A link that reads {_host(claimed[0])} leads to {_host(link) or 'nowhere'}.")
    if read.hidden:
        yield _fault("html", "Text is hidden from the reader by its style.")
    if read.scripts:
        yield _fault("html", "It holds a script, a form or a frame, which mail clients take out or warn of.")
    if len(html.encode()) > LARGEST_HTML:
        yield _fault("html", f"{len(html.encode())} octets; clients cut what is longer than {LARGEST_HTML}.")


def _links(part: str, links: list[str]) -> Iterator[Finding]:
    if len(links) > MOST_LINKS:
        yield _advice(part, f"{len(links)} links; more than {MOST_LINKS} look like an advertisement.")
    for link in dict.fromkeys(links):
        yield from _link(part, link)


def _link(part: str, link: str) -> Iterator[Finding]:
    split = _split(link)
    host = (split.hostname or "") if split is not None else ""
    if split is None or split.scheme.lower() not in ("http", "https") or not host:
        yield _fault(part, f"{link[:80]!r} is no link to a page.")
        return
    if split.username is not None:
        yield _fault(part, f"The link to {host} hides its host behind a user name.")
    if _IP_HOST.fullmatch(host):
        yield _fault(part, f"A link leads to the bare address {host}.")
    if host in SHORTENERS:
        yield _fault(part, f"{host} hides where the link leads.")
    if split.scheme.lower() == "http":
        yield _advice(part, f"The link to {host} is not https.")


def _size(letter: SampleLetter) -> Iterator[Finding]:
    # Base64 makes 4/3 of an attachment (RFC 2045, section 6.8).
    size = len(letter.text.encode()) + len((letter.html or "").encode()) + letter.attached * 4 // 3
    if size > LARGEST_LETTER * 4 // 3:
        yield _fault("letter", f"{size} octets with its attachments; providers refuse it.")


def _split(link: str) -> SplitResult | None:
    try:
        return urlsplit(link)
    except ValueError:
        return None


def _host(link: str) -> str:
    split = _split(link)
    return (split.hostname or "").removeprefix("www.") if split is not None else ""


def _read(html: str) -> "_Reader":
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


class _Reader(HTMLParser):
    """What a mail client would show of it: words, links with their words, and what it should not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.named: list[tuple[str, str]] = []
        self.hidden = self.scripts = False
        self._link: str | None = None
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.hidden = self.hidden or _HIDDEN.search(values.get("style", "")) is not None or "hidden" in values
        self.scripts = self.scripts or tag in ("script", "form", "iframe", "object", "embed")
        self._unseen += tag in ("style", "title", "script")
        if tag == "a" and "href" in values:
            self._link = values["href"]
            self.links.append(self._link)

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in ("style", "title", "script")
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        self.words.append(data)
        if self._link is not None:
            self.named.append((data, self._link))
