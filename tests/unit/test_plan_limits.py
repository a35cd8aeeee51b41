"""How many: caps of mailbox, domain, tenant, account and recipient, and the budget for new leads."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import plan_factories as make
import pytest

from outreach_pipelines.domain.calendar import Weekday, WeeklyWindow
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.capacity import effective_cap, new_lead_budget
from outreach_pipelines.domain.send_plan.phases import landing
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sending_policy import ContactPressure

TEN = tuple(make.candidate(number) for number in range(1, 11))
SAME_COMPANY = tuple(
    replace(c, company=s.CompanyKey(make.hmac("c", 1)), recipient_domain=s.RecipientDomainKey(make.hmac("d", 1)))
    for c in TEN
)
SAME_PERSON = tuple(replace(c, recipient=s.RecipientKey(make.hmac("person", 1))) for c in TEN)


def some_sends(count: int, start: datetime) -> tuple[datetime, ...]:
    return tuple(start + timedelta(minutes=5 * n) for n in range(count))


@pytest.mark.parametrize(
    ("changes", "placed", "constraint"),
    [
        ({"mailboxes": (make.mailbox(daily_cap=4),)}, 4, Constraint.MAILBOX_CAP),
        ({"mailboxes": (make.mailbox(daily_cap=0),)}, 0, Constraint.MAILBOX_CAP),
        (
            {"mailboxes": (make.mailbox(daily_cap=8, hold=s.Hold(Fraction(1, 2), "slow")),)},
            4,
            Constraint.MAILBOX_CAP,
        ),
        (
            {"mailboxes": (make.mailbox(daily_cap=6, sends_by_day=(s.DaySends(make.DAY, 2),)),)},
            4,
            Constraint.MAILBOX_CAP,
        ),
        (
            {
                "mailboxes": (
                    make.mailbox(daily_cap=8, other_sends=some_sends(6, datetime(2026, 3, 9, 21, tzinfo=UTC))),
                )
            },
            4,
            Constraint.ROLLING_CAP,
        ),
        ({"mailboxes": (make.mailbox(daily_cap=8, new_leads_today=4),)}, 4, Constraint.NEW_LEAD_BUDGET),
        ({"domains": (make.domain(daily_cap=5, sent_today=1),)}, 4, Constraint.DOMAIN_CAP),
        ({"policy": make.policy(daily_cap=4)}, 4, Constraint.TENANT_DAILY_CAP),
        (
            {"policy": make.policy(daily_cap=5), "domains": (make.domain(sent_today=1),)},
            4,
            Constraint.TENANT_DAILY_CAP,
        ),
        ({"policy": make.policy(daily_cap=0)}, 0, Constraint.TENANT_DAILY_CAP),
        ({"policy": make.policy(minute_cap=0)}, 0, Constraint.TENANT_MINUTE_CAP),
        ({"accounts": (make.account(share_left=4),)}, 4, Constraint.ACCOUNT_SHARE),
        (
            {"candidates": SAME_COMPANY, "policy": make.policy(company_daily_cap=4)},
            4,
            Constraint.COMPANY_CAP,
        ),
        (
            {"candidates": SAME_COMPANY, "policy": make.policy(recipient_domain_daily_cap=4)},
            4,
            Constraint.RECIPIENT_DOMAIN_CAP,
        ),
        (
            {"policy": make.policy(recipient_provider_caps=(s.ProviderCap(s.RecipientProvider.OTHER, 4),))},
            4,
            Constraint.RECIPIENT_PROVIDER_CAP,
        ),
        (
            {"candidates": SAME_PERSON, "policy": make.policy(contact_pressure=ContactPressure(4, 14))},
            4,
            Constraint.CONTACT_PRESSURE,
        ),
    ],
)
def test_a_limit_binds_and_is_named(changes: dict[str, Any], placed: int, constraint: Constraint) -> None:
    result = plan(replace(make.snapshot(candidates=TEN), **changes))

    assert len(result.placements) == placed
    assert {row.bound_by for row in result.decisions} <= {None, constraint}
    assert result.breakdown.not_placed[0].candidates == 10 - placed


def test_without_limits_all_are_placed() -> None:
    snapshot = make.snapshot(candidates=TEN, mailboxes=(make.mailbox(daily_cap=None),))

    assert len(plan(snapshot).placements) == 10


def test_what_was_used_of_the_day_counts() -> None:
    used = s.UsedToday(
        (s.DomainUse(SAME_COMPANY[0].recipient_domain, 3),),
        (s.CompanyUse(s.CompanyKey(make.hmac("c", 1)), 1),),
        (s.ProviderUse(s.RecipientProvider.OTHER, 2),),
    )
    policy = make.policy(recipient_domain_daily_cap=5)

    result = plan(make.snapshot(candidates=SAME_COMPANY, used_today=used, policy=policy))

    assert len(result.placements) == 2


@pytest.mark.parametrize(
    ("cap", "used", "constraint"),
    [
        (
            {"company_daily_cap": 3},
            s.UsedToday(companies=(s.CompanyUse(s.CompanyKey(make.hmac("company", 1)), 2),)),
            Constraint.COMPANY_CAP,
        ),
        (
            {"recipient_provider_caps": (s.ProviderCap(s.RecipientProvider.OTHER, 3),)},
            s.UsedToday(providers=(s.ProviderUse(s.RecipientProvider.OTHER, 2),)),
            Constraint.RECIPIENT_PROVIDER_CAP,
        ),
    ],
)
def test_what_a_company_or_a_provider_has_had_today_counts(
    cap: dict[str, Any], used: s.UsedToday, constraint: Constraint
) -> None:
    colleagues = tuple(replace(row, company=s.CompanyKey(make.hmac("company", 1))) for row in TEN)

    result = plan(make.snapshot(policy=make.policy(**cap), used_today=used, candidates=colleagues))

    assert len(result.placements) == 1
    assert {row.bound_by for row in result.decisions} == {None, constraint}


def test_messages_of_the_past_period_press_on_the_same_person() -> None:
    written = make.candidate(recent_contacts=3)

    result = plan(make.snapshot(candidates=(written,), policy=make.policy(contact_pressure=ContactPressure(3, 14))))

    assert make.decision_of(result).bound_by is Constraint.CONTACT_PRESSURE


def test_a_minute_takes_no_more_than_the_tenants_cap() -> None:
    mailboxes = tuple(make.mailbox(number) for number in range(1, 41))
    snapshot = make.snapshot(
        mailboxes=mailboxes,
        candidates=tuple(make.candidate(number) for number in range(1, 301)),
        policy=make.policy(minute_cap=2),
    )

    result = plan(snapshot)

    minutes = [row.due_at.replace(second=0) for row in result.placements]
    assert len(minutes) == 300
    assert max(minutes.count(minute) for minute in minutes) == 2


def test_messages_of_the_minute_that_stand_already_count() -> None:
    standing = some_sends(1, datetime(2026, 3, 10, 9, 0, 30, tzinfo=UTC))
    ten_o_clock = make.campaign(window=WeeklyWindow(make.WEEKDAYS, make.hours("10:00", "10:02")))
    quick = {"min_spacing": 5, "max_spacing": 10}
    mailboxes = (make.mailbox(1, other_sends=standing, **quick), make.mailbox(2, **quick))
    snapshot = make.snapshot(mailboxes=mailboxes, campaigns=(ten_o_clock,), policy=make.policy(minute_cap=1))

    result = plan(snapshot)

    assert make.decision_of(result).bound_by is Constraint.TENANT_MINUTE_CAP


def test_when_the_first_accounts_share_is_used_the_next_one_takes_over() -> None:
    snapshot = make.snapshot(
        candidates=TEN,
        accounts=(make.account(1, share_left=4), make.account(2)),
        domains=(make.domain(readiness=make.ready(1, 2)),),
        mailboxes=(make.mailbox(account_ids=(1, 2)),),
    )

    used = [row.account_ids for row in plan(snapshot).placements]

    assert used == [(1, 2)] * 4 + [(2,)] * 6


def test_the_cap_belongs_to_the_date_on_the_mailboxs_wall() -> None:
    """A mailbox in Auckland starts its Wednesday while the plan's Tuesday in Berlin has 11 hours left."""
    snapshot = make.snapshot(
        mailboxes=(
            make.mailbox(daily_cap=4, zone=ZoneName("Pacific/Auckland"), sends_by_day=(s.DaySends(make.DAY, 4),)),
        ),
        candidates=TEN,
        campaigns=(make.campaign(window=WeeklyWindow(frozenset(Weekday), make.hours("00:00", "00:00"))),),
    )

    result = plan(snapshot)

    wednesday_in_auckland = datetime(2026, 3, 10, 11, tzinfo=UTC)
    assert len(result.placements) == 4
    assert all(row.due_at >= wednesday_in_auckland for row in result.placements)


