from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from outreach_pipelines.application.step_clock import DueState, World, step

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
IDLE = DueState(under_way=0, in_doubt=0, next_due=None, retry_waits=0)


@dataclass
class HandHeldTime:
    """`SteppedTime` in memory, which notes in what order the worlds were moved."""

    state: DueState = IDLE
    at: datetime = NOON
    seen: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def set(self, moment: datetime) -> None:
        self.seen.append(f"senders {moment:%H:%M}")
        self.at = moment

    def due_state(self) -> DueState:
        return self.state

    @property
    def world(self) -> World:
        return World(lambda moment: self.seen.append(f"people {moment:%H:%M}"), lambda: self.seen.append("drained"))


def test_time_goes_to_the_next_due_moment_and_no_farther() -> None:
    time = HandHeldTime(replace(IDLE, next_due=NOON + 7 * MINUTE))

    assert step(time, time.world, until=NOON + 60 * MINUTE) == NOON + 7 * MINUTE


def test_time_goes_to_the_whole_minute_in_which_something_has_come_due_and_never_beyond_the_end() -> None:
    due = HandHeldTime(replace(IDLE, next_due=NOON + 7 * MINUTE + timedelta(seconds=20)))
    at_the_end = HandHeldTime(replace(IDLE, next_due=NOON + timedelta(seconds=20)))

    assert step(due, due.world, until=NOON + 60 * MINUTE) == NOON + 8 * MINUTE
    assert step(at_the_end, at_the_end.world, until=NOON + MINUTE / 2) == NOON + MINUTE / 2


def test_time_goes_to_the_end_where_nothing_is_due_before() -> None:
    for next_due in (None, NOON + 90 * MINUTE):
        time = HandHeldTime(replace(IDLE, next_due=next_due))

        assert step(time, time.world, until=NOON + 60 * MINUTE) == NOON + 60 * MINUTE


def test_people_act_and_their_news_is_brought_home_before_the_senders_of_that_moment_do() -> None:
    time = HandHeldTime(replace(IDLE, next_due=NOON + MINUTE))

    step(time, time.world, until=NOON + 60 * MINUTE)

    assert time.seen == ["people 12:01", "drained", "senders 12:01"]


@pytest.mark.parametrize(
    "busy",
    [
        replace(IDLE, under_way=1),
        replace(IDLE, retry_waits=1),
        replace(IDLE, next_due=NOON),
        replace(IDLE, next_due=NOON - MINUTE),
    ],
)
def test_time_stands_while_something_is_under_way_or_due_already(busy: DueState) -> None:
    time = HandHeldTime(busy)

    assert step(time, time.world, until=NOON + 60 * MINUTE) is None
    assert (time.at, time.seen) == (NOON, [])


@pytest.mark.parametrize("until", [NOON, NOON - MINUTE])
def test_time_never_goes_beyond_its_end_or_back(until: datetime) -> None:
    time = HandHeldTime(replace(IDLE, next_due=NOON + MINUTE))

    assert step(time, time.world, until=until) is None
    assert time.seen == []


def test_doubt_alone_does_not_hold_time_up() -> None:
    time = HandHeldTime(replace(IDLE, in_doubt=3))

    assert step(time, time.world, until=NOON + MINUTE) == NOON + MINUTE
