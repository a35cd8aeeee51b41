"""Dates as people write them in mail, in the languages of `return_dates.toml`: which day a stretch of text names.

What a date means beside its words belongs to `return_date`.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib import resources

STALE = timedelta(days=31)
"""A day without a year that lies so little back is a past one, of an answer that was left on; an older one comes again."""
HORIZON = timedelta(days=400)
"""A date beyond it is a misreading, or a joke: nobody is held until 2099."""

_RANGE = (
    r"\s?(?:-|\u2013|\u2014|to|through|until|till|bis(?: zum)?|und|au|à|al|a|ao|até|tot(?: en met)?|t/m|do|"
    r"til(?: og med)?|till?(?: och med)?|до|по|и|es|az?)\s?"
)
_WEEKDAY_BEHIND = re.compile(r"⟦(\d+)⟧,? ?[(（]?⟦(\d+)⟧[)）]?")


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """One date: parts as they stand. `numeric` leaves open which of the two numbers is the month."""

    year: int | None = None
    month: int = 0
    """0 where only the day of the month is named."""
    day: int = 0
    numeric: bool = False
    weekday: int | None = None
    """Monday is 0; a weekday alone."""
    tomorrow: bool = False
    ends_range: bool = False

    def day_named(self, received: date, *, month_first: bool) -> date | None:
        """The day that is meant in a message of `received`; None where there is no such day, or none in reach."""
        if self.tomorrow:
            return received + timedelta(days=1)
        if self.weekday is not None:
            return received + timedelta(days=(self.weekday - received.weekday() - 1) % 7 + 1)
        if not self.month:
            return _next_day_numbered(self.day, received)
        orders = [(self.month, self.day)]
        if self.numeric:
            orders = (
                [(self.day, self.month), (self.month, self.day)] if month_first else [*orders, (self.day, self.month)]
            )
        days = (_in_reach(self.year, month, day, received) for month, day in orders)
        found = [named for named in days if named is not None]
        return next((named for named in found if named >= received - STALE), found[0] if found else None)


@dataclass(frozen=True, slots=True)
class DateWords:
    """The words of the file that make dates, in all languages."""

    months: dict[str, int]
    weekdays: dict[str, int]
    tomorrow: frozenset[str]
    pattern: re.Pattern[str]


def tokenized(text: str) -> tuple[str, list[WrittenDate]]:
    """`text` with each date replaced by its number in the list, in white square brackets."""
    found: list[WrittenDate] = []

    def replaced(match: re.Match[str]) -> str:
        written = _written(match)
        if written is None:
            return match.group(0)
        found.append(written)
        return f"⟦{len(found) - 1}⟧"

    numbered = date_words().pattern.sub(replaced, text.replace("⟦", "[").replace("⟧", "]"))
    return _WEEKDAY_BEHIND.sub(lambda match: _without_weekday(match, found), numbered), found


def _without_weekday(match: re.Match[str], found: Sequence[WrittenDate]) -> str:
    """ "7 December, Monday" is one date."""
    behind = found[int(match[2])]
    return match.group(0) if behind.weekday is None else f"⟦{match[1]}⟧"


def _written(match: re.Match[str]) -> WrittenDate | None:
    for form, read in _FORMS.items():
        if match.group(form) is not None:
            return read(match)
    return None


def _iso(match: re.Match[str]) -> WrittenDate:
    return WrittenDate(int(match["iso_y"]), int(match["iso_m"]), int(match["iso_d"]))


def _east_asian(match: re.Match[str]) -> WrittenDate:
    year = int(match["ea_y"]) if match["ea_y"] else None
    return WrittenDate(
        year, int(match["ea_m"]), int(match["ea_end"] or match["ea_d"]), ends_range=bool(match["ea_end"])
    )


def _worded(match: re.Match[str]) -> WrittenDate:
    month = date_words().months[match["w_month"].rstrip(".")]
    return WrittenDate(_year(match["w_y"]), month, int(match["w_d"]), ends_range=bool(match["w_from"]))


def _month_first(match: re.Match[str]) -> WrittenDate:
    month = date_words().months[match["m_month"].rstrip(".")]
    return WrittenDate(_year(match["m_y"]), month, int(match["m_end"] or match["m_d"]), ends_range=bool(match["m_end"]))


def _numeric(match: re.Match[str]) -> WrittenDate:
    first, second = int(match["n_1"]), int(match["n_2"])
    return WrittenDate(
        _year(match["n_y"]), second, first, numeric=match["n_sep"] != ".", ends_range=bool(match["n_from"])
    )


def _day_of_month(match: re.Match[str]) -> WrittenDate:
    return WrittenDate(day=int(match["d_d"]))


def _weekday(match: re.Match[str]) -> WrittenDate:
    return WrittenDate(weekday=date_words().weekdays[match["weekday"]])


def _tomorrow(_: re.Match[str]) -> WrittenDate:
    return WrittenDate(tomorrow=True)


_FORMS: dict[str, Callable[[re.Match[str]], WrittenDate]] = {
    "iso_y": _iso,
    "ea_m": _east_asian,
    "w_d": _worded,
    "m_d": _month_first,
    "n_1": _numeric,
    "d_d": _day_of_month,
    "weekday": _weekday,
    "tomorrow": _tomorrow,
}


def _year(digits: str | None) -> int | None:
    return None if not digits else int(digits) % 100 + 2000


def _in_reach(year: int | None, month: int, day: int, received: date) -> date | None:
    """Without a year: the next such day, or one just gone."""
    years = (year,) if year is not None else (received.year - 1, received.year, received.year + 1)
    days = (_valid(each, month, day) for each in years)
    oldest = received - (STALE if year is None else HORIZON)
    return next((named for named in days if named is not None and oldest <= named <= received + HORIZON), None)


def _next_day_numbered(day: int, received: date) -> date | None:
    """The next day with this number, within the next 35."""
    ahead = (received + timedelta(days=n) for n in range(1, 36))
    return next((named for named in ahead if named.day == day), None)


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@lru_cache(maxsize=1)
def date_words() -> DateWords:
    """The words of the file, compiled once."""
    table = date_table()
    months = {name: n for row in table.values() for n, name in _numbered(row["months"])}
    short = {name.rstrip("\\."): n for row in table.values() for n, name in _numbered(row["short_months"])}
    weekdays = {name: n - 1 for row in table.values() for n, name in _numbered(row["weekdays"])}
    short_days = {name for row in table.values() for _, name in _numbered(row["short_weekdays"])}
    tomorrow = frozenset(word for row in table.values() for word in row["tomorrow"])
    pattern = _pattern([*months, *short], list(weekdays), sorted(short_days), sorted(tomorrow))
    return DateWords(short | months, weekdays, tomorrow, pattern)


@lru_cache(maxsize=1)
def date_table() -> dict[str, dict[str, list[str]]]:
    """The rows of the file by language."""
    return tomllib.loads(resources.files(__package__).joinpath("return_dates.toml").read_text("utf-8"))


def _numbered(rows: Sequence[str]) -> Iterator[tuple[int, str]]:
    for number, row in enumerate(rows, start=1):
        yield from ((number, name) for name in row.split("|"))


def _pattern(
    months: Sequence[str], days: Sequence[str], short_days: Sequence[str], tomorrow: Sequence[str]
) -> re.Pattern[str]:
    month, weekday = _any_of(months), _any_of(days)
    ordinal = r"(?:st|nd|rd|th|er|e|º|ª|\.)?"
    # Of two letters, they are also words of other languages ("do", "to", "so"): those need their stop.
    long_days, two_letters = (
        [each for each in short_days if len(each) > 2],
        [each for each in short_days if len(each) <= 2],
    )
    day = rf"(?:{weekday}[.,]?|{_any_of(long_days)}[.,]?|{_any_of(two_letters)}[.,])"
    led = rf"(?:(?<!\w){day} ?(?:the |den |dem |der |d\. |dia |le |el |il |am )?,? ?)?"
    year = r"(?:,? ?(?:de |del )?(?P<{}>20\d\d)(?!\d))?"
    forms = (
        r"(?<!\d)(?P<iso_y>20\d\d)[-/.](?P<iso_m>\d{1,2})[-/.](?P<iso_d>\d{1,2})(?!\d)",
        r"(?:(?P<ea_y>20\d\d) ?[年년] ?)?(?<!\d)(?P<ea_m>\d{1,2}) ?[月월] ?(?P<ea_d>\d{1,2}) ?[日号號일]?"
        r"(?: ?(?:-|\u2013|~|\u301c|\uff5e|至|到|から|부터) ?(?P<ea_end>\d{1,2}) ?[日号號일])?",
        rf"(?<!\d){led}(?P<w_from>\d{{1,2}}{ordinal}{_RANGE})?(?<!\d)(?P<w_d>\d{{1,2}}){ordinal} ?(?:of |de |d')?"
        rf"(?P<w_month>{month})(?!\w)\.?{year.format('w_y')}",
        rf"(?<!\w){led}(?P<m_month>{month})(?!\w)\.? ?(?:the )?(?P<m_d>\d{{1,2}})(?!\d|:){ordinal}"
        rf"(?:{_RANGE}(?P<m_end>\d{{1,2}})(?!\d|:){ordinal})?{year.format('m_y')}",
        rf"(?<![\d.:/]){led}(?P<n_from>\d{{1,2}}\.{_RANGE})?(?P<n_1>\d{{1,2}}) ?(?P<n_sep>[./-]) ?(?P<n_2>\d{{1,2}})"
        r"(?:\s?(?P=n_sep)\s?(?P<n_y>20\d\d|\d\d)(?!\d)|\.?)(?![\d:]| ?(?:uhr|h\b|am\b|pm\b))",
        rf"(?<!\w){weekday},? ?(?:the |den |dem |d\. |dia |le |el |il |am )?,? ?(?P<d_d>\d{{1,2}})(?![\d:/]|\.\d){ordinal}(?!\w)",
        rf"(?<!\w)(?P<weekday>{weekday})(?!\w)",
        rf"(?<!\w)(?P<tomorrow>{_any_of(tomorrow)})(?!\w)",
    )
    return re.compile("|".join(f"(?:{form})" for form in forms))


def _any_of(words: Sequence[str]) -> str:
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"
