"""What a look at the system found: how much it matters, what it is, and its cure; and how its numbers are said.

Belongs here: the shape and the small words. Does not: what is a fault (`diagnose`, `judge_plans`).
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much it matters: a fault keeps mail from leaving, a warning some of it, or soon."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `cure` says what to do, and is empty when there is nothing to."""

    level: Level
    what: str
    cure: str = ""


def fine(what: str) -> Finding:
    """As it should be."""
    return Finding(Level.OK, what)


def warning(what: str, cure: str) -> Finding:
    """Keeps some mail back, or will."""
    return Finding(Level.WARNING, what, cure)


def fault(what: str, cure: str) -> Finding:
    """Keeps mail back."""
    return Finding(Level.FAULT, what, cure)


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 message`, `2 messages`; `plural` for nouns that take more than an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
