"""A failing schedule made as short as it can be, and told as a story.

Belongs here: dropping faults while the failure stays (delta debugging: A. Zeller and R. Hildebrandt, "Simplifying and
Isolating Failure-Inducing Input", IEEE TSE 28(2), 2002), and the words. Does not: the judgement.
"""

from collections.abc import Callable, Sequence

from outreach_pipelines.proof.journal import Journal
from outreach_pipelines.proof.judge import Broken
from outreach_pipelines.proof.schedule import Schedule, told


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """The schedule without every fault that the failure does not need; `fails` must hold of the one given.

    No single fault of the result can be left out.
    """
    size = max(1, len(schedule.faults) // 2)
    while True:
        shorter = _without_one_piece(schedule, size, fails)
        if shorter is not None:
            schedule = shorter
        elif size > 1:
            size //= 2
        else:
            return schedule


def _without_one_piece(schedule: Schedule, size: int, fails: Callable[[Schedule], bool]) -> Schedule | None:
    for first in range(0, len(schedule.faults), size):
        shorter = schedule.without(frozenset(range(first, first + size)))
        if fails(shorter):
            return shorter
    return None


def story(seed: int, schedule: Schedule, journal: Journal, broken: Sequence[Broken]) -> str:
    """What was planned, what befell it, what happened moment by moment, and which promises were broken."""
    planned = [
        f"  person {number}: {'follow-up' if each.follow_up else 'first mail'} from mailbox {each.mailbox}, "
        f"due {each.due:.0f} s after the hour, window ends after {each.window:.0f} s"
        for number, each in enumerate(schedule.placements)
    ]
    start = journal.story[0][0] if journal.story else None
    moments = [f"  {at:%H:%M:%S} {what}" for at, what in sorted(journal.story, key=lambda line: line[0])]
    return "\n".join(
        [
            f"seed {seed}: {schedule.kind}, gap {schedule.gap:.0f} s, cap {schedule.cap}, events {schedule.lag:.0f} s late",
            "planned",
            *planned,
            "faults",
            *(f"  {told(each)}" for each in schedule.faults),
            f"what happened{'' if start is None else f' on {start:%Y-%m-%d}, machine time'}",
            *moments,
            "broken promises",
            *(f"  {each.promise}: {each.how}" for each in broken),
        ]
    )
