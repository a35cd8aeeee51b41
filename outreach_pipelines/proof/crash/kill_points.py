"""Where a sender is killed: a stage of its dialogue with the mail server, or a moment of a transaction.

Belongs here: naming these points and waiting for them. Does not: what happens then (`crash_world`).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import assert_never

from outreach_pipelines.proof.crash.crash_world import CrashWorld
from outreach_pipelines.proof.crash.mail_ledger import Stage
from outreach_pipelines.proof.crash.postgres_tap import Moment

#: Words by which the statements of the protocol are known on their way.
CLAIM, INTENT, ACCEPTANCE, CALL = "picked as (", "app.begin_send(", "app.record_acceptance(", "app.note_calls("
_STATEMENTS = {"claim": CLAIM, "intent": INTENT, "acceptance": ACCEPTANCE}
#: The claim comes once for many messages, the other statements once for each.
_LATEST = {"claim": 1, "intent": 6, "acceptance": 6}


@dataclass(frozen=True, slots=True)
class AtStage:
    """When a dialogue reaches `stage` for the `number`th time."""

    stage: Stage
    number: int

    def __str__(self) -> str:
        """Without the number: for counting."""
        return f"mail server: {self.stage}"


@dataclass(frozen=True, slots=True)
class AtMoment:
    """When the protocol's `statement` reaches `moment` for the `number`th time."""

    moment: Moment
    statement: str
    number: int

    def __str__(self) -> str:
        """Without the number: for counting."""
        return f"database: {self.moment} {self.statement}"


KillPoint = AtStage | AtMoment


def draw_point(chance: Random) -> KillPoint:
    """A point that a sender with at least six messages before it is sure to reach."""
    if chance.random() < 0.5:
        stage = chance.choice(list(Stage))
        # How many connections a sender opens is its own affair: only the first is sure to come.
        return AtStage(stage, 1 if stage is Stage.CONNECTED else chance.randint(1, 6))
    statement = chance.choice(list(_STATEMENTS))
    return AtMoment(chance.choice(list(Moment)), statement, chance.randint(1, _LATEST[statement]))


def act_at(crash: CrashWorld, point: KillPoint, act: Callable[[], None]) -> None:
    """From the next sender on, act at this point, once."""
    crash.leave_alone()
    match point:
        case AtStage(stage, number):
            at_stage(crash, stage, number, act)
        case AtMoment(moment, statement, number):
            at_moment(crash, moment, _STATEMENTS[statement], number, act)
        case _:
            assert_never(point)


def at_stage(crash: CrashWorld, stage: Stage, number: int, act: Callable[[], None]) -> None:
    """Act when a dialogue reaches `stage` for the `number`th time."""
    count = _nth(number, act)
    crash.ledger.at = lambda reached, _recipient: count() if reached is stage else None


def at_moment(crash: CrashWorld, moment: Moment, part: str, number: int, act: Callable[[], None]) -> None:
    """Act when a statement with `part` in it reaches `moment` for the `number`th time."""
    count = _nth(number, act)
    crash.tap.at = lambda reached, statement: count() if reached is moment and part in statement else None


def _nth(number: int, act: Callable[[], None]) -> Callable[[], None]:
    lock, seen = threading.Lock(), [0]

    def count() -> None:
        with lock:
            seen[0] += 1
            reached = seen[0] == number
        if reached:
            act()

    return count
