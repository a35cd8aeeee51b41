"""Who goes first when there is not room for all, and which mailbox takes a new lead."""

import gc
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import plan_factories as make
import pytest

from outreach_pipelines.domain.calendar import WeeklyWindow
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.faults import BadSnapshotError
from outreach_pipelines.domain.send_plan.plan import Constraint, Plan
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.shares import Hand, deal
from outreach_pipelines.domain.sending_policy import ContactPressure

TWO_STEPS = make.campaign(steps=(make.step(1, 0), make.step(2)))


def placed(result: Plan) -> set[int]:
    return {row.enrollment_id for row in result.placements}


def by_mailbox(result: Plan) -> Counter[int]:
    return Counter(row.mailbox_id for row in result.placements)


def test_follow_ups_come_before_new_leads() -> None:
    new_leads = tuple(make.candidate(number) for number in range(1, 6))
    follow_ups = tuple(make.follow_up(number) for number in range(6, 11))
    snapshot = make.snapshot(
        candidates=new_leads + follow_ups, campaigns=(TWO_STEPS,), mailboxes=(make.mailbox(daily_cap=5),)
    )

    result = plan(snapshot)

    assert placed(result) == {6, 7, 8, 9, 10}
    assert make.decision_of(result, 1).bound_by is Constraint.MAILBOX_CAP


def test_the_follow_up_that_waited_longest_comes_first() -> None:
    fresh, old = make.follow_up(1), make.follow_up(2, due_day=make.DAY - timedelta(days=4))
    snapshot = make.snapshot(candidates=(fresh, old), campaigns=(TWO_STEPS,), mailboxes=(make.mailbox(daily_cap=1),))

    assert placed(plan(snapshot)) == {2}


def test_the_follow_up_that_waited_longest_comes_first_even_if_its_window_opens_later() -> None:
    fresh = make.follow_up(1, zone=ZoneName("Asia/Kolkata"))
    old = make.follow_up(2, zone=ZoneName("Europe/Lisbon"), due_day=make.DAY - timedelta(days=4))
    snapshot = make.snapshot(candidates=(fresh, old), campaigns=(TWO_STEPS,), mailboxes=(make.mailbox(daily_cap=1),))

    assert placed(plan(snapshot)) == {2}


def test_the_new_lead_that_waited_longest_comes_first() -> None:
    fresh, old = make.candidate(1), make.candidate(2, due_day=make.DAY - timedelta(days=4))
    snapshot = make.snapshot(candidates=(fresh, old), mailboxes=(make.mailbox(daily_cap=1),))

    assert placed(plan(snapshot)) == {2}


def test_the_campaign_of_higher_priority_comes_first() -> None:
    campaigns = (make.campaign(1, priority=2), make.campaign(2, priority=1))
    candidates = tuple(make.candidate(n, campaign_id=1 if n <= 10 else 2) for n in range(1, 21))
    snapshot = make.snapshot(campaigns=campaigns, candidates=candidates, mailboxes=(make.mailbox(daily_cap=12),))

    result = plan(snapshot)

    assert set(range(11, 21)) <= placed(result)
    assert len(result.placements) == 12


def test_campaigns_of_one_priority_divide_the_room_by_share() -> None:
    campaigns = (make.campaign(1, share=1), make.campaign(2, share=3))
    candidates = tuple(make.candidate(n, campaign_id=1 if n <= 40 else 2) for n in range(1, 81))
    snapshot = make.snapshot(campaigns=campaigns, candidates=candidates)

    result = plan(snapshot)

    assert Counter(row.campaign_id for row in result.placements) == {1: 10, 2: 30}


def test_the_tenants_day_is_divided_by_share_and_not_by_who_wakes_first() -> None:
    west = make.campaign(1, zone=ZoneName("Europe/Lisbon"))
    east = make.campaign(2, zone=ZoneName("Asia/Kolkata"))
    candidates = tuple(make.candidate(n, campaign_id=1 + n % 2) for n in range(1, 41))
    snapshot = make.snapshot(campaigns=(west, east), candidates=candidates, policy=make.policy(daily_cap=20))

    assert Counter(row.campaign_id for row in plan(snapshot).placements) == {1: 10, 2: 10}