def test_a_message_finds_its_second_open_stretch_when_the_first_is_lost() -> None:
    """The mailbox's first date is full; of the second stretch it has a single slot, which must not be missed."""
    mailbox = make.mailbox(
        daily_cap=4,
        zone=ZoneName("Europe/Helsinki"),
        sends_by_day=(s.DaySends(make.DAY, 4),),
        min_spacing=3_600,
        max_spacing=3_600,
    )
    snapshot = make.snapshot(
        mailboxes=(mailbox,),
        candidates=(make.candidate(sticky_mailbox=1),),
        campaigns=(make.campaign(window=WeeklyWindow(frozenset(Weekday), make.hours("22:00", "09:00"))),),
    )

    due = make.placement_of(plan(snapshot)).due_at

    assert due >= datetime(2026, 3, 10, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cap", "hold", "left"),
    [
        (40, None, 40),
        (40, s.Hold(Fraction(1, 2), "slow"), 20),
        (5, s.Hold(Fraction(1, 2), "slow"), 2),
        (None, s.Hold(Fraction(1, 2), "slow"), None),
        (None, s.Hold(Fraction(0), "stop"), 0),
        (0, None, 0),
    ],
)
def test_a_hold_leaves_its_share_of_the_cap(cap: int | None, hold: s.Hold | None, left: int | None) -> None:
    assert effective_cap(make.mailbox(daily_cap=cap, hold=hold)) == left


