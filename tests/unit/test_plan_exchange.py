"""What a sweep leaves: slots and caps change hands where that gains a message, and never across ranks."""

from datetime import UTC, datetime, timedelta

import plan_factories as make
import pytest
from plan_crowds import crowd

from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.planner import plan

AUCKLAND, KOLKATA = ZoneName("Pacific/Auckland"), ZoneName("Asia/Kolkata")
NINE_YESTERDAY = tuple(datetime(2026, 3, 9, 13, tzinfo=UTC) + timedelta(minutes=5 * n) for n in range(9))
BEFORE_THE_DAY = datetime(2026, 3, 9, 22, tzinfo=UTC)
ONE_COMPANY = make.hmac("company", 1)
COMPANY_ONCE = make.policy(company_daily_cap=1)
TWO_STEPS = (make.campaign(steps=(make.step(1), make.step(2))),)


def test_who_has_time_late_too_leaves_the_early_room_to_who_has_none_later() -> None:
    full_until_noon = make.mailbox(daily_cap=8, other_sends=NINE_YESTERDAY)
    both_ends, morning_only = make.follow_up(1, zone=AUCKLAND), make.follow_up(2, zone=KOLKATA)

    made = plan(
        make.snapshot(
            campaigns=TWO_STEPS,
            as_of=BEFORE_THE_DAY,
            mailboxes=(full_until_noon,),
            candidates=(both_ends, morning_only),
        )
    )

    assert made.breakdown.placed == 2
    assert make.placement_of(made, 1).due_at > make.placement_of(made, 2).due_at


def test_a_company_s_only_message_goes_where_nobody_else_loses_by_it() -> None:
    full, roomy = make.mailbox(1, daily_cap=1), make.mailbox(2)
    first = make.follow_up(1, sticky=1, company=ONE_COMPANY)
    colleague = make.follow_up(2, sticky=2, company=ONE_COMPANY)
    waiting = make.follow_up(3, sticky=1)

    made = plan(
        make.snapshot(
            campaigns=TWO_STEPS, policy=COMPANY_ONCE, mailboxes=(full, roomy), candidates=(first, colleague, waiting)
        )
    )

    assert {row.enrollment_id for row in made.placements} == {2, 3}
    assert make.decision_of(made, 1).bound_by is Constraint.MAILBOX_CAP
    assert Constraint.COMPANY_CAP in make.decision_of(made, 1).found


def test_a_follow_up_is_never_given_up_for_new_leads() -> None:
    full, roomy = make.mailbox(1, daily_cap=1), make.mailbox(2)
    follow_up = make.follow_up(1, sticky=1, company=ONE_COMPANY)
    colleague, other = make.candidate(2, company=ONE_COMPANY), make.candidate(3)

    made = plan(
        make.snapshot(
            campaigns=TWO_STEPS, policy=COMPANY_ONCE, mailboxes=(full, roomy), candidates=(follow_up, colleague, other)
        )
    )

    assert make.decision_of(made, 1).bound_by is None
    assert make.decision_of(made, 2).bound_by is Constraint.COMPANY_CAP


def test_who_writes_twice_to_a_person_never_frees_the_person_for_another() -> None:
    full, roomy = make.mailbox(1, daily_cap=1), make.mailbox(2)
    person = s.RecipientKey(make.hmac("person", 9))
    first = make.follow_up(1, sticky=1, company=ONE_COMPANY, recipient=person)
    again = make.follow_up(4, sticky=2, recipient=person)
    colleague, waiting = make.follow_up(2, sticky=2, company=ONE_COMPANY), make.follow_up(3, sticky=1)

    made = plan(
        make.snapshot(
            campaigns=TWO_STEPS,
            policy=COMPANY_ONCE,
            mailboxes=(full, roomy),
            candidates=(first, colleague, waiting, again),
        )
    )

    assert make.decision_of(made, 1).bound_by is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tight_caps_of_companies_and_a_provider_still_give_every_person_a_reason(seed: int) -> None:
    made = plan(crowd(seed=seed, company_cap=2, google_cap=60, domain_cap=60, min_spacing=600, follow_ups=60))

    assert made.breakdown.candidates == made.breakdown.placed + sum(row.candidates for row in made.breakdown.not_placed)


def test_a_follow_up_leaves_for_another_one_if_a_new_lead_gets_its_company_s_place_by_that() -> None:
    one_at_google = s.ProviderCap(s.RecipientProvider.GOOGLE, 1)
    policy = make.policy(company_daily_cap=1, recipient_provider_caps=(one_at_google,))
    first = make.follow_up(1, sticky=1, company=ONE_COMPANY, provider=s.RecipientProvider.GOOGLE)
    at_google_too = make.follow_up(2, sticky=2, company=make.hmac("company", 2), provider=s.RecipientProvider.GOOGLE)
    colleague = make.candidate(3, company=ONE_COMPANY, provider=s.RecipientProvider.MICROSOFT)

    made = plan(
        make.snapshot(
            campaigns=TWO_STEPS,
            policy=policy,
            mailboxes=(make.mailbox(1), make.mailbox(2)),
            candidates=(first, at_google_too, colleague),
        )
    )

    assert {row.enrollment_id for row in made.placements} == {2, 3}
    assert made.breakdown.follow_ups_placed == 1
