"""What each line of a reply is: written, quoted, or what a mail client put there. What is kept of them: `reply_text`."""

import re
from collections.abc import Sequence
from enum import Enum

from outreach_pipelines.domain.inbound.html_text import ATTRIBUTION_MARK, HISTORY_MARK, SIGNATURE_MARK
from outreach_pipelines.domain.inbound.reply_rules import reply_rules

MAX_ATTRIBUTION = 300
_ATTRIBUTION_LINES = 6
_TOUCHING_LINES = 3
_HEADER_LABELS_NEEDED = 3
_HEADER_REACH = 12

_DIRECTIONS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u061c]")
_QUOTED = re.compile(r"^\s*(?:[A-Za-z]{0,3}>(?!\w{1,20}>)|&gt;|\|(?:\s|$))")
_RULE = re.compile(r"^\s*(?:[-_=~*#+\u2013\u2014\u2500\u2501\u1427]\s?){1,200}$")
_MARKUP = re.compile(r"^[*_<(\[\s]+|[*_>)\]\s]+$")
_FENCE = re.compile(r"^\s*```")
_DATED = re.compile(r"\d{1,2}[:.]\d{2}|\d{4}|\d{1,2}[./-]\d{1,2}")
_MOMENT = re.compile(r"\d{1,2}[:.h]\d{2}|\d{4}|\d{1,2}[./-]\d{1,2}|@")


class Line(Enum):
    """What a line is."""

    WRITTEN = "written"
    BLANK = "blank"
    QUOTED = "quoted"
    ATTRIBUTION = "attribution"
    HISTORY = "what follows is history"
    HEADER = "header of a quoted message"
    RULE = "dividing line"
    SIGNATURE = "what a mail client adds"
    DISCLAIMER = "small print"
    ARMOUR = "armour"


_MARKED = {ATTRIBUTION_MARK: Line.ATTRIBUTION, HISTORY_MARK: Line.HISTORY, SIGNATURE_MARK: Line.RULE}


def kinds_of(lines: Sequence[str]) -> list[Line]:
    """The kind of each line. Code between fences is written, whatever it looks like."""
    bare = [bare_line(line) for line in lines]
    kinds: list[Line] = []
    fenced = False
    while (at := len(kinds)) < len(lines):
        if _FENCE.match(lines[at]) and (fenced or any(map(_FENCE.match, lines[at + 1 :]))):
            fenced = not fenced
            kinds.append(Line.WRITTEN)
        else:
            kinds.extend([Line.WRITTEN] if fenced and bare[at] else _kinds_at(bare, at))
    return kinds


def bare_line(line: str) -> str:
    """As the rules compare a line: without directional marks, odd spaces and edges."""
    return _DIRECTIONS.sub("", line).replace("\xa0", " ").replace("\u202f", " ").strip()


def _kinds_at(bare: Sequence[str], at: int) -> list[Line]:
    """The kinds of one line, or of the several that are one attribution or header block."""
    line, rules = bare[at], reply_rules()
    if not line:
        return [Line.BLANK]
    if line[0] in _MARKED:
        return [_MARKED[line[0]]]
    if rules.delimiter.match(line):
        return [Line.HISTORY]
    if _QUOTED.match(line):
        return [Line.QUOTED]
    if _RULE.match(line):
        return [Line.RULE]
    if headers := _headers_at(bare, at):
        return [Line.HISTORY, *[Line.HEADER] * (headers - 1)]
    if count := _attribution_at(bare, at):
        return [Line.ATTRIBUTION] * count
    if rules.armour.match(line):
        return [Line.ARMOUR]
    if rules.signature.match(_MARKUP.sub("", line)):
        return [Line.SIGNATURE]
    return [Line.DISCLAIMER if rules.disclaimer.match(_MARKUP.sub("", line)) else Line.WRITTEN]


def _headers_at(bare: Sequence[str], at: int) -> int:
    """How many lines from `at` are a quoted header block: three labels within twelve lines, the first of them here."""
    header = reply_rules().header
    if not header.match(bare[at]):
        return 0
    labelled = [n for n, line in enumerate(bare[at : at + _HEADER_REACH], start=1) if header.match(line)]
    return labelled[-1] if len(labelled) >= _HEADER_LABELS_NEEDED else 0


def _attribution_at(bare: Sequence[str], at: int) -> int:
    """How many lines from `at` make an attribution ("On DATE, NAME wrote:"); 0 where none does."""
    joined = ""
    for count, line in enumerate(bare[at : at + _ATTRIBUTION_LINES], start=1):
        if _QUOTED.match(line) and joined.count("<") <= joined.count(">"):
            return 0
        joined = f"{joined} {line}".strip()
        if len(joined) > MAX_ATTRIBUTION:
            return 0
        touching = count <= _TOUCHING_LINES and all(bare[at : at + count])
        if line and _is_attribution(joined, touching=touching, quoted_after=_is_quoted_after(bare, at + count)):
            return 0 if _starts_later(bare[at : at + count]) else count
        if count == 1 and not (_may_open_attribution(joined) or _may_be_name_alone(bare, at)):
            return 0
    return 0


def _starts_later(lines: Sequence[str]) -> bool:
    """Whether the last of these lines are a whole attribution without the first, which then is the author's."""
    rests = (" ".join(lines[start:]).strip() for start in range(1, len(lines)))
    return any(
        reply_rules().attribution.match(rest)
        or ("@" in rest and _DATED.search(rest) and _is_attribution(rest, touching=True, quoted_after=False))
        for rest in rests
        if rest
    )


def _is_attribution(joined: str, *, touching: bool, quoted_after: bool) -> bool:
    rules = reply_rules()
    if _MOMENT.search(joined) is None:
        named = quoted_after and len(joined) <= 100 and joined.endswith((":", "："))
        return (named and _verb_speaks_of_another(joined)) or rules.forum_attribution.match(joined) is not None
    if rules.attribution.match(joined):
        return True
    if not touching or not joined.endswith((":", "：", ">", "gönderildi", "写道", "寫道")):
        return False
    told = joined.endswith((":", "：")) and _verb_speaks_of_another(joined)
    return told or bool(rules.loose_attribution.match(joined))


def _verb_speaks_of_another(joined: str) -> bool:
    rules = reply_rules()
    return rules.verb.search(joined) is not None and rules.own_sentence.search(joined) is None


def _may_open_attribution(line: str) -> bool:
    """A cheap test: each attribution holds a digit or an address within its first line."""
    return _MOMENT.search(line) is not None or "<" in line or any(letter.isdigit() for letter in line)


def _may_be_name_alone(bare: Sequence[str], at: int) -> bool:
    """Whether a line may be a long name that pushed the rest of its attribution to the next one.

    Never where that next one is an attribution by itself: then the line is the author's.
    """
    opens = (
        (at == 0 or not bare[at - 1]) and at + 1 < len(bare) and not bare[at].endswith((".", "!", "?", ",", ":", ";"))
    )
    return opens and _may_open_attribution(bare[at + 1]) and _attribution_at(bare, at + 1) == 0


def _is_quoted_after(bare: Sequence[str], at: int) -> bool:
    return next((bool(_QUOTED.match(line)) for line in bare[at : at + 4] if line), False)
