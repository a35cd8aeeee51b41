"""A judge that stays silent under a broken protocol is no judge: each rule is taken out once, and must be missed."""

from dataclasses import dataclass, replace
from functools import partial

import protocol_mutants as mutants
import pytest

from outreach_pipelines.proof.drawing import draw
from outreach_pipelines.proof.judge import Promise
from outreach_pipelines.proof.memory_doubt import MemoryDoubt
from outreach_pipelines.proof.memory_events import MemoryEvents
from outreach_pipelines.proof.memory_store import MemoryStore
from outreach_pipelines.proof.memory_system import found_in_memory
from outreach_pipelines.proof.schedule import (
    RUN_NAMES,
    Answer,
    Answered,
    Call,
    EventDeadLettered,
    Fault,
    Pause,
    Placement,
    Schedule,
)
from outreach_pipelines.proof.shrink import shrink
from outreach_pipelines.proof.world import Founding, Hooks, live

HOUR = 3600.0
MINUTE = 60.0


@dataclass(frozen=True)
class Mutant:
    """A protocol with one rule less, what is broken by that, and within how many schedules of chance it must show."""

    promise: Promise
    store: type[MemoryStore] = MemoryStore
    events: type[MemoryEvents] = MemoryEvents
    doubt: type[MemoryDoubt] = MemoryDoubt
    hooks: Hooks = Hooks()  # noqa: RUF009 - frozen
    within: int = 500

    @property
    def found(self) -> Founding:
        return partial(found_in_memory, parts=(self.store, self.events, self.doubt))

    def breaks(self, schedule: Schedule) -> bool:
        return self.promise in {each.promise for each in live(schedule, self.found, self.hooks).broken()}


MUTANTS = {
    "requeues a sending message": Mutant(Promise.NEVER_TWICE, mutants.RequeuesSending),
    "retries on time-out": Mutant(Promise.NEVER_TWICE, mutants.RetriesOnTimeOut),
    "does not commit the intent": Mutant(Promise.INTENT_FIRST, mutants.CommitsIntentWithOutcome),
    "begins without its claim": Mutant(Promise.NEVER_TWICE, mutants.BeginsWithoutItsClaim, within=2000),
    "settles any attempt": Mutant(Promise.NEVER_LOST, mutants.SettlesAnyAttempt, within=1500),
    "has a short horizon": Mutant(Promise.NEVER_TWICE, hooks=Hooks(doubt=mutants.with_a_short_horizon), within=1500),
    "asks for suppressions at the claim only": Mutant(Promise.SILENCE, mutants.SuppressesAtClaim, within=1500),
    "reads suppressions before the lock": Mutant(Promise.SILENCE, mutants.ReadsSuppressionsBeforeTheLock, within=1500),
    "has no deadline": Mutant(Promise.DEADLINE, hooks=Hooks(run=mutants.without_deadline), within=1500),
    "has no pace": Mutant(Promise.PACE, mutants.PacesNothing),
    "has no caps": Mutant(Promise.CAP, mutants.CapsNothing),
    "does not ask for holds": Mutant(Promise.HOLD, mutants.HoldsNothing, within=1500),
    "does not ask for the epoch": Mutant(Promise.EPOCH, mutants.IgnoresTheEpoch),
    "counts repeated events": Mutant(Promise.COUNTED_ONCE, events=mutants.CountsRepeatedEvents),
    "sends blind": Mutant(Promise.FRESHNESS, mutants.SendsBlind, within=1500),
    "has neither evidence rule": Mutant(
        Promise.NEVER_TWICE, doubt=mutants.BelievesTheReturn, hooks=Hooks(doubt=mutants.without_the_queue)
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_protocol_that(name: str) -> None:
    mutant = MUTANTS[name]

    assert any(mutant.breaks(draw(seed)) for seed in range(mutant.within)), f"{name}: nothing was missed"


def crafted(*faults: Fault, lag: float = 0.0, window: float = 6 * HOUR, runs: tuple[float, ...] = (0.0,)) -> Schedule:
    """One message, due at once."""
    placement = Placement(mailbox=0, due=0.0, window=window, follow_up=False)
    return Schedule(7, (placement,), 1, 40, 30.0, "ses", lag, runs, faults)


FIRST = RUN_NAMES[0]
LOST = Answered(1, Answer.TAKE_AND_LOSE_ANSWER, 0.0)
CRAFTED = {
    "an answer that comes three hours late must not move what others have sent": (
        Mutant(Promise.NEVER_TWICE, mutants.SettlesAnyAttempt),
        crafted(Answered(1, Answer.REFUSE_FOR_NOW, 0.0), Pause(Call(FIRST, "call", 1), 3 * HOUR)),
    ),
    "a claim that was taken over must not begin": (
        Mutant(Promise.NEVER_TWICE, mutants.BeginsWithoutItsClaim),
        crafted(Pause(Call(FIRST, "claim", 1), 20 * MINUTE), Answered(1, Answer.TAKE_TOO_LATE, 30 * MINUTE), runs=(0.0, 9 * MINUTE)),
    ),
    "a window that ends between claim and intent is kept": (
        Mutant(Promise.WINDOW, mutants.IgnoresWindows),
        crafted(Pause(Call(FIRST, "claim", 1), 30.0), window=20.0),
    ),
    "a probe from before the intent proves nothing, however late it returns": (
        Mutant(Promise.NEVER_TWICE, doubt=mutants.BelievesTheReturn),
        crafted(LOST, lag=70 * MINUTE),
    ),
    "an event that the queue has put aside is not absent": (
        Mutant(Promise.NEVER_TWICE, hooks=Hooks(doubt=mutants.without_the_queue)),
        crafted(LOST, *(EventDeadLettered(number, 4 * HOUR) for number in (1, 2))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", CRAFTED)
def test_a_schedule_crafted_for_one_rule_alone(story: str) -> None:
    mutant, schedule = CRAFTED[story]

    chances = [replace(schedule, chance=chance) for chance in range(40)]

    assert [each for each in chances if live(each, found_in_memory).broken()] == []
    assert any(mutant.breaks(each) for each in chances)


def test_a_failing_schedule_shrinks_to_the_faults_that_it_needs() -> None:
    mutant = MUTANTS["retries on time-out"]
    failing = next(
        schedule for schedule in map(draw, range(500)) if mutant.breaks(schedule) and len(schedule.faults) > 3
    )

    shortest = shrink(failing, mutant.breaks)

    assert mutant.breaks(shortest)
    assert len(shortest.faults) < len(failing.faults)
    assert not any(mutant.breaks(shortest.without(frozenset({at}))) for at in range(len(shortest.faults)))
