"""Twenty thousand seeded lives of one hour, each with faults of its own, over the production batch loop."""

import re

import pytest

from outreach_pipelines.proof.drawing import draw
from outreach_pipelines.proof.memory_system import found_in_memory
from outreach_pipelines.proof.runner import Sum, run_chunk, run_schedules
from outreach_pipelines.proof.schedule import Answer, Placement, Schedule
from outreach_pipelines.proof.shrink import story
from outreach_pipelines.proof.world import live

SCHEDULES = 20_000
#: Faults that have too many names to be listed, by what their names begin with.
EVERY_FAULT = (
    "Kill: run at begin", "Kill: run at call", "Kill: run at record_accepted", "Kill: run at claim", "Kill: upkeep at add",
    "Kill: upkeep at acknowledge", "Kill: upkeep at apply_next", "Kill: upkeep at open_doubts", "Pause", "EventRepeated",
    "EventDeadLettered", "FeedSilent", "Unsubscribes", "Replies", "ClockJumps", "CapLowered", "HoldSet", "Replanned",
    "InboxUnread", "EpochRaised", *(f"Answered: {how}" for how in Answer),
)  # fmt: skip


@pytest.fixture(scope="module")
def lived() -> Sum:
    return run_schedules(range(SCHEDULES), processes=2, progress=lambda _: None)


def test_no_schedule_breaks_a_promise(lived: Sum) -> None:
    assert lived.schedules == SCHEDULES
    assert lived.failing == [], "\n\n".join(lived.stories)


@pytest.mark.parametrize("fault", EVERY_FAULT)
def test_the_schedules_hold_every_fault_many_times(lived: Sum, fault: str) -> None:
    assert lived.injected[fault] >= SCHEDULES / 1000


def test_the_schedules_reach_every_way_in_which_a_message_may_end(lived: Sum) -> None:
    assert set(lived.states) == {"accepted", "failed", "suppressed", "expired", "cancelled", "superseded", "unknown"}
    assert lived.released_on_absence >= SCHEDULES / 100
    assert lived.sent > SCHEDULES


def test_a_seed_lives_the_same_life_again() -> None:
    first, again = (live(draw(21), found_in_memory) for _ in range(2))

    assert first.journal.story == again.journal.story
    assert first.messages == again.messages


def test_the_sum_does_not_depend_on_how_many_processes_share_the_work() -> None:
    alone = run_chunk(range(250), found_in_memory)

    shared = run_schedules(range(250), processes=2, progress=lambda _: None, chunk=50)

    assert shared == alone


def test_a_world_without_faults_sends_every_message_within_its_hour() -> None:
    placements = tuple(Placement(0, 30.0 * each, 3600.0, follow_up=False) for each in range(4))
    calm = Schedule(1, placements, 1, 40, 120.0, "ses", 0.0, (0.0, 0.0, 60.0), ())

    witnesses = live(calm, found_in_memory)

    assert [each.state for each in witnesses.messages] == ["accepted"] * 4
    assert len(witnesses.journal.taken) == 4
    assert witnesses.broken() == []


def test_a_story_names_what_was_planned_what_befell_it_and_what_came_of_it() -> None:
    told = story_of_calm()

    assert re.search(r"person 0: first mail from mailbox 0, due 0 s after the hour", told)
    assert re.search(r"12:00:\d\d run 1 begins the hour of 12:00", told)
    assert re.search(r"the provider takes attempt 1 of message 1 to person0@example.test", told)


def story_of_calm() -> str:
    calm = Schedule(1, (Placement(0, 0.0, 3600.0, follow_up=False),), 1, 40, 120.0, "ses", 0.0, (0.0,), ())
    witnesses = live(calm, found_in_memory)
    return story(1, calm, witnesses.journal, witnesses.broken())
