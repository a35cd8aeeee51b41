"""What broke a promise, told from the ledger of the mail server and from the database's states alone.

Belongs here: that comparison. Does not: reading either of them, nor anything that the senders say of themselves.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DOUBT = frozenset({"in_doubt", "unknown"})
#: States in which a message that a server took may be.
KNOWN_TO_BE_OUT = DOUBT | {"accepted"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Recipients by what is wrong with them, and in `doubtful` those of whom nothing is said, rightly or not."""

    twice: tuple[str, ...]
    taken_unknown: tuple[str, ...]
    left: tuple[str, ...]
    never_taken: tuple[str, ...]
    doubtful: tuple[str, ...]

    @property
    def lost(self) -> tuple[str, ...]:
        """Neither sent nor in honest doubt."""
        return self.left + self.never_taken

    def faults(self) -> list[str]:
        """A sentence for each promise that was broken."""
        return [
            *(f"{each}: taken more than once" for each in self.twice),
            *(f"{each}: taken, and the database does not know" for each in self.taken_unknown),
            *(f"{each}: neither sent nor in doubt" for each in self.left),
            *(f"{each}: accepted, and never taken" for each in self.never_taken),
        ]


def judge(taken: Sequence[str], states: Mapping[str, str]) -> Verdict:
    """Judge by who was written to, once for each message taken, and each recipient's message as the database has it."""
    times = Counter(taken)
    return Verdict(
        twice=tuple(each for each, count in times.items() if count > 1),
        taken_unknown=tuple(each for each in times if states.get(each) not in KNOWN_TO_BE_OUT),
        left=tuple(each for each, state in states.items() if state not in KNOWN_TO_BE_OUT and not times[each]),
        never_taken=tuple(each for each, state in states.items() if state == "accepted" and not times[each]),
        doubtful=tuple(each for each, state in states.items() if state in DOUBT),
    )
