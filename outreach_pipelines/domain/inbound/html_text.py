"""HTML to the lines a reader sees: quoted blocks marked with ">", and what a client marks as its own with a private sign.

Bounded and linear: a tokenizer, not a parser. What the signs mean for a reply belongs to `reply_lines`.
"""

import html
import re
from dataclasses import dataclass, field

ATTRIBUTION_MARK, HISTORY_MARK, SIGNATURE_MARK = "\ue0f1", "\ue0f2", "\ue0f3"
"""Characters of the private use area that open a line which a mail client wrote; the text itself holds none of them."""

MAX_HTML = 256 * 1024
MAX_QUOTED = 9
_TOKEN = re.compile(r"<(!--|/?[a-zA-Z][a-zA-Z0-9]{0,15})([^<>]{0,4000})>")
_BLOCKS = ("p", "div", "tr", "ul", "ol", "h1", "h2", "h3", "table", "pre")
_BREAKS = frozenset(("br", "li", "hr", *_BLOCKS, *(f"/{tag}" for tag in _BLOCKS)))
_CELLS = frozenset({"td", "th"})
_HIDDEN = frozenset({"script", "style", "head", "title"})
_SPACES = re.compile(r"[ \t\r\n\xa0]+")
_MARKS = re.compile(f"[{ATTRIBUTION_MARK}{HISTORY_MARK}{SIGNATURE_MARK}]")
_NAMES = re.compile(r"\b(?:class|id|data-marker)\s*=\s*[\"']?([^\"'>]{1,200})", re.IGNORECASE)
_COPIED = re.compile(r"^(?:x_)+")
"""Outlook puts this before the names of HTML that it takes over, once for each time."""
_INDENTED = re.compile(r"border(?:-left)?\s*:\s*(?:none|0)", re.IGNORECASE)

_ATTRIBUTIONS = frozenset({"gmail_attr", "moz-cite-prefix", "reply-intro"})
"""Gmail, Thunderbird, Roundcube: the line above the quoted block."""
_HISTORIES = frozenset(
    {
        "divrplyfwdmsg",  # Outlook on the web, desktop
        "appendonsend",  # Outlook on the web
        "mail-editor-reference-message-container",  # new Outlook
        "ms-outlook-mobile-body-separator-line",  # Outlook on phones
        "olk_src_body_section",  # Outlook for Mac
        "stopspelling",  # Hotmail
        "yahoo_quoted",
        "zmail_extra",  # Zoho
        "isreplycontent",  # NetEase
        "isforwardcontent",
        "history_container",
        "__divider__",  # Zimbra
        "bloop_original_html",  # Airmail
    }
)
_SIGNATURES = frozenset(
    {
        "gmail_signature",
        "moz-signature",
        "signature",  # Outlook on the web
        "ms-outlook-mobile-signature",
        "ms-outlook-ios-signature",
        "applemailsignature",
        "protonmail_signature_block",
        "bloop_sign",
        "zmail_signature",
        "mail_signature",
    }
)


@dataclass(slots=True)
class _Page:
    """What was read so far."""

    lines: list[str] = field(default_factory=lambda: [""])
    quoted: int = 0
    preformatted: bool = False
    divisions: int = 0
    attributed_in: int | None = None
    """The division whose text is an attribution."""

    @property
    def edge(self) -> str:
        """What a new line starts with."""
        return "> " * self.quoted if self.attributed_in is None else ATTRIBUTION_MARK

    def write(self, source: str) -> None:
        """Text of the source, entities still in it."""
        visible = _MARKS.sub("", html.unescape(source if self.preformatted else _SPACES.sub(" ", source)))
        first, *others = visible.split("\n") if self.preformatted else [visible]
        self.lines[-1] += first
        self.lines.extend(self.edge + line for line in others)

    def break_line(self, *, always: bool) -> None:
        """A new line, where the last one says something or `always`."""
        if always or self.lines[-1].strip("> "):
            self.lines.append(self.edge)
        else:
            self.lines[-1] = self.edge

    def mark(self, sign: str) -> None:
        """A line of a client's own."""
        self.break_line(always=False)
        self.lines[-1] = "> " * self.quoted + sign
        self.lines.append(self.edge)


def text_of_html(document: str) -> str:
    """The visible text of `document`; lines inside a blockquote start with "> "."""
    page = _Page()
    hidden: str | None = None
    at = 0
    source = document[:MAX_HTML]
    for token in _TOKEN.finditer(source):
        tag = token.group(1).lower()
        if hidden is None:
            page.write(source[at : token.start()])
            _apply(tag, token.group(2), page)
            hidden = tag if tag in _HIDDEN else None
        elif tag == f"/{hidden}":
            hidden = None
        at = token.end()
    if hidden is None:
        page.write(source[at:])
    return "\n".join(line.strip() for line in page.lines).strip("\n")


def _apply(tag: str, attributes: str, page: _Page) -> None:
    """What one tag does to the page."""
    if tag in ("pre", "/pre"):
        page.preformatted = tag == "pre"
    if tag in ("blockquote", "/blockquote"):
        _quote(tag, attributes, page)
    elif tag in _BREAKS:
        _divide(tag, page)
    elif tag in _CELLS:
        page.write(" ")
    if not tag.startswith("/") and attributes:
        _mark(_names(attributes), page)


def _quote(tag: str, attributes: str, page: _Page) -> None:
    """A blockquote without a border is how Gmail indents; its end is then one too many, and the depth stays at 0."""
    step = -1 if tag.startswith("/") else 0 if _INDENTED.search(attributes) else 1
    page.quoted = min(MAX_QUOTED, max(0, page.quoted + step))
    page.break_line(always=False)


def _divide(tag: str, page: _Page) -> None:
    page.divisions += {"div": 1, "/div": -1}.get(tag, 0)
    if page.attributed_in is not None and page.divisions < page.attributed_in:
        page.attributed_in = None
    page.break_line(always=tag in ("br", "/p"))


def _mark(names: frozenset[str], page: _Page) -> None:
    if names & _ATTRIBUTIONS:
        page.attributed_in = page.divisions
        page.break_line(always=False)
    elif names & _HISTORIES:
        page.mark(HISTORY_MARK)
    elif names & _SIGNATURES:
        page.mark(SIGNATURE_MARK)


def _names(attributes: str) -> frozenset[str]:
    """Classes and ids, in lower case."""
    found = (name for value in _NAMES.findall(attributes) for name in value.lower().split())
    return frozenset(_COPIED.sub("", name) for name in found)