def test_taking_in_the_whole_cap_every_day_would_leave_no_room_on_day_four() -> None:
    """A lead comes back after three days: 20 new ones and the 20 of three days ago make 40."""
    one_return = (0, 0, 0, 1, 1)

    assert new_lead_budget(40, (0, 0, 0, 0, 0), one_return) == 20


def test_steps_that_land_after_the_forecast_count_too() -> None:
    campaign = make.campaign(steps=(make.step(1, 0), make.step(2, 6), make.step(3, 6), make.step(4, 1)))

    assert new_lead_budget(12, (0,) * 11, landing((campaign,))) == 3


def test_follow_ups_already_known_lower_the_budget() -> None:
    assert new_lead_budget(40, (10, 0, 38, 0), (0, 0, 0, 1)) == 2


@pytest.mark.parametrize(("cap", "known", "budget"), [(None, 5, None), (0, 0, 0), (10, 25, 0)])
def test_a_budget_is_never_below_zero_and_unlimited_stays_unlimited(
    cap: int | None, known: int, budget: int | None
) -> None:
    assert new_lead_budget(cap, (known,), (0,)) == budget


def test_later_steps_land_when_their_delays_have_added_up() -> None:
    campaign = make.campaign(steps=(make.step(1, 0), make.step(2, 3), make.step(3, 5)))

    assert landing((campaign,)) == (0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2)


def test_a_mailbox_keeps_room_for_the_follow_ups_that_its_new_leads_will_bring() -> None:
    three_steps = make.campaign(steps=(make.step(1, 0), make.step(2, 3), make.step(3, 3)))
    snapshot = make.snapshot(mailboxes=(make.mailbox(daily_cap=9),), candidates=TEN, campaigns=(three_steps,))

    result = plan(snapshot)

    assert len(result.placements) == 3
    assert result.breakdown.pools[0].new_lead_budget == 3
    assert result.breakdown.pools[0].room == 9
