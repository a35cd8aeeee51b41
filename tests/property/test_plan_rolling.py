"""Twenty-four hours around a slot: looking at many slots at once says the same as looking at each."""

from datetime import UTC, datetime, timedelta

import plan_factories as make
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.send_plan.capacity import MailboxRoom
from outreach_pipelines.domain.send_plan.windows import PlanDay

DAY_BEFORE = datetime(2026, 3, 9, tzinfo=UTC)
moments = st.integers(0, 3 * 86_400 // 600).map(lambda step: DAY_BEFORE + timedelta(seconds=600 * step))


@settings(deadline=None)
@given(st.lists(moments, max_size=12), st.integers(0, 8), st.lists(moments, unique=True))
def test_slots_that_are_passed_over_would_each_have_been_refused(
    sent: list[datetime], daily_cap: int, asked: list[datetime]
) -> None:
    mailbox = make.mailbox(daily_cap=daily_cap, other_sends=tuple(sent))
    snapshot = make.snapshot(mailboxes=(mailbox,))
    room = MailboxRoom(mailbox, snapshot, PlanDay(snapshot))
    slots = sorted(int(moment.timestamp()) for moment in asked)

    found = list(room.rolling_open(slots))

    assert found == [at for at in slots if room.rolling_from(at) == at]
    assert all(_fits(room.times, at, daily_cap * 5 // 4) for at in found)


def _fits(times: list[int], at: int, limit: int) -> bool:
    """By the rule itself: no 24 hours that hold the slot hold more than the limit with it."""
    everything = sorted([*times, at])
    starts = [first for first in everything if at - 86_400 < first <= at]
    return all(sum(first <= moment < first + 86_400 for moment in everything) <= limit for first in starts)
