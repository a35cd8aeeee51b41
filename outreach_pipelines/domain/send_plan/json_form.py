"""What the JSON of frozen dataclasses shares between its writer (`json_write`) and its reader (`json_read`)."""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import NewType

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


def seldom_defaults(kind: type) -> Mapping[str, object]:
    """Fields of a dataclass that are `SELDOM`, and their defaults."""
    return {field.name: field.default for field in fields(kind) if _SELDOM in field.metadata}
