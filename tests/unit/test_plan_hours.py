"""When a message falls due: the recipient's hours, the mailbox's hours, the plan's day."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import plan_factories as make
import pytest

from outreach_pipelines.domain.calendar import Weekday, WeeklyWindow
from outreach_pipelines.domain.place import CountryCode, ZoneName
from outreach_pipelines.domain.send_plan.plan import Constraint, Placement
from outreach_pipelines.domain.send_plan.planner import plan

KATHMANDU, NEW_YORK = ZoneName("Asia/Kathmandu"), ZoneName("America/New_York")


def wall(placement: Placement, zone: str) -> time:
    return placement.due_at.astimezone(ZoneInfo(zone)).time()


@pytest.mark.parametrize(
    ("lead_zone", "country", "campaign_zone", "decides"),
    [
        (KATHMANDU, "IN", NEW_YORK, "Asia/Kathmandu"),
        (None, "IN", NEW_YORK, "Asia/Kolkata"),
        (None, "US", NEW_YORK, "America/New_York"),
        (None, None, NEW_YORK, "America/New_York"),
        (None, None, None, "Europe/Berlin"),
    ],
)
def test_the_zone_is_the_leads_else_the_countrys_else_the_campaigns_else_the_tenants(
    lead_zone: ZoneName | None, country: str | None, campaign_zone: ZoneName | None, decides: str
) -> None:
    candidate = make.candidate(zone=lead_zone, country=None if country is None else CountryCode(country))
    countries = (make.country("IN", "Asia/Kolkata"), make.country("US", None))
    quarter_to_ten = make.campaign(zone=campaign_zone, window=WeeklyWindow(make.WEEKDAYS, make.hours("09:45", "10:15")))
    snapshot = make.snapshot(candidates=(candidate,), countries=countries, campaigns=(quarter_to_ten,))

    placement = make.placement_of(plan(snapshot))

    assert time(9, 45) <= wall(placement, decides) < time(10, 15)
    assert placement.window_start.astimezone(ZoneInfo(decides)).time() == time(9, 45)
    assert placement.window_end - placement.window_start == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        (
            {"campaigns": (make.campaign(window=WeeklyWindow(make.WEEKEND, make.hours("09:00", "17:00"))),)},
            Constraint.WINDOW,
        ),
        ({"policy": make.policy(quiet_hours=make.hours("08:00", "18:00"))}, Constraint.QUIET_HOURS),
        ({"policy": make.policy(weekend=frozenset({1}))}, Constraint.WEEKEND),
        ({"countries": (make.country("DE", "Europe/Berlin", make.DAY),)}, Constraint.HOLIDAY),
        ({"mailboxes": (make.mailbox(hours=make.hours("18:00", "20:00")),)}, Constraint.MAILBOX_HOURS),
        ({"candidates": (make.candidate(zone=ZoneName("Mars/Olympus")),)}, Constraint.ZONE_UNKNOWN),
        ({"as_of": datetime(2026, 3, 10, 16, tzinfo=UTC)}, Constraint.WINDOW),
    ],
)
def test_hours_that_never_meet_are_explained(changes: dict[str, Any], constraint: Constraint) -> None:
    result = plan(replace(make.snapshot(), **changes))

    assert result.placements == ()
    assert make.decision_of(result).bound_by is constraint


def test_quiet_hours_are_read_from_the_recipients_clock() -> None:
    tokyo = ZoneName("Asia/Tokyo")
    snapshot = make.snapshot(
        policy=make.policy(quiet_hours=make.hours("12:00", "18:00")),
        mailboxes=(make.mailbox(daily_cap=None),),
        candidates=tuple(make.candidate(number, zone=tokyo) for number in range(1, 120)),
    )

    result = plan(snapshot)

    clocks = [row.due_at.astimezone(ZoneInfo(tokyo)).hour for row in result.placements]
    assert set(clocks) == {9, 10, 11}


def test_a_follow_up_does_not_wait_on_a_holiday_of_any_country_of_the_tenant() -> None:
    waiting = make.follow_up(due_day=date(2026, 3, 2))  # six days of work ago, but for a holiday in the second country
    snapshot = make.snapshot(
        policy=make.policy(holiday_countries=(CountryCode("DE"), CountryCode("NL"))),
        countries=(make.country("DE", "Europe/Berlin"), make.country("NL", "Europe/Amsterdam", date(2026, 3, 5))),
        campaigns=(make.campaign(steps=(make.step(1, 0), make.step(2))),),
        candidates=(waiting,),
    )

    assert make.decision_of(plan(snapshot)).bound_by is None


@pytest.mark.parametrize("closed", ["weekend", "holiday"])
def test_a_closed_day_begins_at_the_recipients_own_midnight(closed: str) -> None:
    """In the middle of the New York tenant's Friday, Saturday begins in Auckland."""
    friday, auckland = date(2026, 3, 13), ZoneName("Pacific/Auckland")
    saturday = friday + timedelta(days=1)
    snapshot = make.snapshot(
        day=friday,
        as_of=datetime(2026, 3, 12, tzinfo=UTC),
        policy=make.policy(zone=NEW_YORK, weekend=frozenset({Weekday.SATURDAY} if closed == "weekend" else ())),
        countries=(make.country("NZ", auckland, *([saturday] if closed == "holiday" else [])),),
        campaigns=(make.campaign(window=WeeklyWindow(frozenset(Weekday), make.hours("00:00", "00:00"))),),
        mailboxes=(make.mailbox(daily_cap=None),),
        candidates=tuple(make.candidate(n, country="NZ", due_day=friday) for n in range(1, 400)),
    )

    result = plan(snapshot)

    local = [row.due_at.astimezone(ZoneInfo(auckland)) for row in result.placements]
    assert {moment.date() for moment in local} == {friday}
    assert max(local).hour == 23


