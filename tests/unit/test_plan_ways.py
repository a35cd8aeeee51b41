"""From which mailbox and in which wording a message leaves, and every limit that kept it from doing so."""

from dataclasses import replace
from fractions import Fraction

import plan_factories as make
import pytest

from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sending_policy import ContactPressure

GOOGLE, OTHER = s.RecipientProvider.GOOGLE, s.RecipientProvider.OTHER
STOP = s.Hold(Fraction(0), "stop")
WORDINGS = (make.step(1, 0, "abcdef"), make.step(2, 3, "abcdef"))


def test_every_limit_of_the_recipients_side_that_is_used_up_is_listed_strongest_first() -> None:
    none = make.policy(
        recipient_domain_daily_cap=0,
        recipient_provider_caps=(s.ProviderCap(OTHER, 0),),
        company_daily_cap=0,
        contact_pressure=ContactPressure(0, 14),
    )
    lead = make.candidate(company=s.CompanyKey(make.hmac("company", 1)))

    decision = make.decision_of(plan(make.snapshot(policy=none, candidates=(lead,))))

    assert decision.found == (
        Constraint.RECIPIENT_DOMAIN_CAP,
        Constraint.RECIPIENT_PROVIDER_CAP,
        Constraint.COMPANY_CAP,
        Constraint.CONTACT_PRESSURE,
    )


def test_a_limit_of_the_recipient_binds_before_the_pace_of_the_mailboxes() -> None:
    person = s.RecipientKey(make.hmac("person", 1))
    one_slot = make.mailbox(min_spacing=30_000, max_spacing=30_000, hours=make.hours("09:00", "17:20"))
    policy = make.policy(contact_pressure=ContactPressure(1, 14))
    leads = (make.candidate(1, recipient=person), make.candidate(2, recipient=person))

    result = plan(make.snapshot(mailboxes=(one_slot,), policy=policy, candidates=leads))

    decision = make.decision_of(result, 2)
    assert decision.found == (Constraint.CONTACT_PRESSURE, Constraint.SPACING)
    assert decision.detail == "one person gets at most 1 message in 14 days, from all campaigns together"


def test_every_fault_that_all_mailboxes_have_is_listed() -> None:
    mailboxes = tuple(make.mailbox(number, hold=STOP, inbox_readable=False) for number in (1, 2))

    decision = make.decision_of(plan(make.snapshot(mailboxes=mailboxes)))

    assert decision.found == (Constraint.MAILBOX_HELD, Constraint.INBOX_UNREADABLE)


def test_mailboxes_that_rest_or_are_held_are_counted_and_not_as_usable() -> None:
    mailboxes = (
        make.mailbox(1),
        make.mailbox(2, state=s.MailboxState.RESTING),
        make.mailbox(3, hold=STOP),
        make.mailbox(4, state=s.MailboxState.RAMPING),
    )

    (pool,) = plan(make.snapshot(mailboxes=mailboxes)).breakdown.pools

    assert (pool.mailboxes, pool.usable_mailboxes, pool.room) == (4, 2, 80)


def test_follow_ups_and_new_leads_that_only_room_keeps_back_are_counted_apart() -> None:
    snapshot = make.snapshot(
        campaigns=(make.campaign(steps=(make.step(1, 0), make.step(2))),),
        mailboxes=(make.mailbox(daily_cap=1),),
        candidates=(make.follow_up(1), make.follow_up(2), make.candidate(3), make.candidate(4, verified=False)),
    )

    (pool,) = plan(replace(snapshot, policy=make.policy(verified_only=True))).breakdown.pools

    assert (pool.follow_ups_waiting, pool.new_leads_waiting, pool.placed) == (2, 1, 1)


def test_a_cap_that_a_hold_has_lowered_is_said_so() -> None:
    slowed = make.mailbox(daily_cap=2, hold=s.Hold(Fraction(1, 2), "slow"))

    result = plan(make.snapshot(mailboxes=(slowed,), candidates=(make.candidate(1), make.candidate(2))))

    assert make.decision_of(result, 2).detail == "mailbox 1 has used up its daily cap; a hold slows it: slow"


def test_a_domain_that_a_provider_receives_badly_takes_new_leads_of_all_others() -> None:
    refused = make.domain(health=(s.ProviderWeight(GOOGLE, 0),))
    leads = (make.candidate(1, provider=GOOGLE), make.candidate(2, provider=OTHER))

    result = plan(make.snapshot(domains=(refused,), candidates=leads))

    assert [row.bound_by for row in result.decisions] == [Constraint.HEALTH, None]


def test_the_domain_that_is_not_ready_is_named_with_what_its_audit_says() -> None:
    missing = s.AccountReadiness(s.AccountId(1), s.ReadinessState.NOT_READY, "no SPF record")

    decision = make.decision_of(plan(make.snapshot(domains=(make.domain(readiness=(missing,)),))))

    assert "mail1.example: no SPF record" in decision.detail


def test_a_ramping_mailbox_takes_an_engaged_lead_only_if_its_address_is_verified() -> None:
    snapshot = make.snapshot(
        mailboxes=(make.mailbox(1, health=1, daily_cap=1, state=s.MailboxState.RAMPING), make.mailbox(2)),
        candidates=(make.candidate(1, engaged=True, verified=False), make.candidate(2, engaged=True)),
    )

    result = plan(snapshot)

    assert (make.placement_of(result, 2).mailbox_id, make.placement_of(result, 1).mailbox_id) == (1, 2)


def test_of_leads_of_two_providers_the_one_whose_window_closes_first_has_the_earlier_slot() -> None:
    two_slots = make.mailbox(hours=make.hours("16:00", "16:55"), min_spacing=1500, max_spacing=1500)
    late = make.candidate(1, zone=ZoneName("Europe/Lisbon"), provider=OTHER)
    soon = make.candidate(2, provider=GOOGLE)

    result = plan(make.snapshot(mailboxes=(two_slots,), candidates=(late, soon)))

    assert [row.enrollment_id for row in result.placements] == [2, 1]


@pytest.mark.parametrize("changes", [{"round": 2}, {"step": 2, "sticky_mailbox": s.MailboxId(1)}, {"campaign_id": 2}])
def test_a_wording_is_drawn_anew_for_each_round_step_and_campaign(changes: dict[str, object]) -> None:
    leads = tuple(make.candidate(number) for number in range(1, 31))
    snapshot = make.snapshot(
        campaigns=(make.campaign(1, steps=WORDINGS), make.campaign(2, steps=WORDINGS)),
        mailboxes=(make.mailbox(daily_cap=None),),
        candidates=leads,
    )
    others = replace(snapshot, candidates=tuple(replace(row, **changes) for row in leads))

    wordings = [{row.lead_id: row.variant for row in plan(each).placements} for each in (snapshot, others)]

    assert len(wordings[0]) == len(wordings[1]) == 30
    assert wordings[0] != wordings[1]
