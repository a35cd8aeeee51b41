"""The day of return that an out-of-office text names, in the languages of `phrases.toml`.

Dates are read only beside a word that says "until" or "back on": a date elsewhere may be anything. Weekday names are
not read.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from outreach_pipelines.domain.inbound.phrases import phrase_book, plain

MAX_TEXT = 4_000
_REACH = 40
_PAST = timedelta(days=60)
_FUTURE = timedelta(days=400)
"""A date outside this span is a misreading, or a joke: nobody is held until 2099."""
_AFTERWARDS = frozenset({"fi", "tr", "ja"})
"""Languages that put the word after the date."""
_ISO = re.compile(r"(?<!\d)(20\d\d)[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_EAST_ASIAN = re.compile(r"(?:(20\d\d)\s?年\s?)?(\d{1,2})\s?月\s?(\d{1,2})\s?日")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})\s?[./-]\s?(\d{1,2})(?:\s?[./-]\s?(\d{4}|\d{2}))?(?!\d)")


def return_date(text: str, *, received: date) -> date | None:
    """The latest date that stands beside a word for "until" or "back", or None.

    A missing year is the one nearest to `received`.
    """
    judged = plain(text)[:MAX_TEXT]
    found = [day for window in _windows(judged) for day in _dates(window, received)]
    return max(found, default=None)


def _windows(text: str) -> Iterator[str]:
    """The stretch after each word (before it, in some languages) in which its date stands."""
    for language, pattern in phrase_book().until.patterns:
        for match in pattern.finditer(text):
            if language in _AFTERWARDS:
                yield text[max(0, match.start() - _REACH) : match.start()]
            yield text[match.end() : match.end() + _REACH]


def _dates(window: str, received: date) -> Iterator[date]:
    """The first date of the window, in whatever form it is written."""
    for year, month, day in _written(window):
        if (named := _nearest(year, month, day, received)) is not None:
            yield named
            return


def _written(window: str) -> Iterator[tuple[int | None, int, int]]:
    if iso := _ISO.search(window):
        yield int(iso[1]), int(iso[2]), int(iso[3])
    elif asian := _EAST_ASIAN.search(window):
        yield int(asian[1]) if asian[1] else None, int(asian[2]), int(asian[3])
    elif worded := _month_names().search(window):
        day, month = worded["day"] or worded["day_after"], worded["month"] or worded["month_first"]
        yield int(worded["year"]) if worded["year"] else None, phrase_book().months[month], int(day)
    elif numeric := _DAY_FIRST.search(window):
        yield from _numeric(int(numeric[1]), int(numeric[2]), numeric[3])


def _numeric(first: int, second: int, year: str | None) -> Iterator[tuple[int | None, int, int]]:
    """Day first; month first only where the other order is no date."""
    full = None if year is None else int(year) % 100 + 2000
    yield full, second, first
    yield full, first, second


def _nearest(year: int | None, month: int, day: int, received: date) -> date | None:
    candidates = (year,) if year is not None else (received.year - 1, received.year, received.year + 1)
    days = (_valid(candidate, month, day) for candidate in candidates)
    return next((named for named in days if named is not None and -_PAST <= named - received <= _FUTURE), None)


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@lru_cache(maxsize=1)
def _month_names() -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, phrase_book().months), key=len, reverse=True))
    return re.compile(
        rf"(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?(?: of| de)? (?P<month>{names})"
        rf"|(?P<month_first>{names}) (?P<day_after>\d{{1,2}})(?:st|nd|rd|th)?)(?:,? (?:de )?(?P<year>20\d\d))?"
    )