def test_a_holiday_of_the_recipients_country_counts_and_not_that_of_the_tenant() -> None:
    countries = (make.country("DE", "Europe/Berlin", make.DAY), make.country("FR", "Europe/Paris"))
    snapshot = make.snapshot(countries=countries, candidates=(make.candidate(country=CountryCode("FR")),))

    assert make.decision_of(plan(snapshot)).bound_by is None


def test_a_country_without_a_calendar_keeps_the_tenants_holidays() -> None:
    countries = (make.country("DE", "Europe/Berlin", make.DAY),)
    snapshot = make.snapshot(countries=countries, candidates=(make.candidate(country=CountryCode("FR")),))

    assert make.decision_of(plan(snapshot)).bound_by is Constraint.HOLIDAY


def test_nothing_falls_due_before_as_of() -> None:
    noon = datetime(2026, 3, 10, 11, tzinfo=UTC)

    result = plan(make.snapshot(as_of=noon, candidates=tuple(make.candidate(n) for n in range(1, 31))))

    assert len(result.placements) == 30
    assert min(row.due_at for row in result.placements) >= noon


def test_planning_again_at_noon_keeps_the_minutes_of_the_grid() -> None:
    candidates = tuple(make.candidate(n) for n in range(1, 41))
    morning = make.snapshot(candidates=candidates, mailboxes=(make.mailbox(daily_cap=None),))
    noon = replace(morning, as_of=datetime(2026, 3, 10, 9, tzinfo=UTC))

    first, again = ({row.due_at for row in plan(snapshot).placements} for snapshot in (morning, noon))

    assert {moment for moment in first if moment >= noon.as_of} <= again


def test_no_message_falls_due_in_the_last_minute_of_a_window() -> None:
    tight = make.campaign(window=WeeklyWindow(make.WEEKDAYS, make.hours("09:00", "09:10")))
    eager = make.mailbox(min_spacing=1, max_spacing=1, daily_cap=None)
    snapshot = make.snapshot(
        campaigns=(tight,), mailboxes=(eager,), candidates=tuple(make.candidate(n) for n in range(1, 701))
    )

    result = plan(snapshot)

    assert len(result.placements) == 540
    assert max(wall(row, "Europe/Berlin") for row in result.placements) == time(9, 8, 59)
    assert result.breakdown.not_placed[0].constraint is Constraint.SPACING


def test_the_window_of_an_auckland_lead_falls_on_the_new_york_tenants_evening_before() -> None:
    policy = make.policy(zone=NEW_YORK)
    candidate = make.candidate(zone=ZoneName("Pacific/Auckland"))

    result = plan(make.snapshot(policy=policy, candidates=(candidate,), as_of=datetime(2026, 3, 10, 4, tzinfo=UTC)))

    due = make.placement_of(result).due_at
    assert due.astimezone(ZoneInfo("America/New_York")).date() == make.DAY
    assert due.astimezone(ZoneInfo("Pacific/Auckland")).date() == date(2026, 3, 11)


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_night_window_keeps_to_the_wall_clock_when_clocks_change(day: date) -> None:
    night = make.campaign(window=WeeklyWindow(frozenset(Weekday), make.hours("01:00", "03:30")))
    snapshot = make.snapshot(
        day=day,
        as_of=datetime.combine(day, time(0), UTC) - timedelta(hours=6),
        policy=make.policy(weekend=frozenset()),
        campaigns=(night,),
        mailboxes=(make.mailbox(daily_cap=None),),
        candidates=tuple(make.candidate(n, due_day=day) for n in range(1, 100)),
    )

    placements = plan(snapshot).placements

    assert placements
    assert all(time(1) <= wall(row, "Europe/Berlin") < time(3, 30) for row in placements)


