"""How many new leads a mailbox takes in, where campaigns of several lengths share a pool and follow-ups wait."""

import plan_factories as make

from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.plan import Constraint, Plan
from outreach_pipelines.domain.send_plan.planner import plan

ONE_STEP = make.campaign(1, steps=(make.step(1, 0),))
THREE_STEPS = (make.step(1, 0), make.step(2, 3), make.step(3, 3))
TEN = tuple(make.candidate(number) for number in range(1, 11))


def new_leads(result: Plan) -> int:
    return result.breakdown.new_leads_placed


def planned(cap: int, *campaigns: s.Campaign, candidates: tuple[s.Candidate, ...] = TEN, **changes: object) -> Plan:
    mailbox = make.mailbox(daily_cap=cap, **changes)
    return plan(make.snapshot(mailboxes=(mailbox,), campaigns=campaigns, candidates=candidates))


def test_of_several_active_campaigns_of_a_pool_the_one_that_asks_most_decides() -> None:
    result = planned(10, ONE_STEP, make.campaign(2, steps=THREE_STEPS), follow_ups_ahead=(0, 0, 7))

    assert new_leads(result) == 1
    assert make.decision_of(result, 10).bound_by is Constraint.NEW_LEAD_BUDGET


def test_no_room_is_kept_for_campaigns_that_take_nobody_in_here() -> None:
    paused = make.campaign(2, steps=THREE_STEPS, state=CampaignState.PAUSED)
    elsewhere = make.campaign(3, steps=THREE_STEPS, pool_id=s.PoolId(2))

    assert new_leads(planned(9, ONE_STEP, paused, elsewhere)) == 9


def test_a_follow_up_that_waits_today_takes_its_place_of_tomorrow() -> None:
    """One company of five may get one message: four wait, six more are due tomorrow, and the cap is ten."""
    company = make.hmac("domain", 99)
    threads = tuple(make.follow_up(number, campaign_id=2, recipient_domain=company) for number in range(21, 26))
    longer = make.campaign(2, steps=(make.step(1, 0), make.step(2, 3)))
    snapshot = make.snapshot(
        mailboxes=(make.mailbox(daily_cap=10, follow_ups_ahead=(6,)),),
        campaigns=(ONE_STEP, longer),
        candidates=(*TEN, *threads),
        policy=make.policy(recipient_domain_daily_cap=1),
    )

    result = plan(snapshot)

    assert result.breakdown.follow_ups_placed == 1
    assert new_leads(result) == 0


def test_a_step_that_follows_on_the_same_day_asks_for_room_from_tomorrow_on() -> None:
    at_once = make.campaign(1, steps=(make.step(1, 0), make.step(2, 0)))
    threads = tuple(make.follow_up(number) for number in range(21, 25))

    result = planned(10, at_once, candidates=(*TEN, *threads))

    assert (result.breakdown.follow_ups_placed, new_leads(result)) == (4, 5)


def test_the_budget_that_is_shown_leaves_out_what_follow_ups_take_today() -> None:
    threads = tuple(make.follow_up(number) for number in range(21, 27))

    result = planned(10, make.campaign(1, steps=(make.step(1, 0), make.step(2, 9))), candidates=threads)

    assert result.breakdown.pools[0].new_lead_budget == 4
