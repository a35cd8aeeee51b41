"""A delimited file as a header and numbered rows, before anyone knows what the cells mean.

How bytes become rows is an adapter's work; what a lead's or a mailbox's cells mean is `lead`'s or the inventory's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class RowFault(StrEnum):
    """Why the cells of one row could not be read. The rows after it are not in doubt."""

    NOT_UTF8 = "not_utf8"
    NUL = "nul"
    TOO_MANY_CELLS = "too_many_cells"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Header:
    line: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """`line` is the physical line, from 1, on which the row begins. `cells` are as many as the header has, or fewer."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    line: int
    fault: RowFault
    sentence: str
    cells: tuple[str, ...]


TableRow = Row | UnreadableRow


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` reads as it goes, once, and may raise `UnreadableFile`."""

    header: Header
    rows: Iterator[TableRow]


class UnreadableFile(Exception):
    """From `line` on nothing can be read with certainty, so nothing of this file is applied."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")
        self.line = line
        self.sentence = sentence
