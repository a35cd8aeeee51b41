"""One seed makes a whole schedule.

Belongs here: chances, and which faults come together. Does not: what a schedule is (`schedule`).
"""

from collections.abc import Sequence
from random import Random

from outreach_pipelines.proof.schedule import (
    RUN_NAMES,
    UPKEEP,
    Answer,
    Answered,
    Call,
    CapLowered,
    ClockJumps,
    EpochRaised,
    EventDeadLettered,
    EventRepeated,
    Fault,
    FeedSilent,
    HoldSet,
    InboxUnread,
    Kill,
    Pause,
    Placement,
    Replanned,
    Replies,
    Schedule,
    Unsubscribes,
    When,
)

MINUTE = 60.0
HOUR = 3600.0


def draw(seed: int) -> Schedule:
    """The schedule of a seed."""
    chance = Random(seed)  # noqa: S311 - chance that can be repeated is what this is for
    people = chance.randint(2, 5)
    mailboxes = chance.randint(1, 2)
    return Schedule(
        chance=seed,
        placements=tuple(_placement(chance, mailboxes) for _ in range(people)),
        mailboxes=mailboxes,
        cap=chance.choice((2, 3, 40, 40, 40)),
        gap=chance.choice((30.0, 120.0)),
        kind=chance.choice(("ses", "ses", "ses", "smtp")),
        lag=chance.choice((0.0, 0.0, 10 * MINUTE, 50 * MINUTE, 70 * MINUTE)),
        runs=tuple(sorted(chance.uniform(0, 12 * MINUTE) for _ in range(chance.randint(1, 3)))),
        faults=tuple(each for _ in range(chance.randint(1, 6)) for each in _trouble(chance, people, mailboxes)),
    )


def _placement(chance: Random, mailboxes: int) -> Placement:
    due = chance.choice((0.0, 30.0, chance.uniform(0, 15 * MINUTE)))
    # Some windows end just after their slot: what is held up for a moment then comes too late.
    window = chance.choice((due + 40.0, 40 * MINUTE, 3 * HOUR, 6 * HOUR, 6 * HOUR))
    return Placement(chance.randrange(mailboxes), due, window, follow_up=chance.random() < 0.3)


def _trouble(chance: Random, people: int, mailboxes: int) -> Sequence[Fault]:
    if chance.random() < 0.15:
        return chance.choice((_lost_with_its_event, _settled_long_after))(chance)
    return (_fault(chance, people, mailboxes),)


def _lost_with_its_event(chance: Random) -> Sequence[Fault]:
    """Faults come together: an answer is lost while the events are late too."""
    number = chance.choice((1, 1, 2, 3))
    late = chance.choice(
        (
            [EventDeadLettered(event, chance.uniform(1, 5) * HOUR) for event in (1, 2, 3, 4)],
            [FeedSilent(0.0, chance.uniform(0.9, 3) * HOUR)],
        )
    )
    return [Answered(number, chance.choice((Answer.TAKE_AND_LOSE_ANSWER, Answer.TAKE_TOO_LATE)), 20 * MINUTE), *late]


def _settled_long_after(chance: Random) -> Sequence[Fault]:
    """A process learns of an answer when others have gone on without it."""
    number, how = chance.choice((1, 2)), chance.choice((Answer.REFUSE_FOR_NOW, Answer.NO_CONNECTION))
    return [Answered(number, how, 0.0), Pause(Call(RUN_NAMES[0], "call", number), chance.choice((2, 3, 4)) * HOUR)]


def _fault(chance: Random, people: int, mailboxes: int) -> Fault:
    kinds = (_kill, _kill, _pause, _answered, _answered, _events, _people, _people, _operators)
    return chance.choice(kinds)(chance, people, mailboxes)


RUN_POINTS = (
    "to_prove", "probe", "claim", "claim", "begin", "begin", "begin", "call", "call", "call", "record_accepted", "record_accepted",
    "record_refused", "record_not_sent", "record_doubt", "record_call", "next_due", "release",
)  # fmt: skip
UPKEEP_POINTS = (
    "receive", "receive", "add", "add", "prove", "acknowledge", "acknowledge", "apply_next", "apply_next", "sweep",
    "open_doubts", "held", "believe_probes", "note_probe", "probe", "release", "give_up",
)  # fmt: skip


def _call(chance: Random) -> Call:
    process = chance.choice((*RUN_NAMES, RUN_NAMES[0], RUN_NAMES[0], UPKEEP))
    points = UPKEEP_POINTS if process == UPKEEP else RUN_POINTS
    return Call(process, chance.choice(points), chance.choice((1, 1, 1, 2, 2, 3, 4)))


def _when(chance: Random) -> When:
    return _call(chance) if chance.random() < 0.6 else chance.uniform(0, 40 * MINUTE)


def _kill(chance: Random, people: int, mailboxes: int) -> Fault:
    del people, mailboxes
    return Kill(_call(chance), after_effect=chance.random() < 0.6)


def _pause(chance: Random, people: int, mailboxes: int) -> Fault:
    del people, mailboxes
    return Pause(_call(chance), chance.choice((20.0, 50.0, 100.0, 10 * MINUTE, 2 * HOUR, 4 * HOUR)))


def _answered(chance: Random, people: int, mailboxes: int) -> Fault:
    del mailboxes
    how = chance.choice(tuple(Answer))
    return Answered(chance.randint(1, people + 2), how, chance.choice((40.0, 5 * MINUTE, 20 * MINUTE)))


def _events(chance: Random, people: int, mailboxes: int) -> Fault:
    del mailboxes
    number = chance.randint(1, 2 * people)
    return chance.choice(
        (
            EventRepeated(number, chance.randint(1, 3)),
            EventDeadLettered(number, chance.uniform(1, 4) * HOUR),
            FeedSilent(chance.uniform(0, 1) * HOUR, chance.uniform(0, 3) * HOUR),
        )
    )


def _people(chance: Random, people: int, mailboxes: int) -> Fault:
    del mailboxes
    person = chance.randrange(people)
    return chance.choice((Unsubscribes(person, _when(chance)), Replies(person, _when(chance))))


def _operators(chance: Random, people: int, mailboxes: int) -> Fault:
    jump = chance.choice((-2 * HOUR, -10 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR))
    return chance.choice(
        (
            ClockJumps(chance.uniform(0, 1) * HOUR, jump),
            CapLowered(chance.randrange(mailboxes), chance.randint(0, 2), _when(chance)),
            HoldSet(chance.choice((5 * MINUTE, HOUR)), _when(chance)),
            Replanned(
                chance.randrange(people), chance.randrange(people), chance.uniform(1, 30) * MINUTE, _when(chance)
            ),
            InboxUnread(chance.uniform(0, 10 * MINUTE), chance.uniform(0.5, 2) * HOUR),
            EpochRaised(_when(chance)),
        )
    )
