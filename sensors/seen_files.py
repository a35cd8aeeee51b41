"""A sensor's memory of files, as its cursor. Which files it looks at, and what follows, is the sensor's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SeenFiles:
    """The fingerprint last seen of each name. `changes` makes the run keys of a state that comes back new ones."""

    prints: Mapping[str, str] = field(default_factory=dict)
    changes: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> "SeenFiles":
        """What `write` gave; nothing was seen where there is no cursor."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def write(self) -> str:
        """The cursor."""
        return json.dumps({"prints": dict(self.prints), "changes": self.changes})

    def changed(self, prints: Mapping[str, str]) -> list[str]:
        """The names whose fingerprints are new or others."""
        return [name for name, each in prints.items() if self.prints.get(name) != each]

    def then(self, prints: Mapping[str, str]) -> "SeenFiles":
        """The memory after this look. The same look gives the same memory, so that a tick may be repeated."""
        return SeenFiles(prints, self.changes + bool(self.changed(prints)))
