"""What the author of a reply wrote: quoted history, header blocks, separators and signature cut away.

Answers written between quoted lines are kept. The whole original is kept elsewhere: this is for reading and judging
only.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from importlib import resources

MAX_LINES = 1_000
MAX_LINE = 1_000
MAX_ATTRIBUTION = 300
_ATTRIBUTION_LINES = 6
_HEADER_LABELS_NEEDED = 3
_QUOTED = re.compile(r"^\s*(?:>|&gt;|\|(?:\s|$))")
_MARKDOWN = re.compile(r"^[*_]+|[*_]+$")


class Line(Enum):
    """What a line is."""

    WRITTEN = "written"
    BLANK = "blank"
    QUOTED = "quoted"
    ATTRIBUTION = "attribution"


@dataclass(frozen=True, slots=True)
class ReplyRules:
    """The compiled rows of `reply_rules.toml`."""

    attribution: re.Pattern[str]
    loose_attribution: re.Pattern[str]
    delimiter: re.Pattern[str]
    signature: re.Pattern[str]
    header: re.Pattern[str]


def reply_text(body: str) -> str:
    """The author's own words of `body`, trimmed; empty where there are none."""
    lines = [line[:MAX_LINE].rstrip() for line in body.replace("\r", "").split("\n")[:MAX_LINES]]
    cut = lines[: _history_starts(lines)]
    written = [line for line, kind in zip(cut, _kinds(cut), strict=True) if kind in (Line.WRITTEN, Line.BLANK)]
    return "\n".join(written[: _signature_starts(written)]).strip()


def _kinds(lines: Sequence[str]) -> list[Line]:
    kinds = [Line.QUOTED if _QUOTED.match(line) else Line.WRITTEN if line.strip() else Line.BLANK for line in lines]
    for start in range(len(lines)):
        if kinds[start] is Line.WRITTEN and (count := _attribution_at(lines, start)):
            kinds[start : start + count] = [Line.ATTRIBUTION] * count
    return kinds


def _history_starts(lines: Sequence[str]) -> int:
    """The first line after which all is history; the number of lines where none is."""
    rules = reply_rules()
    for at, line in enumerate(lines):
        if not line.strip() or _QUOTED.match(line):
            continue
        if rules.delimiter.match(line.strip()) or _is_header_block(lines, at):
            return _without_rule_above(lines, at)
        if (count := _attribution_at(lines, at)) and not _is_quoted_after(lines, at + count):
            return at if any(above.strip() for above in lines[:at]) else len(lines)
    return len(lines)


def _attribution_at(lines: Sequence[str], at: int) -> int:
    """How many lines from `at` make an attribution ("On DATE, NAME wrote:"); 0 where none does."""
    joined = ""
    for count, line in enumerate(lines[at : at + _ATTRIBUTION_LINES], start=1):
        if _QUOTED.match(line) and joined.count("<") <= joined.count(">"):
            return 0
        joined = f"{joined} {line.strip()}".strip()
        if len(joined) > MAX_ATTRIBUTION or (count == 1 and not _may_open_attribution(joined)):
            return 0
        if line.strip() and _is_attribution(joined, loosely=count <= 2 and all(lines[at : at + count])):
            return count
    return 0


def _is_attribution(joined: str, *, loosely: bool) -> bool:
    rules = reply_rules()
    if rules.attribution.match(joined):
        return True
    return loosely and joined.endswith((":", "：", ">")) and bool(rules.loose_attribution.match(joined))


def _may_open_attribution(line: str) -> bool:
    """A cheap test: each attribution holds a digit or an address within its first lines, or opens with a short word."""
    return any(letter.isdigit() for letter in line) or "<" in line or "@" in line


def _is_quoted_after(lines: Sequence[str], at: int) -> bool:
    return next((bool(_QUOTED.match(line)) for line in lines[at:] if line.strip()), False)


def _is_header_block(lines: Sequence[str], at: int) -> bool:
    """Three labels of a quoted header within eight lines, the first of them here."""
    header = reply_rules().header
    if not header.match(_bare(lines[at])):
        return False
    return sum(bool(header.match(_bare(line))) for line in lines[at : at + 8]) >= _HEADER_LABELS_NEEDED


def _without_rule_above(lines: Sequence[str], at: int) -> int:
    """The start of the history without a dividing rule drawn above it."""
    above = at
    while above and not lines[above - 1].strip(" \t-_*=>"):
        above -= 1
    return above


def _signature_starts(lines: Sequence[str]) -> int:
    return next((at for at, line in enumerate(lines) if reply_rules().signature.match(_bare(line))), len(lines))


def _bare(line: str) -> str:
    return _MARKDOWN.sub("", line.strip(" \t>")).strip()


@lru_cache(maxsize=1)
def reply_rules() -> ReplyRules:
    """The rows of the file, compiled once, each kind to one pattern."""
    table = tomllib.loads(resources.files(__package__).joinpath("reply_rules.toml").read_text("utf-8"))
    labels = "|".join(sorted(map(re.escape, set(table["header_labels"])), key=len, reverse=True))
    return ReplyRules(
        attribution=_any_of(table["attributions"]),
        loose_attribution=_any_of(table["loose_attributions"]),
        delimiter=_any_of(table["delimiters"]),
        signature=_any_of(table["signatures"]),
        header=re.compile(rf"^\*?(?:{labels})\s?\*?[:：]\*?\s*\S?", re.IGNORECASE),
    )


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
