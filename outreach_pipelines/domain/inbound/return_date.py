"""The first day back that an out-of-office text names, in the languages of `return_dates.toml`.

A date counts only beside words that say "until" or "back", or as the end of a range: a date elsewhere may be anything.
How dates are written belongs to `written_dates`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from outreach_pipelines.domain.inbound.phrases import plain
from outreach_pipelines.domain.inbound.written_dates import WrittenDate, date_table, tokenized

MAX_TEXT = 4_000
_DATE = r"⟦(\d{1,3})⟧"
_GAP = r"(?:(?!(?:until|through|thru|bis|jusqu|hasta|fino|sino|até|tot|t/m|kadar)\b)[^.!?;。！？⟦⟧]){0,40}?"
"""A stretch of the same sentence that does not turn to the end of the absence."""
_WITHOUT_SPACES = frozenset({"ja", "zh", "ko"})
_BETWEEN = (
    r"(?:⟦\d{1,3}⟧|(?<![\d/.])\d{1,2}(?:st|nd|rd|th|\.)?) ?(?:\(.{1,4}\) ?)?"
    r"(?:-|\u2013|\u2014|~|\u301c|\uff5e|to|bis|au|al|a|à|ao|tot|t/m|do|til|till|до|по|至|到|から|부터)"
    r"(?: (?:and including|und mit|zum|den|el|le))? ?"
)
"""What makes the date behind it the end of a range, in whatever language."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How one language says it: the rows whose date is the last day away, and the first day back.

    Compiled when a text first needs them: all languages at once would cost more than reading a hundred messages.
    """

    language: str
    until: tuple[str, ...]
    back: tuple[str, ...]
    back_needs: tuple[str, ...]
    month_first: bool

    def speaks_of_return(self, text: str) -> bool:
        """Whether `back` may match `text`."""
        return any(word in text for word in self.back_needs)


def return_date(text: str, *, received: date) -> date | None:
    """The first day back: as it is named, else the day after the last one away; None where neither is.

    A missing year is the next such day after `received`, unless that day was within the month before.
    """
    judged, dates = tokenized(plain(text)[:MAX_TEXT])
    if not dates:
        return None
    speaking = [each for each in wordings() if each.speaks_of_return(judged)]
    back = [day for each in speaking for day in _days(each.back, each, judged, dates, received)]
    if back:
        return max(back)
    away = [day for each in wordings() for day in _days(each.until, each, judged, dates, received)]
    away += _range_ends(judged, dates, received)
    return max(away) + timedelta(days=1) if away else None


def _days(
    rows: tuple[str, ...], wording: Wording, judged: str, dates: Sequence[WrittenDate], received: date
) -> Iterator[date]:
    for match in _compiled(wording.language, rows).finditer(judged):
        number = int(next(group for group in reversed(match.groups()) if group is not None))
        if (day := dates[number].day_named(received, month_first=wording.month_first)) is not None:
            yield day


def _range_ends(judged: str, dates: Sequence[WrittenDate], received: date) -> list[date]:
    """The later ends of "3 to 14 August", whatever the language."""
    ends = [written for written in dates if written.ends_range]
    ends += [dates[int(match[1])] for match in _range().finditer(judged)]
    days = (written.day_named(received, month_first=False) for written in ends)
    return [day for day in days if day is not None]


@lru_cache(maxsize=1)
def _range() -> re.Pattern[str]:
    return re.compile(_BETWEEN + _DATE)


@lru_cache(maxsize=1)
def wordings() -> tuple[Wording, ...]:
    """The rows of the file by language."""
    return tuple(
        Wording(code, tuple(row["until"]), tuple(row["back"]), tuple(row["back_needs"]), bool(row.get("month_first")))
        for code, row in date_table().items()
    )


@lru_cache(maxsize=64)
def _compiled(language: str, rows: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern of all rows: whole words, except in scripts that write none."""
    edge = "" if language in _WITHOUT_SPACES else r"(?<!\w)"
    return re.compile("|".join(f"{edge}(?:{row.replace('@', _DATE).replace('~', _GAP)})" for row in rows))
