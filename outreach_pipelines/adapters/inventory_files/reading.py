"""From what pydantic found to faults with file, line and field; from a row to its columns."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from pydantic import ValidationError

from outreach_pipelines.adapters.inventory_files.values import FileModel
from outreach_pipelines.adapters.inventory_files.yaml_lines import LinedYaml, YamlValue
from outreach_pipelines.adapters.inventory_files.yaml_lines import Path as YamlPath
from outreach_pipelines.application.import_inventory import InventoryFault
from outreach_pipelines.application.stored_objects import ObjectKey
from outreach_pipelines.domain.delimited import Header, Row

Place: TypeAlias = "tuple[str, int]"
"""A file's key and a line."""


def invalid(file: ObjectKey, lined: LinedYaml, found: ValidationError) -> Iterable[InventoryFault]:
    """One fault for each error of a YAML file, at the line of the value or of what should hold it."""
    errors = found.errors(include_url=False, include_context=False, include_input=False)
    places = [error["loc"] for error in errors]
    for error in errors:
        if error["type"] == "too_short" and _holds_a_fault(error["loc"], places):
            continue  # pydantic counts the sound members only: the list is as long as it should be
        path = _written_path(error["loc"], lined.value)
        yield InventoryFault(file, lined.line(path), ".".join(map(str, path)), _sentence(error["msg"]))


def invalid_row(file: ObjectKey, line: int, found: ValidationError) -> Iterable[InventoryFault]:
    """One fault for each cell of a row that cannot be read."""
    for error in found.errors(include_url=False, include_context=False, include_input=False):
        yield InventoryFault(file, line, str(error["loc"][0]) if error["loc"] else "", _sentence(error["msg"]))


def header_faults(file: ObjectKey, header: Header, model: type[FileModel]) -> Sequence[InventoryFault]:
    """Columns the model does not know, lacks, or meets twice."""
    names = [_column(name) for name in header.names]
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    sentences = [
        *((name, "There is no such column here.") for name in names if name not in model.model_fields),
        *((name, "This column is missing.") for name in required if name not in names),
        *((name, f"{count} columns have this name.") for name, count in Counter(names).items() if count > 1),
    ]
    return [InventoryFault(file, header.line, name, sentence) for name, sentence in sentences]


def cells_by_column(header: Header, row: Row) -> Mapping[str, str]:
    """The cells that hold anything; an empty one counts as left out."""
    pairs = zip(header.names, row.cells, strict=False)
    return {_column(name): cell for name, cell in pairs if cell.strip()}


def _column(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _holds_a_fault(loc: YamlPath, places: Iterable[YamlPath]) -> bool:
    return any(len(place) > len(loc) and place[: len(loc)] == loc for place in places)


def _written_path(loc: YamlPath, value: YamlValue) -> YamlPath:
    """pydantic's location without what it adds of its own, such as the tag of a union."""
    path: list[str | int] = []
    for index, part in enumerate(loc):
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif index < len(loc) - 1 or not isinstance(value, dict):
            continue
        path.append(part)
    return tuple(path)


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
