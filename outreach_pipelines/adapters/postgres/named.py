"""Named SQL statements, read from `queries/*.sql`.

A file is a list of `-- name: NAME` blocks, each followed by a line that says what the statement is for.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import TextClause, text

_BLOCK = re.compile(
    r"^-- name: (?P<name>\w+)\n-- (?P<purpose>[^\n]+)\n(?P<body>.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL
)


@cache
def statements(subject: str) -> Mapping[str, TextClause]:
    """The statements of `queries/SUBJECT.sql` by name. Raises `ValueError` for a file with none or a name twice."""
    source = (Path(__file__).parent / "queries" / f"{subject}.sql").read_text(encoding="utf-8")
    found = [(block["name"], text(block["body"].strip().rstrip(";"))) for block in _BLOCK.finditer(source)]
    if not found or len(dict(found)) != len(found):
        message = f"queries/{subject}.sql holds no statement, or one name twice"
        raise ValueError(message)
    return MappingProxyType(dict(found))