@pytest.mark.parametrize(
    "zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Chatham"]
)
def test_nine_to_five_is_nine_to_five_in_zones_of_half_and_quarter_hours(zone: str) -> None:
    candidates = tuple(make.candidate(n, zone=ZoneName(zone)) for n in range(1, 401))
    eager = make.mailbox(daily_cap=None, min_spacing=60, max_spacing=60)

    placements = plan(make.snapshot(mailboxes=(eager,), candidates=candidates)).placements

    times = [wall(row, zone) for row in placements]
    assert len(times) == 400
    assert all(time(9) <= at < time(17) for at in times)
    assert {moment.astimezone(ZoneInfo(zone)).minute % 15 for moment in (p.window_start for p in placements)} == {0}


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 3, 30), 24), (date(2026, 10, 25), 25)])
def test_a_day_of_change_over_is_used_to_its_last_hour_and_no_further(day: date, hours: int) -> None:
    always = make.campaign(window=WeeklyWindow(frozenset(Weekday), make.hours("00:00", "00:00")))
    clock = make.mailbox(daily_cap=None, min_spacing=600, max_spacing=600)
    snapshot = make.snapshot(
        day=day,
        as_of=datetime.combine(day, time(0), UTC) - timedelta(hours=12),
        policy=make.policy(weekend=frozenset()),
        campaigns=(always,),
        mailboxes=(clock,),
        candidates=tuple(make.candidate(n, due_day=day) for n in range(1, 200)),
    )

    placements = plan(snapshot).placements

    assert len(placements) == 6 * hours
    assert {row.due_at.astimezone(ZoneInfo("Europe/Berlin")).date() for row in placements} == {day}


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    """Open on Tuesdays from 22:00 to 02:00: of Wednesday only its first two hours, of Tuesday only its last two."""
    late = make.campaign(window=WeeklyWindow(frozenset({Weekday.TUESDAY}), make.hours("22:00", "02:00")))
    eager = make.mailbox(daily_cap=None, min_spacing=600, max_spacing=600)
    tuesday = make.snapshot(
        campaigns=(late,), mailboxes=(eager,), candidates=tuple(make.candidate(n) for n in range(1, 60))
    )
    wednesday = replace(tuesday, day=date(2026, 3, 11), as_of=tuesday.as_of + timedelta(days=1))

    first, second = plan(tuesday).placements, plan(wednesday).placements

    assert {wall(row, "Europe/Berlin").hour for row in first} == {22, 23}
    assert {wall(row, "Europe/Berlin").hour for row in second} == {0, 1}


def test_spacing_lies_between_the_mailboxs_two_numbers() -> None:
    result = plan(make.snapshot(candidates=tuple(make.candidate(n) for n in range(1, 41))))

    times = [row.due_at for row in result.placements]
    gaps = {(b - a).total_seconds() for a, b in pairwise(times)}
    assert len(times) == 40
    assert min(gaps) >= 120
    assert max(gaps) <= 300
    assert len(gaps) > 10


def test_messages_that_stand_already_keep_their_distance() -> None:
    standing = tuple(datetime(2026, 3, 10, 8, tzinfo=UTC) + timedelta(minutes=10 * n) for n in range(6))
    snapshot = make.snapshot(
        mailboxes=(make.mailbox(other_sends=standing),), candidates=tuple(make.candidate(n) for n in range(1, 30))
    )

    result = plan(snapshot)

    assert all(abs((row.due_at - other).total_seconds()) >= 120 for row in result.placements for other in standing)


def test_mailboxes_that_open_together_do_not_fire_together() -> None:
    mailboxes = tuple(make.mailbox(n, hours=make.hours("09:00", "17:00"), daily_cap=1) for n in range(1, 21))

    result = plan(make.snapshot(mailboxes=mailboxes, candidates=tuple(make.candidate(n) for n in range(1, 21))))

    assert len({row.due_at for row in result.placements}) > 10


def test_spacing_holds_from_one_opening_of_a_mailbox_to_the_next() -> None:
    """They close for a quarter of an hour at noon and need half an hour between two messages."""
    pause = {"hours": make.hours("12:00", "11:45"), "min_spacing": 1_800, "max_spacing": 1_800, "daily_cap": None}
    all_day = make.campaign(window=WeeklyWindow(make.WEEKDAYS, make.hours("00:00", "00:00")))
    snapshot = make.snapshot(
        mailboxes=tuple(make.mailbox(n, **pause) for n in range(1, 11)),
        campaigns=(all_day,),
        candidates=tuple(make.candidate(n) for n in range(1, 601)),
    )

    placements = plan(snapshot).placements

    for number in range(1, 11):
        times = [row.due_at for row in placements if row.mailbox_id == number]
        assert len(times) > 40
        assert min((b - a).total_seconds() for a, b in pairwise(times)) >= 1_800
