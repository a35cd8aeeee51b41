"""Snapshots that make little sense: explained by the plan where one can be made, named together where none can."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import plan_factories as make
import pytest

from outreach_pipelines.domain.calendar import WeeklyWindow
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.codec import decode_snapshot, encode_snapshot
from outreach_pipelines.domain.send_plan.faults import BadSnapshotError
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.planner import plan

MARS = ZoneName("Mars/Olympus")
HELD = s.Hold(Fraction(0), "stop")


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"mailboxes": ()}, Constraint.NO_MAILBOX),
        ({"mailboxes": (make.mailbox(1, hold=HELD), make.mailbox(2, hold=HELD))}, Constraint.MAILBOX_HELD),
        ({"mailboxes": (make.mailbox(daily_cap=0),)}, Constraint.MAILBOX_CAP),
        ({"policy": make.policy(daily_cap=0)}, Constraint.TENANT_DAILY_CAP),
        ({"policy": make.policy(minute_cap=0)}, Constraint.TENANT_MINUTE_CAP),
        ({"campaigns": (make.campaign(steps=()),)}, Constraint.NO_SUCH_STEP),
        ({"candidates": (make.candidate(zone=MARS),)}, Constraint.ZONE_UNKNOWN),
        ({"policy": make.policy(quiet_hours=make.hours("08:00", "18:00"))}, Constraint.QUIET_HOURS),
        (
            {"campaigns": (make.campaign(window=WeeklyWindow(frozenset(), make.hours("09:00", "17:00"))),)},
            Constraint.WINDOW,
        ),
        ({"mailboxes": (make.mailbox(hours=make.hours("20:00", "06:00")),)}, Constraint.MAILBOX_HOURS),
        ({"as_of": datetime(2026, 3, 20, tzinfo=UTC)}, Constraint.PAST_DAY),
    ],
)
def test_a_day_on_which_nothing_can_go_is_an_empty_plan_with_its_reason(
    changes: dict[str, Any], constraint: Constraint
) -> None:
    result = plan(make.snapshot(**changes))

    assert result.placements == ()
    assert [row.bound_by for row in result.decisions] == [constraint]
    assert all(row.detail for row in result.decisions)


def test_a_day_without_candidates_is_an_empty_plan() -> None:
    assert plan(make.snapshot(candidates=())).breakdown.candidates == 0


def test_a_day_far_ahead_is_planned_like_any_other() -> None:
    tuesday = date(2126, 3, 12)
    snapshot = make.snapshot(day=tuesday, candidates=(make.candidate(due_day=tuesday),))

    assert make.placement_of(plan(snapshot)).due_at.date() == tuesday


def test_a_lead_in_two_campaigns_gets_both_messages_or_a_reason() -> None:
    twice = (make.candidate(1, recipient=make.hmac("p", 1)), make.candidate(2, lead_id=1, campaign_id=2, recipient=make.hmac("p", 1)))  # fmt: skip
    snapshot = make.snapshot(campaigns=(make.campaign(1), make.campaign(2)), candidates=twice)

    free = plan(snapshot)
    company = plan(replace(snapshot, policy=make.policy(recipient_domain_daily_cap=1), candidates=(twice[0], replace(twice[1], recipient_domain=twice[0].recipient_domain))))  # fmt: skip

    assert [row.bound_by for row in free.decisions] == [None, None]
    assert [row.bound_by for row in company.decisions] == [None, Constraint.RECIPIENT_DOMAIN_CAP]


def test_half_of_the_mailboxes_in_order_make_a_partial_plan() -> None:
    mailboxes = (make.mailbox(1, hold=HELD), make.mailbox(2, daily_cap=3))

    result = plan(make.snapshot(mailboxes=mailboxes, candidates=tuple(make.candidate(n) for n in range(1, 11))))

    assert len(result.placements) == 3
    assert {row.bound_by for row in result.decisions} == {None, Constraint.MAILBOX_CAP}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        (
            {
                "policy": make.policy(zone=MARS, daily_cap=-1, company_daily_cap=-2),
                "mailboxes": (make.mailbox(zone=MARS, daily_cap=-1),),
            },
            {
                f"policy: unknown time zone '{MARS}'",
                "policy: daily_cap is -1, below 0",
                "policy: company_daily_cap is -2, below 0",
                f"mailbox 1: unknown time zone '{MARS}'",
                "mailbox 1: daily_cap is -1, below 0",
            },
        ),
        ({"day": date(2400, 1, 1)}, {"day: 2400-01-01 lies outside 2000-01-01 to 2200-01-01"}),
        ({"day": date(1, 1, 1)}, {"day: 0001-01-01 lies outside 2000-01-01 to 2200-01-01"}),
        (
            {"campaigns": (make.campaign(steps=(s.Step(1, 0, (s.Variant(s.VariantName("a"), s.ContentHash(""), 0),)),)),)},
            {"campaign 1: step 1: weight of a is 0, not within 1 to 1000000"},
        ),
    ],
)  # fmt: skip
def test_what_no_plan_can_be_made_of_is_named_in_one_message(changes: dict[str, Any], faults: set[str]) -> None:
    with pytest.raises(BadSnapshotError) as caught:
        plan(make.snapshot(**changes))

    assert set(caught.value.faults) == faults


def test_a_fraction_that_would_take_for_ever_is_refused_at_once() -> None:
    held = make.snapshot(mailboxes=(make.mailbox(hold=s.Hold(Fraction(1, 2), "slow")),))
    endless = encode_snapshot(held).replace(b'"1/2"', b'"1e999999999"')

    with pytest.raises(BadSnapshotError, match="is not a fraction"):
        decode_snapshot(endless)


def test_a_snapshot_of_before_a_field_was_added_is_still_read() -> None:
    snapshot = make.snapshot(candidates=(make.candidate(due_day=make.DAY - timedelta(days=1)),))
    older = encode_snapshot(snapshot).replace(b',"weight":1', b"")

    assert b"weight" not in older
    assert decode_snapshot(older) == snapshot
