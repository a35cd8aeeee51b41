"""The patterns of `report_phrases.toml`, compiled once. What they lead to belongs to the modules that ask."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class ReportPhrases:
    """One pattern for each list of the file."""

    mail_system: re.Pattern[str]
    machine: re.Pattern[str]
    opening: re.Pattern[str]
    title: re.Pattern[str]
    list_refusal: re.Pattern[str]
    failure: re.Pattern[str]
    delays: tuple[str, ...]
    original: re.Pattern[str]
    challenge: re.Pattern[str]


@lru_cache(maxsize=1)
def report_phrases() -> ReportPhrases:
    """The phrases; `original` matches whole line starts, or a header that only a returned message has."""
    table = tomllib.loads(resources.files(__package__).joinpath("report_phrases.toml").read_text("utf-8"))
    originals = "|".join(table["originals"])
    return ReportPhrases(
        mail_system=_any_of(table["mail_systems"]),
        machine=_any_of(table["machines"]),
        opening=re.compile("|".join(table["openings"]), re.IGNORECASE | re.MULTILINE),
        title=_any_of(table["titles"]),
        list_refusal=re.compile("|".join(table["list_refusals"]), re.IGNORECASE | re.MULTILINE),
        failure=_any_of(table["failures"]),
        delays=tuple(table["delays"]),
        original=re.compile(
            rf"^[ \t>*\-_=#]*(?:{originals})|^(?:return-path|received|dkim-signature|arc-seal):",
            re.IGNORECASE | re.MULTILINE,
        ),
        challenge=_any_of(table["challenges"]),
    )


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)
