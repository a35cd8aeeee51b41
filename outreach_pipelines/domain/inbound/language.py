"""The language of a short text, by its script or its everyday words. None where that leaves it open.

Good enough to choose who reads a reply; what decides anything is the phrase that was found (`phrases`).
"""

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from outreach_pipelines.domain.inbound.message import Language
from outreach_pipelines.domain.inbound.written_dates import date_table

MAX_JUDGED = 2_000
_LETTERS_NEEDED = 2
_SHARE_OF_SCRIPT = 0.3
_HITS_NEEDED = 2
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_ADDRESSES = re.compile(r"\S*(?:@|://|www\.)\S*")
# Kana before Han: Japanese is written in both.
_SCRIPTS = (
    (Language("ja"), re.compile("[\u3040-\u30ff]")),
    (Language("ko"), re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    (Language("zh"), re.compile("[\u4e00-\u9fff\u3400-\u4dbf]")),
    (Language("el"), re.compile("[\u0370-\u03ff]")),
    (Language("he"), re.compile("[\u0590-\u05ff]")),
    (Language("ar"), re.compile("[\u0600-\u06ff]")),
    (Language("th"), re.compile("[\u0e00-\u0e7f]")),
)


@dataclass(frozen=True, slots=True)
class _Traits:
    """What points to which languages: words, and letters."""

    words: dict[str, tuple[Language, ...]]
    letters: dict[str, tuple[Language, ...]]


def language_of(text: str) -> Language | None:
    """The language of `text`, or None where nothing tells one from the others."""
    judged = _ADDRESSES.sub(" ", text[:MAX_JUDGED]).replace("\u2019", "'").lower()
    return _by_script(judged) or _by_words(judged)


def _by_script(judged: str) -> Language | None:
    letters = sum(map(str.isalpha, judged))
    for language, script in _SCRIPTS:
        found = len(script.findall(judged))
        # A kana particle stands in each Japanese sentence, also in one of many Han characters.
        enough = _LETTERS_NEEDED if language == "ja" else max(_LETTERS_NEEDED, letters * _SHARE_OF_SCRIPT)
        if found >= enough and found * 20 >= letters:
            return language
    return None


def _by_words(judged: str) -> Language | None:
    words = _WORD.findall(judged)
    traits = _traits()
    score = Counter(language for word in dict.fromkeys(words) for language in traits.words.get(word, ()))
    score.update(language for letter in set(judged) for language in traits.letters.get(letter, ()))
    ranked = score.most_common(2)
    if not ranked:
        return None
    best, most = ranked[0]
    second = ranked[1][1] if len(ranked) > 1 else 0
    needed = 1 if len(words) <= _HITS_NEEDED else _HITS_NEEDED
    return best if most >= needed and most > second else None


@lru_cache(maxsize=1)
def _traits() -> _Traits:
    table = tomllib.loads(resources.files(__package__).joinpath("languages.toml").read_text("utf-8"))
    days = date_table()
    words: dict[str, tuple[Language, ...]] = {}
    letters: dict[str, tuple[Language, ...]] = {}
    for code, rows in table.items():
        for word in dict.fromkeys(rows["words"].split()):
            words[word] = (*words.get(word, ()), Language(code))
        for row in (*days.get(code, {}).get("months", ()), *days.get(code, {}).get("weekdays", ())):
            for word in row.split("|"):
                words[word] = (*words.get(word, ()), Language(code))
        for letter in dict.fromkeys(rows.get("letters", "")):
            letters[letter] = (*letters.get(letter, ()), Language(code))
    return _Traits(words, letters)
