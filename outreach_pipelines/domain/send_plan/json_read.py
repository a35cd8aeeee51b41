"""Records out of JSON, by their type hints: the way back of `json_write`, and column by column like it.

A reader never raises: it adds a fault with its place, and then what it returns is of no use. Not here: which values
(`codec`).
"""

import re
import sys
import types
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import date, datetime, time
from enum import Enum
from fractions import Fraction
from functools import cache
from itertools import accumulate, chain, islice
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from outreach_pipelines.domain.send_plan.json_form import (
    TAG,
    UnwritableTypeError,
    field_defaults,
    is_record,
    plain,
)

Where: TypeAlias = Callable[[int], str]
"""The place in the document of each value of a column. Asked for faults only: sixty thousand rows have a million places."""
# What json.loads gives is of any type until a reader has looked at it.
ReadColumn: TypeAlias = Callable[[Sequence[Any], Where, list[str]], Sequence[Any]]

_SHOWN = 60


def read(document: object, hint: object, faults: list[str]) -> object:
    """A value of a type out of what `json.loads` gave. Raises `UnwritableTypeError` for a type without a form."""
    return _reader(hint)((document,), lambda _: "", faults)[0]


@cache
def _reader(hint: object) -> ReadColumn:
    kind = plain(hint)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_reader(kind)
    if isinstance(kind, type) and kind in _SCALARS:
        return _SCALARS[kind]
    if is_record(kind):
        return _object_reader(kind)
    if get_origin(kind) in (tuple, frozenset):
        return _array_reader(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return _union_reader(kind)
    message = f"{hint!r} has no JSON form"
    raise UnwritableTypeError(message)


def _bad(value: object, where: str, wanted: str, faults: list[str]) -> None:
    shown = "null" if value is None else repr(value)
    faults.append(f"{where}: {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'} is not {wanted}")


def _are_all(column: Sequence[object], *kinds: type) -> bool:
    """Not isinstance: True is an int to Python, and no number to JSON."""
    return set(map(type, column)) <= set(kinds)


def _exact_reader(kind: type, wanted: str) -> ReadColumn:
    def read_column(column: Sequence[Any], where: Where, faults: list[str]) -> Sequence[Any]:
        if not _are_all(column, kind):
            for place, value in enumerate(column):
                if type(value) is not kind:
                    _bad(value, where(place), wanted, faults)
        return column

    return read_column


def _text_reader(parse: Callable[[str], object], wanted: str) -> ReadColumn:
    def parsed(text: object) -> object:
        try:
            return parse(text) if isinstance(text, str) else None
        except (ValueError, ZeroDivisionError, OverflowError):
            return None

    def read_column(column: Sequence[Any], where: Where, faults: list[str]) -> Sequence[Any]:
        # Thousands of rows name the same few dates: each is parsed once, and one object for all is smaller.
        known = {value: parsed(value) for value in column if isinstance(value, str)}
        if not _are_all(column, str) or None in known.values():
            for place, value in enumerate(column):
                if not isinstance(value, str) or known[value] is None:
                    _bad(value, where(place), wanted, faults)
            return column
        return list(map(known.__getitem__, column))

    return read_column


_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")
"""Half of a pair in UTF-16: JSON can escape it, and no UTF-8 can hold it."""


def _interned(column: Sequence[Any], where: Where, faults: list[str]) -> Sequence[Any]:
    """Zones, domains and companies come thousands of times: one object for each is smaller and quicker to compare."""
    if _are_all(column, str) and all(text.isascii() or not _HALF_A_CHARACTER.search(text) for text in column):
        return list(map(sys.intern, column))
    for place, value in enumerate(column):
        if type(value) is not str or _HALF_A_CHARACTER.search(value):
            _bad(value, where(place), "a text", faults)
    return column


def _fraction(text: str) -> Fraction:
    # Fraction itself would count the billion zeros of 1e999999999.
    if not re.fullmatch(r"[0-9]{1,9}(?:[./][0-9]{1,9})?", text):
        raise ValueError
    return Fraction(text)


_SCALARS: Mapping[type, ReadColumn] = {
    int: _exact_reader(int, "a whole number"),
    str: _interned,
    bool: _exact_reader(bool, "true or false"),
    datetime: _text_reader(datetime.fromisoformat, "a time like 2026-11-21T09:00:00Z"),
    date: _text_reader(date.fromisoformat, "a date like 2026-11-21"),
    time: _text_reader(time.fromisoformat, "a time of day like 09:00:00"),
    Fraction: _text_reader(_fraction, "a fraction like 1/2"),
}


def _enum_reader(kind: type[Enum]) -> ReadColumn:
    members = {member.value: member for member in kind}
    wanted = f"one of {', '.join(map(str, members))}"

    def read_column(column: Sequence[Any], where: Where, faults: list[str]) -> Sequence[Any]:
        if _are_all(column, str, int) and members.keys() >= set(column):
            return list(map(members.__getitem__, column))
        for place, value in enumerate(column):
            if not _are_all([value], str, int) or value not in members:
                _bad(value, where(place), wanted, faults)
        return column

    return read_column


def _object_reader(kind: type) -> ReadColumn:
    forms = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    # A field that came later has a default, so that documents of before can still be read.
    defaults = field_defaults(kind)
    needed, names = forms.keys() - defaults.keys(), forms.keys()

    def is_sound(value: object) -> bool:
        return isinstance(value, Mapping) and needed <= value.keys() <= names

    def read_column(column: Sequence[Any], where: Where, faults: list[str]) -> Sequence[Any]:
        before = len(faults)
        for place in (place for place, value in enumerate(column) if not is_sound(value)):
            _bad_object(column[place], where(place), needed, names, faults)
        every = len(faults) == before
        # What an object lacks, or has too much, hides no fault of its other fields.
        objects = [place for place, value in enumerate(column) if every or isinstance(value, Mapping)]
        columns = []
        for name, form in forms.items():
            there = objects if every and name in needed else [place for place in objects if name in column[place]]
            values = form([column[place][name] for place in there], _field_of(name, there, where), faults)
            columns.append(values if name in needed else _filled(len(column), defaults[name], there, values))
        return list(map(kind, *columns)) if len(faults) == before else [None] * len(column)

    return read_column


def _field_of(name: str, there: Sequence[int], where: Where) -> Where:
    return lambda place: f"{where(there[place])}.{name}".removeprefix(".")


def _filled(length: int, default: object, there: Sequence[int], values: Sequence[object]) -> Sequence[object]:
    """Values at their places in a column, and the default everywhere else."""
    column = [default] * length
    for place, value in zip(there, values, strict=True):
        column[place] = value
    return column


def _bad_object(value: object, where: str, needed: Set[str], names: Set[str], faults: list[str]) -> None:
    if not isinstance(value, Mapping):
        _bad(value, where or "the document", "an object", faults)
        return
    faults.extend(f"{where or 'the document'}: {name} is missing" for name in sorted(needed - value.keys()))
    faults.extend(f"{where or 'the document'}: {name} is not known" for name in sorted(value.keys() - names, key=str))


def _array_reader(kind: object) -> ReadColumn:
    form = _reader(get_args(kind)[0])
    build = frozenset if get_origin(kind) is frozenset else tuple
    lists = _exact_reader(list, "a list")

    def read_column(column: Sequence[Any], where: Where, faults: list[str]) -> Sequence[Any]:
        before = len(faults)
        lists(column, where, faults)
        rows = [value if isinstance(value, list) else [] for value in column]
        items = iter(form(list(chain.from_iterable(rows)), _item_of(rows, where), faults))
        # What a faulty item was read as may be a list, which no set takes.
        return [build(islice(items, len(row))) for row in rows] if len(faults) == before else [()] * len(rows)

    return read_column


def _item_of(rows: Sequence[Sequence[object]], where: Where) -> Where:
    ends = list(accumulate(map(len, rows)))

    def where_item(place: int) -> str:
        row = bisect_right(ends, place)
        return f"{where(row)}[{place - ends[row] + len(rows[row])}]"

    return where_item


def _union_reader(kind: object) -> ReadColumn:
    members = [member for member in get_args(kind) if member is not types.NoneType]
    form = _reader(members[0]) if len(members) == 1 else _tagged_reader(members)

    def read_column(column: Sequence[Any], where: Where, faults: list[str]) -> Sequence[Any]:
        there = [place for place, value in enumerate(column) if value is not None]
        values = form([column[place] for place in there], _at(there, where), faults)
        return _filled(len(column), None, there, values)

    return read_column


def _tagged_reader(members: Sequence[type]) -> ReadColumn:
    forms = {member.__name__: _object_reader(member) for member in members}
    wanted = f"an object whose {TAG} is one of {', '.join(forms)}"

    def read_column(column: Sequence[Any], where: Where, faults: list[str]) -> Sequence[Any]:
        found: list[object] = [None] * len(column)
        by_tag: dict[str, list[int]] = {}
        for place, value in enumerate(column):
            tag = value.get(TAG) if isinstance(value, Mapping) else None
            if isinstance(tag, str) and tag in forms:
                by_tag.setdefault(tag, []).append(place)
            else:
                _bad(value, where(place), wanted, faults)
        for tag, there in by_tag.items():
            bodies = [{name: item for name, item in column[place].items() if name != TAG} for place in there]
            for place, value in zip(there, forms[tag](bodies, _at(there, where), faults), strict=True):
                found[place] = value
        return found

    return read_column


def _at(there: Sequence[int], where: Where) -> Where:
    return lambda place: where(there[place])
