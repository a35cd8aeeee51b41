"""Frozen dataclasses to JSON and back, by their type hints.

Here belongs the form of single values: keys and sets are sorted, a union carries its class as `type`, times are UTC
with `Z`, fractions are text. Not here: which values (`codec`). A reader never raises: it adds a fault with its place.
"""

import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from fractions import Fraction
from functools import cache, lru_cache
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from types import MappingProxyType
from typing import NewType, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

Write: TypeAlias = Callable[[object], str]
Read: TypeAlias = Callable[[object, str, list[str]], object]

_TAG = "type"
_SELDOM = "seldom"
SELDOM: Mapping[str, bool] = MappingProxyType({_SELDOM: True})
"""Metadata of a field that is not written while it has its default: what came later changes no document without it."""


class UnwritableTypeError(TypeError):
    """A type hint that has no JSON form here: a fault of the program."""


@cache
def writer(hint: object) -> Write:
    """How values of a type become JSON text, without spaces, in ASCII."""
    kind = _plain(hint)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_writer(kind)
    if isinstance(kind, type) and kind in _SCALAR_WRITERS:
        return _SCALAR_WRITERS[kind]
    if isinstance(kind, type) and is_dataclass(kind):
        return _object_writer(kind)
    if get_origin(kind) in (tuple, frozenset):
        return _array_writer(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return _union_writer(kind)
    message = f"{hint!r} has no JSON form"
    raise UnwritableTypeError(message)


@cache
def reader(hint: object) -> Read:
    """How JSON becomes values of a type. A reader that adds a fault returns something of no use."""
    kind = _plain(hint)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_reader(kind)
    if isinstance(kind, type) and kind in _SCALAR_READERS:
        return _SCALAR_READERS[kind]
    if isinstance(kind, type) and is_dataclass(kind):
        return _object_reader(kind)
    if get_origin(kind) in (tuple, frozenset):
        return _array_reader(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return _union_reader(kind)
    message = f"{hint!r} has no JSON form"
    raise UnwritableTypeError(message)


def _plain(hint: object) -> object:
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint


def _quoted(value: object) -> str:
    return f'"{value}"'


def _utc_text(value: object) -> str:
    return f'"{value.isoformat()}"'.replace("+00:00", "Z") if isinstance(value, datetime) else _quoted(value)


# Thousands of rows name the same few dates.
_date_text = lru_cache(maxsize=4096)(_quoted)


_SCALAR_WRITERS: dict[type, Write] = {
    int: str,
    str: cast("Write", encode_basestring_ascii),
    bool: lambda value: "true" if value else "false",
    datetime: _utc_text,
    date: _date_text,
    time: _quoted,
    Fraction: _quoted,
}


def _enum_writer(kind: type[Enum]) -> Write:
    written: dict[object, str] = {member: _SCALAR_WRITERS[type(member.value)](member.value) for member in kind}
    return written.__getitem__


def _object_writer(kind: type, tag: str | None = None) -> Write:
    seldom = {field.name: field.default for field in fields(kind) if _SELDOM in field.metadata}
    if not seldom:
        return _template_writer(kind, tag, frozenset())
    forms: dict[frozenset[str], Write] = {}

    def write(value: object) -> str:
        absent = frozenset(name for name, default in seldom.items() if getattr(value, name) == default)
        if absent not in forms:
            forms[absent] = _template_writer(kind, tag, absent)
        return forms[absent](value)

    return write


def _template_writer(kind: type, tag: str | None, absent: frozenset[str]) -> Write:
    """An object is a template with its values set in: half the time of a dictionary that is written afterwards."""
    hints = get_type_hints(kind)
    names = sorted(field.name for field in fields(kind) if field.name not in absent)
    forms = [(index, writer(hints[name])) for index, name in enumerate(names) if _plain(hints[name]) is not int]
    values_of = _getter(names)
    places = {name: f'"{name}":%s' for name in names} | ({} if tag is None else {_TAG: f'"{_TAG}":"{tag}"'})
    template = "{" + ",".join(places[name] for name in sorted(places)) + "}"

    def write(value: object) -> str:
        values = list(values_of(value))
        for index, form in forms:
            values[index] = form(values[index])
        return template % tuple(values)

    return write


def _getter(names: Sequence[str]) -> Callable[[object], tuple[object, ...]]:
    """All attributes at once; of a single one, `attrgetter` would give no tuple."""
    first, *others = names
    return attrgetter(*names) if others else lambda value: (getattr(value, first),)


def _array_writer(kind: object) -> Write:
    encode = writer(get_args(kind)[0])
    is_set = get_origin(kind) is frozenset

    def write(value: object) -> str:
        assert isinstance(value, tuple | frozenset)  # noqa: S101 - the hint says so
        if not value:
            return "[]"
        return f"[{','.join(map(encode, sorted(value, key=str) if is_set else value))}]"

    return write


def _union_writer(kind: object) -> Write:
    members = [member for member in get_args(kind) if member is not types.NoneType]
    if len(members) == 1:
        encode = writer(members[0])
        return lambda value: "null" if value is None else encode(value)
    rows = {member: _object_writer(member, member.__name__) for member in members}
    return lambda value: "null" if value is None else rows[type(value)](value)


def _bad(value: object, where: str, wanted: str, faults: list[str]) -> None:
    shown = repr(value)
    faults.append(f"{where}: {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'} is not {wanted}")


_SHOWN = 60


def _exact_reader(kind: type, wanted: str) -> Read:
    def read(value: object, where: str, faults: list[str]) -> object:
        # Not isinstance: True is an int to Python, and no number to JSON.
        if type(value) is not kind:
            _bad(value, where, wanted, faults)
        return value

    return read


def _text_reader(parse: Callable[[str], object], wanted: str) -> Read:
    def read(value: object, where: str, faults: list[str]) -> object:
        if isinstance(value, str):
            try:
                return parse(value)
            except (ValueError, ZeroDivisionError, OverflowError):
                pass
        _bad(value, where, wanted, faults)
        return None

    return read


_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")
"""Half of a pair in UTF-16: JSON can escape it, and no UTF-8 can hold it."""


def _interned(value: object, where: str, faults: list[str]) -> object:
    """Zones, domains and companies come thousands of times: one object for each is smaller and quicker to compare."""
    if type(value) is str and (value.isascii() or not _HALF_A_CHARACTER.search(value)):
        return sys.intern(value)
    _bad(value, where, "a text", faults)
    return value


def _fraction(text: str) -> Fraction:
    # Fraction itself would count the billion zeros of 1e999999999.
    if not re.fullmatch(r"[0-9]{1,9}(?:[./][0-9]{1,9})?", text):
        raise ValueError
    return Fraction(text)


_SCALAR_READERS: dict[type, Read] = {
    int: _exact_reader(int, "a whole number"),
    str: _interned,
    bool: _exact_reader(bool, "true or false"),
    datetime: _text_reader(datetime.fromisoformat, "a time like 2026-11-21T09:00:00Z"),
    # Thousands of rows name the same few dates: one object for each is smaller and quicker to compare.
    date: _text_reader(lru_cache(maxsize=4096)(date.fromisoformat), "a date like 2026-11-21"),
    time: _text_reader(time.fromisoformat, "a time of day like 09:00:00"),
    Fraction: _text_reader(_fraction, "a fraction like 1/2"),
}


def _enum_reader(kind: type[Enum]) -> Read:
    members = {member.value: member for member in kind}

    def read(value: object, where: str, faults: list[str]) -> object:
        member = members.get(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
        if member is None:
            _bad(value, where, f"one of {', '.join(str(known) for known in members)}", faults)
        return member

    return read


def _object_reader(kind: type) -> Read:
    hints = get_type_hints(kind)
    rows = [(field.name, reader(hints[field.name])) for field in fields(kind)]
    names = frozenset(name for name, _ in rows)
    # A field that came later has a default, so that documents of before can still be read.
    needed = frozenset(field.name for field in fields(kind) if field.default is MISSING)

    def read(value: object, where: str, faults: list[str]) -> object:
        if not isinstance(value, Mapping) or not needed <= value.keys() <= names:
            _bad_object(value, where, needed, names, faults)
            return None
        before, here = len(faults), f"{where}." if where else ""
        arguments = {name: decode(value[name], here + name, faults) for name, decode in rows if name in value}
        return kind(**arguments) if len(faults) == before else None

    return read


def _bad_object(value: object, where: str, needed: frozenset[str], names: frozenset[str], faults: list[str]) -> None:
    if not isinstance(value, Mapping):
        _bad(value, where or "the document", "an object", faults)
        return
    faults.extend(f"{where or 'the document'}: {name} is missing" for name in sorted(needed - value.keys()))
    faults.extend(f"{where or 'the document'}: {name} is not known" for name in sorted(value.keys() - names, key=str))


def _array_reader(kind: object) -> Read:
    decode = reader(get_args(kind)[0])
    build = frozenset if get_origin(kind) is frozenset else tuple

    def read(value: object, where: str, faults: list[str]) -> object:
        if not isinstance(value, list):
            _bad(value, where, "a list", faults)
            return ()
        before = len(faults)
        items = [decode(item, f"{where}[{index}]", faults) for index, item in enumerate(value)]
        # What a faulty item was read as may be a list, which no set takes.
        return build(items) if len(faults) == before else ()

    return read


def _union_reader(kind: object) -> Read:
    members = [member for member in get_args(kind) if member is not types.NoneType]
    only = reader(members[0]) if len(members) == 1 else _tagged_reader(members)

    def read(value: object, where: str, faults: list[str]) -> object:
        return None if value is None else only(value, where, faults)

    return read


def _tagged_reader(members: Sequence[type]) -> Read:
    rows = {member.__name__: _object_reader(member) for member in members}

    def read(value: object, where: str, faults: list[str]) -> object:
        tag = value.get(_TAG) if isinstance(value, Mapping) else None
        decode = rows.get(tag) if isinstance(tag, str) else None
        if decode is None or not isinstance(value, Mapping):
            _bad(value, where, f"an object whose {_TAG} is one of {', '.join(rows)}", faults)
            return None
        return decode({name: item for name, item in value.items() if name != _TAG}, where, faults)

    return read
