"""What the author of a reply wrote: quoted history, header blocks, separators and signature cut away.

Two readings of the same lines. `reply_text` is for people: answers written between quoted lines keep the lines they
answer. `own_words` is for judging: nothing quoted, because our own footer is in there. The whole original is kept
elsewhere. What a line is, is told in `reply_lines`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from outreach_pipelines.domain.inbound.reply_lines import Line, bare_line, kinds_of
from outreach_pipelines.domain.inbound.reply_rules import reply_rules

MAX_LINES = 1_000
MAX_LINE = 1_000
_MOST_OF_A_FOOTER = 7
"""Written lines after a whole quoted message: from here on they are an answer, whatever they look like."""
_FOOTER = re.compile(r"https?://|www\.|unsubscribe|mailing list|\+?\d[\d ()/.-]{7,}\d|\w@\w")

Lines = list[tuple[str, Line]]


@dataclass(frozen=True, slots=True)
class Reply:
    """The two readings of one text."""

    shown: str
    own: str


def read_reply(body: str) -> Reply:
    """Both readings of `body`; empty where the author wrote nothing."""
    lines = _without_history(_read(body))
    return Reply(_shown(lines), _joined(lines, keeping=(Line.WRITTEN, Line.BLANK)))


def reply_text(body: str) -> str:
    """What a person reads as the reply, trimmed."""
    return read_reply(body).shown


def own_words(body: str) -> str:
    """The author's own words alone, trimmed: no line that was quoted."""
    return read_reply(body).own


def _shown(lines: Lines) -> str:
    if not _has(lines, Line.WRITTEN):
        return ""
    lines = _without_footer(_answer_below(lines))
    last = max(at for at, (_, kind) in enumerate(lines) if kind is Line.WRITTEN)
    return _joined(lines[: last + 1], keeping=(Line.WRITTEN, Line.BLANK, Line.QUOTED))


def _read(body: str) -> Lines:
    lines = [line[:MAX_LINE].rstrip() for line in body.replace("\r", "").split("\n")[:MAX_LINES]]
    return list(zip(lines, kinds_of(lines), strict=True))


def _without_history(lines: Lines) -> Lines:
    """Up to where nothing of the author's follows."""
    for at, (_, kind) in enumerate(lines):
        above, below = lines[:at], lines[at + 1 :]
        if kind is Line.HISTORY and not _continues_below_quote(above, below):
            return above
        if _has(above, Line.WRITTEN) and _ends_here(kind, below):
            return above
    return lines


def _continues_below_quote(above: Lines, below: Lines) -> bool:
    """Whether the history stands first and is marked line by line, so that the answer is told from it."""
    if _has(above, Line.WRITTEN):
        return False
    first = next((kind for _, kind in below if kind not in (Line.BLANK, Line.HEADER)), None)
    return first is Line.QUOTED


def _ends_here(kind: Line, below: Lines) -> bool:
    match kind:
        case Line.RULE | Line.DISCLAIMER:
            return True
        case Line.ATTRIBUTION:
            follows = (each for _, each in below if each not in (Line.BLANK, Line.ATTRIBUTION))
            return next(follows, Line.QUOTED) is not Line.QUOTED
        case Line.SIGNATURE:
            return not _is_answered_below(below)
        case _:
            return False


def _is_answered_below(below: Lines) -> bool:
    """Whether words stand below a quoted line: the signature stands above what it signs."""
    quoted = next((at for at, (_, kind) in enumerate(below) if kind is Line.QUOTED), None)
    return quoted is not None and _has(below[quoted:], Line.WRITTEN)


def _answer_below(lines: Lines) -> Lines:
    """The answer alone where it all stands below the history it answers."""
    kinds = [kind for _, kind in lines]
    first = next(kind for kind in kinds if kind is not Line.BLANK)
    if first not in (Line.ATTRIBUTION, Line.HISTORY):
        return lines
    written = kinds.index(Line.WRITTEN)
    return lines if Line.QUOTED in kinds[written:] else lines[written:]


def _without_footer(lines: Lines) -> Lines:
    """Without the few lines that stand below a whole quoted message and answer nothing: footers, leave-takings."""
    start = next((at for at, (_, kind) in enumerate(lines) if kind is Line.ATTRIBUTION), None)
    if start is None or not _has(lines[:start], Line.WRITTEN):
        return lines
    tail = list(takewhile(lambda line: line[1] in (Line.WRITTEN, Line.BLANK, Line.SIGNATURE), reversed(lines)))[::-1]
    between = lines[start : len(lines) - len(tail)]
    return lines[:start] if not _has(between, Line.WRITTEN) and _is_footer(tail) else lines


def _is_footer(tail: Lines) -> bool:
    written = [line for line, kind in tail if kind is Line.WRITTEN]
    if len(written) >= _MOST_OF_A_FOOTER:
        return False
    return not written or bool(reply_rules().sign_off.match(bare_line(written[0])) or _FOOTER.search(" ".join(written)))


def _has(lines: Lines, kind: Line) -> bool:
    return any(each is kind for _, each in lines)


def _joined(lines: Lines, *, keeping: Sequence[Line]) -> str:
    return "\n".join(line for line, kind in lines if kind in keeping).strip()
