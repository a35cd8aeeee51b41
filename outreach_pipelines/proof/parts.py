"""The parts of a long proof that are lived already, in a file: a proof of hours that is ended goes on where it stood.

Belongs here: writing sums down and reading them back. Does not: what is counted (`runner`). One line of JSON a part, after a
first line that names the code that was proven: parts of other code are refused, not added up.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from outreach_pipelines.errors import OutreachError
from outreach_pipelines.proof.runner import Sum

_PROVEN = ("domain", "application", "proof")


class UnusableParts(OutreachError):
    """The file is not one of parts, is of other code, or cannot be written."""


@dataclass(frozen=True, slots=True)
class PartsFile:
    """`Parts` in a file. A line that was cut off by the end of its process is lived again."""

    path: Path
    lived: dict[tuple[int, int], Sum] = field(default_factory=dict)

    def known(self, seeds: range) -> Sum | None:
        """See `Parts.known`."""
        return self.lived.get((seeds.start, seeds.stop))

    def keep(self, seeds: range, part: Sum) -> None:
        """See `Parts.keep`."""
        line = {"first": seeds.start, "end": seeds.stop, **_written(part)}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def open_parts(path: Path) -> PartsFile:
    """The file at `path`, begun where there is none. Raises `UnusableParts`."""
    try:
        if not path.exists():
            path.write_text(json.dumps({"code": code_proven()}) + "\n")
        first, *lines = path.read_text().splitlines()
        whose = json.loads(first)
    except (OSError, ValueError) as fault:
        message = f"{path} cannot be used as a file of parts: {fault}"
        raise UnusableParts(message) from fault
    if not isinstance(whose, dict) or whose.get("code") != code_proven():
        message = f"{path} holds parts of a proof of other code; name another file"
        raise UnusableParts(message)
    _end_last_line(path)
    return PartsFile(path, dict(filter(None, map(_read, lines))))


def code_proven() -> str:
    """A digest of the sources of protocol and proof."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for room in _PROVEN:
        for source in sorted((root / room).rglob("*.py")):
            digest.update(source.relative_to(root).as_posix().encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _end_last_line(path: Path) -> None:
    if not path.read_text().endswith("\n"):
        with path.open("a") as file:
            file.write("\n")


def _written(part: Sum) -> dict[str, object]:
    return {
        "schedules": part.schedules,
        "duplicates": part.duplicates,
        "lost": part.lost,
        "broken": part.broken,
        "unknown": part.unknown,
        "released_on_absence": part.released_on_absence,
        "sent": part.sent,
        "states": part.states,
        "injected": part.injected,
        "failing": part.failing,
    }


def _read(line: str) -> tuple[tuple[int, int], Sum] | None:
    try:
        told = json.loads(line)
        seeds = (int(told.pop("first")), int(told.pop("end")))
        part = Sum(
            broken=Counter(told.pop("broken")),
            states=Counter(told.pop("states")),
            injected=Counter(told.pop("injected")),
            **told,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return seeds, part
