"""HTML to the lines a reader sees, quoted blocks marked with ">". Bounded and linear: a tokenizer, not a parser."""

import html
import re

MAX_HTML = 256 * 1024
MAX_QUOTED = 9
_TOKEN = re.compile(r"<(!--|/?[a-zA-Z][a-zA-Z0-9]{0,15})[^<>]{0,4000}>")
_BLOCKS = ("p", "div", "tr", "ul", "ol", "h1", "h2", "h3", "table")
_BREAKS = frozenset(("br", "li", "hr", *_BLOCKS, *(f"/{tag}" for tag in _BLOCKS)))
_HIDDEN = frozenset({"script", "style", "head", "title"})
_SPACES = re.compile(r"[ \t\r\n\xa0]+")


def text_of_html(document: str) -> str:
    """The visible text of `document`; lines inside a blockquote start with "> "."""
    lines: list[str] = [""]
    hidden: str | None = None
    depth = at = 0
    source = document[:MAX_HTML]
    for token in _TOKEN.finditer(source):
        tag = token.group(1).lower()
        if hidden is None:
            lines[-1] += _visible(source[at : token.start()])
            depth = _apply(tag, lines=lines, depth=depth)
            hidden = tag if tag in _HIDDEN else None
        elif tag == f"/{hidden}":
            hidden = None
        at = token.end()
    if hidden is None:
        lines[-1] += _visible(source[at:])
    return "\n".join(line.strip() for line in lines).strip("\n")


def _apply(tag: str, *, lines: list[str], depth: int) -> int:
    """Break the line where `tag` does; the depth of quotation after it."""
    if tag in ("blockquote", "/blockquote"):
        depth = min(MAX_QUOTED, max(0, depth + (1 if tag == "blockquote" else -1)))
    elif tag not in _BREAKS:
        return depth
    if lines[-1].strip("> ") or tag in ("br", "/p"):
        lines.append("> " * depth)
    else:
        lines[-1] = "> " * depth
    return depth


def _visible(source: str) -> str:
    return html.unescape(_SPACES.sub(" ", source))
