"""Follow-ups and new leads share a mailbox over weeks: neither may take it all."""

from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sequence_days import CALENDAR, SequenceDays

from outreach_pipelines.domain.calendar import add_business_days

MONDAY = date(2026, 3, 2)
unhurried = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
sequences = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(lambda delays: (0, *delays))


@unhurried
@given(st.integers(12, 40), sequences)
def test_weeks_of_full_intake_starve_neither_side(cap: int, delays: tuple[int, ...]) -> None:
    done = list(SequenceDays(cap, delays).run(MONDAY, 30))

    assert min(day.new_leads for day in done) >= 1
    assert max(day.new_leads + day.follow_ups for day in done) <= cap
    assert {late for day in done for late in day.waited} <= {0}
    assert not any(day.ended for day in done)


@unhurried
@given(st.integers(12, 40), sequences)
def test_a_mailbox_is_well_used_once_its_follow_ups_have_come(cap: int, delays: tuple[int, ...]) -> None:
    done = list(SequenceDays(cap, delays).run(MONDAY, 40))

    late = done[-10:]
    assert sum(day.new_leads + day.follow_ups for day in late) >= 0.7 * cap * len(late)


@unhurried
@given(st.integers(12, 40))
def test_a_flood_of_follow_ups_goes_out_in_time_and_then_new_leads_come_in_again(cap: int) -> None:
    """A week in which every message was a first one: as if somebody had come from a system without a budget."""
    days = SequenceDays(cap, (0, 3, 3))
    for weekday in range(5):
        days.begin_threads(cap, add_business_days(MONDAY, weekday, CALENDAR))

    done = list(days.run(add_business_days(MONDAY, 5, CALENDAR), 20))

    assert not any(day.ended for day in done)
    assert max(late for day in done for late in day.waited) <= 5
    assert all(day.new_leads >= 1 for day in done[-8:])
