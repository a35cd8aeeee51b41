"""Records as JSON text, by their type hints: keys and sets are sorted, a union carries its class as `type`, times
are UTC with `Z`, fractions are text; no spaces, ASCII.

A writer takes a column, all values of one type, and gives their texts in order: the fields of sixty thousand rows are
written by a dozen loops of the interpreter instead of a million calls. Not here: which values (`codec`), reading
(`json_read`).
"""

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum
from fractions import Fraction
from functools import cache
from itertools import chain, islice, repeat
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from outreach_pipelines.domain.send_plan.json_form import (
    TAG,
    UnwritableTypeError,
    is_record,
    plain,
    seldom_defaults,
)

# The type of a column's values is known from the hint it is written by, and to nobody else.
WriteColumn: TypeAlias = Callable[[Sequence[Any]], Iterator[str]]


def text(value: object, hint: object) -> str:
    """A value of a type as canonical JSON. Raises `UnwritableTypeError` for a type without a form."""
    return next(_writer(hint)((value,)))


@cache
def _writer(hint: object) -> WriteColumn:
    kind = plain(hint)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_writer(kind)
    if isinstance(kind, type) and kind in _SCALARS:
        return _SCALARS[kind]
    if is_record(kind):
        return _object_writer(kind)
    if get_origin(kind) is tuple:
        return _tuple_writer(plain(get_args(kind)[0]))
    if get_origin(kind) is frozenset:
        one = _array_writer(get_args(kind)[0])
        return _each_once(lambda items: next(one([sorted(items, key=str)])))
    if get_origin(kind) in (Union, types.UnionType):
        return _union_writer(kind)
    message = f"{hint!r} has no JSON form"
    raise UnwritableTypeError(message)


def _each_once(write: Callable[[Any], str]) -> WriteColumn:
    """Thousands of rows name the same few dates, states and hours: each of them is written once."""

    def write_column(column: Sequence[Any]) -> Iterator[str]:
        known = {value: write(value) for value in dict.fromkeys(column)}
        return map(known.__getitem__, column)

    return write_column


def _often_once(write: Callable[[Any], str]) -> WriteColumn:
    """Zones, steps and reasons come again and again, persons do not."""
    repeated = _each_once(write)
    return lambda column: repeated(column) if 2 * len(frozenset(column)) < len(column) else map(write, column)


def _quoted(value: object) -> str:
    return f'"{value}"'


def _utc_text(moment: datetime) -> str:
    return f'"{moment.isoformat()}"'.replace("+00:00", "Z")


_SCALARS: Mapping[type, WriteColumn] = {
    int: _often_once(str),
    str: _often_once(encode_basestring_ascii),
    bool: _each_once(lambda value: "true" if value else "false"),
    datetime: _often_once(_utc_text),
    date: _each_once(_quoted),
    time: _each_once(_quoted),
    Fraction: _each_once(_quoted),
}


def _enum_writer(kind: type[Enum]) -> WriteColumn:
    written = {member: next(_SCALARS[type(member.value)]((member.value,))) for member in kind}
    return lambda column: map(written.__getitem__, column)


def _object_writer(kind: type, tag: str | None = None) -> WriteColumn:
    defaults = seldom_defaults(kind)
    if not defaults:
        return _template_writer(kind, tag, frozenset())

    def absent(value: object) -> frozenset[str]:
        return frozenset(name for name, default in defaults.items() if getattr(value, name) == default)

    form = cache(lambda names: _template_writer(kind, tag, names))
    return lambda column: _mixed(column, list(map(absent, column)), form)


def _template_writer(kind: type, tag: str | None, absent: frozenset[str]) -> WriteColumn:
    """An object is its keys and the texts of its values, joined: a third of the time of a format string."""
    hints = get_type_hints(kind)
    forms = {name: _writer(hints[name]) for name in hints.keys() - absent}
    fields_of = _fields_of_tuples if issubclass(kind, tuple) else _fields_of_objects
    if tag is not None:
        forms[TAG] = lambda column: repeat(f'"{tag}"', len(column))
    names = sorted(forms)
    keys = [f'{"," if place else "{"}"{name}":' for place, name in enumerate(names)]

    def write(column: Sequence[Any]) -> Iterator[str]:
        values = {TAG: column, **fields_of(column, tuple(hints))}
        texts = ((repeat(key, len(column)), forms[name](values[name])) for key, name in zip(keys, names, strict=True))
        return map("".join, zip(*chain.from_iterable(texts), repeat("}", len(column)), strict=True))

    return write


def _fields_of_objects(rows: Sequence[Any], names: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    return {name: list(map(attrgetter(name), rows)) for name in names}


def _fields_of_tuples(rows: Sequence[Any], names: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    columns = zip(*rows, strict=True) if rows else repeat(())
    return dict(zip(names, columns, strict=False))


def _tuple_writer(item: object) -> WriteColumn:
    """Lists of accounts or reasons are few; times and rows are not, and cost more to tell apart than to write."""
    form = _array_writer(item)
    is_short = isinstance(item, type) and (item is int or issubclass(item, Enum))
    return _each_once(lambda items: next(form([items]))) if is_short else form


def _array_writer(item: object) -> WriteColumn:
    encode = _writer(item)

    def write(column: Sequence[Any]) -> Iterator[str]:
        texts = encode(list(chain.from_iterable(column)))
        return (f"[{','.join(islice(texts, len(items)))}]" for items in column)

    return write


def _union_writer(kind: object) -> WriteColumn:
    members = [member for member in get_args(kind) if member is not types.NoneType]
    form = _writer(members[0]) if len(members) == 1 else _tagged_writer(members)

    def write(column: Sequence[Any]) -> Iterator[str]:
        there = [place for place, value in enumerate(column) if value is not None]
        if len(there) == len(column):
            return form(column)
        texts = ["null"] * len(column)
        _fill(texts, column, there, form)
        return iter(texts)

    return write


def _tagged_writer(members: Sequence[type]) -> WriteColumn:
    forms = {member: _object_writer(member, member.__name__) for member in members}
    return lambda column: _mixed(column, list(map(type, column)), forms.__getitem__)


def _mixed(column: Sequence[Any], kinds: Sequence[Any], form_of: Callable[[Any], WriteColumn]) -> Iterator[str]:
    """Each value by the writer of its kind."""
    texts = [""] * len(column)
    for kind in dict.fromkeys(kinds):
        _fill(texts, column, [place for place, own in enumerate(kinds) if own == kind], form_of(kind))
    return iter(texts)


def _fill(texts: list[str], column: Sequence[Any], places: Sequence[int], form: WriteColumn) -> None:
    """Writes the values at some places of a column."""
    for place, written in zip(places, form([column[place] for place in places]), strict=True):
        texts[place] = written
