"""YAML as plain text values that remember their lines.

Every scalar stays text: YAML 1.1 would read the country NO as false and 08:30 as 510. What a value means is `models`'.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import yaml

YamlValue: TypeAlias = "str | list[YamlValue] | dict[str, YamlValue] | None"
Path: TypeAlias = "tuple[str | int, ...]"

LARGEST_FILE: Final = 1 << 18
DEEPEST: Final = 20
_NULLS: Final = frozenset({"", "~", "null"})


@dataclass(frozen=True, slots=True)
class LinedYaml:
    """`lines` gives the line, from 1, of each path into `value`."""

    value: YamlValue
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """The line of the value at `path`, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class UnreadableYaml(Exception):
    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


def read_yaml(octets: bytes) -> LinedYaml:
    """Raises `UnreadableYaml` for all that is not one plain document: aliases, doubled keys, wrong encoding, excess."""
    try:
        text = _text(octets)
        _refuse_depth(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        raise UnreadableYaml(mark.line + 1 if mark else 1, f"This is no YAML: {fault.problem}.") from None
    except (yaml.YAMLError, ValueError) as fault:
        raise UnreadableYaml(1, f"This is no YAML: {type(fault).__name__}.") from None
    if node is None:
        raise UnreadableYaml(1, "The file is empty.")
    walk = _Walk({}, set())
    return LinedYaml(walk.value(node, ()), walk.lines)


def _refuse_depth(text: str) -> None:
    # Before composing: that recurses for each level, and the scanner's time grows with the square of the depth.
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise UnreadableYaml(line, f"The file is nested deeper than {DEEPEST} levels.")


def _text(octets: bytes) -> str:
    if len(octets) > LARGEST_FILE:
        raise UnreadableYaml(1, f"The file has more than {LARGEST_FILE} octets.")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise UnreadableYaml(octets.count(b"\n", 0, fault.start) + 1, "This line is not UTF-8.") from None


@dataclass(frozen=True, slots=True)
class _Walk:
    lines: dict[Path, int]
    seen: set[int]

    def value(self, node: yaml.Node, path: Path) -> YamlValue:
        line = self.lines[path] = node.start_mark.line + 1
        if id(node) in self.seen:
            raise UnreadableYaml(line, "Anchors and aliases are not read here: write the value out.")
        self.seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, YamlValue]:
        found: dict[str, YamlValue] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise UnreadableYaml(line, "A key is a plain word.")
            key = cast("str", key_node.value)
            if key in found:
                raise UnreadableYaml(line, f"{key} stands here a second time.")
            found[key] = self.value(value_node, (*path, key))
            self.lines[(*path, key)] = line
        return found


def _scalar(node: yaml.Node) -> str | None:
    text = cast("str", node.value)
    quoted = isinstance(node, yaml.ScalarNode) and node.style is not None
    return None if text.lower() in _NULLS and not quoted else text