def test_the_decision_of_a_placed_message_tells_its_mailbox_and_its_second() -> None:
    result = plan(make.snapshot(candidates=tuple(make.candidate(number) for number in range(1, 9))))

    for row in result.placements:
        assert make.decision_of(result, row.enrollment_id).detail == f"mailbox {row.mailbox_id} at {row.due_at}"
    assert len({row.due_at.second for row in result.placements}) > 1


def test_who_loses_the_window_first_gets_the_slot_first() -> None:
    """Both could leave at nine; the one whose window closes at ten must, the other may later."""
    long, short = make.campaign(1), make.campaign(2, window=WeeklyWindow(make.WEEKDAYS, make.hours("09:00", "09:20")))
    candidates = (*(make.candidate(n) for n in range(1, 21)), make.candidate(21, campaign_id=2))
    snapshot = make.snapshot(campaigns=(long, short), candidates=candidates)

    result = plan(snapshot)

    assert result.placements[0].enrollment_id == 21
    assert len(result.placements) == 21


def test_new_leads_are_dealt_by_health_over_domains_first_and_mailboxes_then() -> None:
    domains = (
        make.domain(1, health=(s.ProviderWeight(s.RecipientProvider.OTHER, 75),)),
        make.domain(2, health=(s.ProviderWeight(s.RecipientProvider.OTHER, 25),)),
    )
    mailboxes = (make.mailbox(1), make.mailbox(2, health=50), make.mailbox(3, domain_id=s.DomainId(2)))
    snapshot = make.snapshot(
        domains=domains, mailboxes=mailboxes, candidates=tuple(make.candidate(n) for n in range(1, 41))
    )

    assert by_mailbox(plan(snapshot)) == {1: 20, 2: 10, 3: 10}


def test_the_weight_of_a_domain_depends_on_the_recipients_provider() -> None:
    google = s.RecipientProvider.GOOGLE
    domains = (make.domain(1, health=(s.ProviderWeight(google, 0),)), make.domain(2))
    mailboxes = (make.mailbox(1), make.mailbox(2, domain_id=s.DomainId(2)))
    candidates = tuple(make.candidate(n, provider=google) for n in range(1, 11))

    result = plan(make.snapshot(domains=domains, mailboxes=mailboxes, candidates=candidates))

    assert by_mailbox(result) == {2: 10}


def test_a_weak_mailbox_still_takes_what_the_strong_ones_cannot() -> None:
    mailboxes = (make.mailbox(1, health=100, daily_cap=10), make.mailbox(2, health=1, daily_cap=10))

    result = plan(make.snapshot(mailboxes=mailboxes, candidates=tuple(make.candidate(n) for n in range(1, 21))))

    assert by_mailbox(result) == {1: 10, 2: 10}


def test_ramping_mailboxes_take_engaged_and_verified_leads_first() -> None:
    mailboxes = (make.mailbox(1), make.mailbox(2, state=s.MailboxState.RAMPING, daily_cap=5))
    candidates = tuple(make.candidate(n, engaged=n > 10, verified=n != 20) for n in range(1, 21))

    result = plan(make.snapshot(mailboxes=mailboxes, candidates=candidates))

    ramping = {row.enrollment_id for row in result.placements if row.mailbox_id == 2}
    assert len(ramping) == 5
    assert ramping <= set(range(11, 20))


def test_new_leads_stay_in_the_pool_of_their_campaign() -> None:
    domains = (make.domain(1), make.domain(2, pool_id=s.PoolId(2)))
    mailboxes = (make.mailbox(1, daily_cap=3), make.mailbox(2, domain_id=s.DomainId(2)))

    result = plan(
        make.snapshot(domains=domains, mailboxes=mailboxes, candidates=tuple(make.candidate(n) for n in range(1, 11)))
    )

    assert by_mailbox(result) == {1: 3}


def test_a_lead_keeps_its_wording_when_planned_again_on_another_day() -> None:
    two = make.campaign(steps=(make.step(1, 0, "ab"),))
    today = make.snapshot(campaigns=(two,), candidates=tuple(make.candidate(n) for n in range(1, 31)))
    tomorrow = replace(today, day=make.DAY + timedelta(days=1), seed=8)

    first, again = ({row.lead_id: row.variant for row in plan(day).placements} for day in (today, tomorrow))

    assert first == again
    assert set(first.values()) == {"a", "b"}


