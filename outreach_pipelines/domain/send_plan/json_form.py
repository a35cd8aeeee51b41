"""What the JSON of records (frozen dataclasses and named tuples) shares between its writer (`json_write`) and its reader (`json_read`)."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import MappingProxyType
from typing import NewType, TypeGuard

TAG = "type"
"""The key under which a union's object carries its class."""
_SELDOM = "seldom"
SELDOM: Mapping[str, bool] = MappingProxyType({_SELDOM: True})
"""Metadata of a field that is not written while it has its default: what came later changes no document without it."""


class UnwritableTypeError(TypeError):
    """A type hint that has no JSON form here: a fault of the program."""


def plain(hint: object) -> object:
    """The type behind names given to it."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint


def is_record(kind: object) -> TypeGuard[type]:
    """Whether its values are written as objects."""
    return isinstance(kind, type) and (is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields")))


def field_defaults(record: type) -> Mapping[str, object]:
    """Of fields that a document may lack."""
    if is_dataclass(record):
        return {field.name: field.default for field in fields(record) if field.default is not MISSING}
    named: Mapping[str, object] = getattr(record, "_field_defaults", {})
    return named


def seldom_defaults(record: type) -> Mapping[str, object]:
    """Fields of a record that are `SELDOM`, and their defaults."""
    rows = fields(record) if is_dataclass(record) else ()
    return {field.name: field.default for field in rows if _SELDOM in field.metadata}
