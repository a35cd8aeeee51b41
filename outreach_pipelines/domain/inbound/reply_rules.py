"""The rows of `reply_rules.toml`, compiled once. What they lead to belongs to `reply_lines` and `reply_text`."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class ReplyRules:
    """One pattern for each list of the file; each is matched at the start of a line that `bare_line` made."""

    attribution: re.Pattern[str]
    loose_attribution: re.Pattern[str]
    forum_attribution: re.Pattern[str]
    verb: re.Pattern[str]
    own_sentence: re.Pattern[str]
    delimiter: re.Pattern[str]
    armour: re.Pattern[str]
    signature: re.Pattern[str]
    disclaimer: re.Pattern[str]
    sign_off: re.Pattern[str]
    header: re.Pattern[str]


@lru_cache(maxsize=1)
def reply_rules() -> ReplyRules:
    """The rules of the file."""
    table = tomllib.loads(resources.files(__package__).joinpath("reply_rules.toml").read_text("utf-8"))
    verbs, persons = "|".join(table["verbs"]), "|".join(table["persons"])
    originals = rf"^[\s>]{{0,9}}[-_=*]{{2,80}}\s?(?:{'|'.join(table['originals'])})\s?[:：]?\s?[-_=*]{{2,80}}.*$"
    return ReplyRules(
        attribution=_any_of(table["attributions"]),
        loose_attribution=_any_of(table["loose_attributions"]),
        forum_attribution=_any_of(table["forum_attributions"]),
        verb=re.compile(rf"(?<!\w)(?:{verbs})(?!\w)|{'|'.join(table['joined_verbs'])}", re.IGNORECASE),
        own_sentence=re.compile(rf"(?<!\w)(?:{persons}) (?:\w+ )?(?:{verbs})(?!\w)", re.IGNORECASE),
        delimiter=_any_of([originals, *table["delimiters"]]),
        armour=_any_of(table["armour"]),
        signature=_any_of(table["signatures"]),
        disclaimer=_any_of(table["disclaimers"]),
        sign_off=re.compile(rf"(?:{_words(table['sign_offs'])})\W*$", re.IGNORECASE),
        header=re.compile(rf"[*_#]{{0,3}}(?:{_words(table['header_labels'])})\s?[*_]{{0,3}}\s?[:：]", re.IGNORECASE),
    )


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


def _words(words: Sequence[str]) -> str:
    return "|".join(sorted(map(re.escape, set(words)), key=len, reverse=True))