def test_turns_are_dealt_by_weight_and_never_beyond_the_room() -> None:
    hands = [Hand(1, 3, 100), Hand(2, 1, 100), Hand(3, 4, 2), Hand(4, 0, 100)]

    assert deal(10, hands) == {1: 6, 2: 2, 3: 2}


def test_turns_that_nobody_can_take_are_left() -> None:
    assert deal(10, [Hand(1, 1, 2)]) == {1: 2}


def test_wordings_are_dealt_by_their_weights() -> None:
    variants = tuple(
        s.Variant(s.VariantName(name), s.ContentHash(make.hmac("text", 1)), weight)
        for name, weight in (("a", 1), ("b", 3), ("c", 6))
    )
    campaign = make.campaign(steps=(s.Step(1, 0, variants),))
    candidates = tuple(make.candidate(n) for n in range(1, 2001))

    result = plan(
        make.snapshot(
            campaigns=(campaign,),
            candidates=candidates,
            mailboxes=(make.mailbox(daily_cap=None, min_spacing=1, max_spacing=2),),
        )
    )

    counts = Counter(row.variant for row in result.placements)
    assert len(result.placements) == 2000
    assert all(
        abs(counts[s.VariantName(name)] / 2000 - share) < 0.03 for name, share in (("a", 0.1), ("b", 0.3), ("c", 0.6))
    )


def test_six_wordings_of_equal_weight_are_all_used() -> None:
    six = make.campaign(steps=(make.step(1, 0, "ABCDEF"),))
    candidates = tuple(make.candidate(n) for n in range(1, 601))
    many = tuple(make.mailbox(n) for n in range(1, 21))

    result = plan(make.snapshot(campaigns=(six,), candidates=candidates, mailboxes=many))

    counts = Counter(row.variant for row in result.placements)
    assert set(counts) == set("ABCDEF")
    assert min(counts.values()) >= 70


def test_where_no_cap_and_no_window_binds_new_leads_follow_the_weights_within_a_tenth() -> None:
    """Four domains of unequal health, five mailboxes each: over domains first, then over the mailboxes of each."""
    weights, healths = {1: 100, 2: 80, 3: 60, 4: 40}, (100, 90, 70, 50, 40)
    domains = tuple(
        make.domain(n, health=tuple(s.ProviderWeight(provider, weight) for provider in s.RecipientProvider))
        for n, weight in weights.items()
    )
    mailboxes = tuple(
        make.mailbox(
            5 * (d - 1) + n, domain_id=s.DomainId(d), health=health, daily_cap=None, min_spacing=60, max_spacing=90
        )
        for d in weights
        for n, health in enumerate(healths, 1)
    )
    providers = tuple(s.RecipientProvider)
    zones = ("Europe/Berlin", "Asia/Kathmandu", "America/New_York")
    candidates = tuple(
        make.candidate(n, provider=providers[n % 4], zone=ZoneName(zones[n % 3]), engaged=n % 5 == 0)
        for n in range(1, 4001)
    )

    result = plan(make.snapshot(domains=domains, mailboxes=mailboxes, candidates=candidates))

    assert len(result.placements) == 4000
    for mailbox_id, count in by_mailbox(result).items():
        box = mailboxes[mailbox_id - 1]
        fair = 4000 * weights[box.domain_id] / sum(weights.values()) * box.health / sum(healths)
        assert abs(count - fair) <= 0.1 * fair


def test_messages_of_two_campaigns_press_on_the_same_person() -> None:
    person = make.hmac("person", 1)
    campaigns = (make.campaign(1), make.campaign(2))
    candidates = (make.candidate(1, recipient=person), make.candidate(2, lead_id=1, recipient=person, campaign_id=2))
    snapshot = make.snapshot(
        campaigns=campaigns, candidates=candidates, policy=make.policy(contact_pressure=ContactPressure(1, 14))
    )

    result = plan(snapshot)

    assert placed(result) == {1}
    assert make.decision_of(result, 2).bound_by is Constraint.CONTACT_PRESSURE


def test_the_collector_runs_again_after_a_plan_and_after_one_that_could_not_be_made() -> None:
    with pytest.raises(BadSnapshotError):
        plan(make.snapshot(mailboxes=(make.mailbox(daily_cap=-1),)))
    on_after_fault = gc.isenabled()

    plan(make.snapshot())

    assert on_after_fault
    assert gc.isenabled()
