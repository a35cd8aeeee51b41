"""Why a candidate is not written to: rules 1 and 2, and the end that some of them make."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import plan_factories as make
import pytest

from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.recipient_mail import NoMail
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sequence import EndReason
from outreach_pipelines.domain.suppression import SuppressionKind

LAST_WEEK = date(2026, 3, 3)
TWO_STEPS = make.campaign(steps=(make.step(1, 0), make.step(2)))


def test_a_candidate_without_objection_is_placed() -> None:
    decision = make.decision_of(plan(make.snapshot()))

    assert (decision.bound_by, decision.found, decision.ends) == (None, (), None)


@pytest.mark.parametrize(
    ("changes", "constraint", "ends", "sentence"),
    [
        (
            {"block": s.Suppressed(SuppressionKind.HARD_BOUNCE, LAST_WEEK)},
            Constraint.SUPPRESSED,
            EndReason.BOUNCED,
            "suppressed after a hard bounce on 2026-03-03",
        ),
        (
            {"block": s.Suppressed(SuppressionKind.MANUAL, LAST_WEEK)},
            Constraint.SUPPRESSED,
            EndReason.SUPPRESSED,
            "suppressed by hand on 2026-03-03",
        ),
        ({"block": s.Bounced(LAST_WEEK)}, Constraint.BOUNCED, EndReason.BOUNCED, "hard bounce on 2026-03-03"),
        ({"block": s.Replied(LAST_WEEK)}, Constraint.REPLIED, EndReason.REPLIED, "replied on 2026-03-03"),
        (
            {"block": s.CompanyReplied(LAST_WEEK)},
            Constraint.COMPANY_REPLIED,
            EndReason.COMPANY_REPLIED,
            "somebody else of the company replied on 2026-03-03",
        ),
        (
            {"block": s.Unsubscribed(LAST_WEEK)},
            Constraint.UNSUBSCRIBED,
            EndReason.UNSUBSCRIBED,
            "unsubscribed on 2026-03-03",
        ),
        ({"block": s.Erased(LAST_WEEK)}, Constraint.ERASED, EndReason.ERASED, "erased on 2026-03-03"),
        (
            {"block": s.Undeliverable(NoMail.NULL_MX, LAST_WEEK)},
            Constraint.UNDELIVERABLE,
            None,
            "the recipient's domain takes no mail (null MX), as the DNS said on 2026-03-03",
        ),
        (
            {"block": s.Undeliverable(NoMail.NO_SUCH_DOMAIN, LAST_WEEK)},
            Constraint.UNDELIVERABLE,
            None,
            "the recipient's domain does not exist, as the DNS said on 2026-03-03",
        ),
        ({"block": s.Away(make.DAY)}, Constraint.OUT_OF_OFFICE, None, "out of office until 2026-03-10"),
        ({"due_day": make.DAY + timedelta(days=1)}, Constraint.NOT_DUE, None, "due on 2026-03-11"),
        (
            {"basis": LawfulBasis.LEGITIMATE_INTEREST},
            Constraint.BASIS_NOT_COVERED,
            None,
            "mailbox 1 has no account for the lead's lawful basis",
        ),
        ({"step": 2, "sticky_mailbox": 1}, Constraint.NO_SUCH_STEP, None, "has no step 2: it has 1"),
    ],
)
def test_a_candidates_own_facts_exclude_it(
    changes: dict[str, Any], constraint: Constraint, ends: EndReason | None, sentence: str
) -> None:
    snapshot = make.snapshot(candidates=(make.candidate(**changes),))

    decision = make.decision_of(plan(snapshot))

    assert (decision.bound_by, decision.ends) == (constraint, ends)
    assert sentence in decision.detail


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"has_postal_address": False}, Constraint.NO_POSTAL_ADDRESS),
        ({"has_unsubscribe": False}, Constraint.NO_UNSUBSCRIBE),
        ({"state": CampaignState.PAUSED}, Constraint.CAMPAIGN_NOT_ACTIVE),
        ({"steps": ()}, Constraint.NO_SUCH_STEP),
        ({"pool_id": 9}, Constraint.NO_MAILBOX),
    ],
)
def test_a_campaigns_facts_exclude_its_candidates(changes: dict[str, Any], constraint: Constraint) -> None:
    snapshot = make.snapshot(campaigns=(make.campaign(**changes),))

    assert make.decision_of(plan(snapshot)).bound_by is constraint


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"state": s.MailboxState.RESTING}, Constraint.MAILBOX_RESTING),
        ({"state": s.MailboxState.RETIRED}, Constraint.MAILBOX_RETIRED),
        ({"hold": s.Hold(Fraction(0), "3 complaints in 24 hours")}, Constraint.MAILBOX_HELD),
        ({"inbox_readable": False}, Constraint.INBOX_UNREADABLE),
        ({"health": 0}, Constraint.HEALTH),
        ({"account_ids": ()}, Constraint.BASIS_NOT_COVERED),
    ],
)
def test_a_mailboxs_facts_exclude_new_leads(changes: dict[str, Any], constraint: Constraint) -> None:
    snapshot = make.snapshot(mailboxes=(make.mailbox(**changes),))

    decision = make.decision_of(plan(snapshot))

    assert (decision.bound_by, decision.ends) == (constraint, None)


@pytest.mark.parametrize(
    ("readiness", "constraint"),
    [
        ((s.AccountReadiness(s.AccountId(1), s.ReadinessState.NOT_READY, "no DKIM"),), Constraint.DOMAIN_NOT_READY),
        ((s.AccountReadiness(s.AccountId(1), s.ReadinessState.UNKNOWN, "timeout"),), Constraint.DOMAIN_UNKNOWN),
        ((), Constraint.DOMAIN_UNKNOWN),
    ],
)
def test_a_domain_must_be_known_to_be_ready(readiness: tuple[s.AccountReadiness, ...], constraint: Constraint) -> None:
    snapshot = make.snapshot(domains=(make.domain(readiness=readiness),))

    assert make.decision_of(plan(snapshot)).bound_by is constraint


def test_the_reason_of_a_hold_is_told() -> None:
    held = make.mailbox(hold=s.Hold(Fraction(0), "3 complaints in 24 hours"))

    assert "3 complaints in 24 hours" in make.decision_of(plan(make.snapshot(mailboxes=(held,)))).detail


def test_every_objection_is_listed_strongest_first() -> None:
    worst = make.candidate(block=s.Replied(LAST_WEEK), due_day=make.DAY + timedelta(days=1))
    paused = make.campaign(state=CampaignState.PAUSED)

    decision = make.decision_of(plan(make.snapshot(candidates=(worst,), campaigns=(paused,))))

    assert decision.found == (Constraint.REPLIED, Constraint.CAMPAIGN_NOT_ACTIVE, Constraint.NOT_DUE)


def test_of_mailboxes_with_different_faults_the_rule_binds_that_took_the_last_one() -> None:
    mailboxes = (make.mailbox(1, account_ids=()), make.mailbox(2, inbox_readable=False))

    decision = make.decision_of(plan(make.snapshot(mailboxes=mailboxes)))

    assert decision.bound_by is Constraint.INBOX_UNREADABLE
    assert (
        decision.detail
        == "of 2 mailboxes, 1 has no account for the lead's lawful basis, 1 has an inbox that cannot be read"
    )


def test_unverified_addresses_are_left_out_only_where_policy_demands_it() -> None:
    lax = make.snapshot(candidates=(make.candidate(verified=False),))
    strict = replace(lax, policy=make.policy(verified_only=True))

    assert make.decision_of(plan(lax)).bound_by is None
    assert make.decision_of(plan(strict)).bound_by is Constraint.UNVERIFIED


def test_only_a_field_that_the_campaign_needs_is_missed() -> None:
    candidates = (
        make.candidate(1, missing_fields=frozenset({"company"})),
        make.candidate(2, missing_fields=frozenset({"x"})),
    )
    campaign = make.campaign(required_fields=frozenset({"company"}))

    result = plan(make.snapshot(candidates=candidates, campaigns=(campaign,)))

    assert make.decision_of(result, 1).bound_by is Constraint.FIELD_MISSING
    assert make.decision_of(result, 2).bound_by is None


def test_the_same_message_in_two_enrollments_is_placed_once() -> None:
    candidates = (make.candidate(1, lead_id=5), make.candidate(2, lead_id=5))

    result = plan(make.snapshot(candidates=candidates))

    assert make.decision_of(result, 1).bound_by is None
    assert make.decision_of(result, 2).bound_by is Constraint.SAME_MESSAGE_TWICE


@pytest.mark.parametrize(("until", "constraint"), [(6, None), (8, None), (9, Constraint.OUT_OF_OFFICE)])
def test_the_day_of_return_is_left_to_the_full_inbox(until: int, constraint: Constraint | None) -> None:
    """The plan's day is a Tuesday: who is back on Monday is written to, who is back today is not."""
    back = make.candidate(block=s.Away(date(2026, 3, until)))

    assert make.decision_of(plan(make.snapshot(candidates=(back,)))).bound_by is constraint


@pytest.mark.parametrize("reason", NoMail)
def test_a_thread_is_not_ended_by_a_domain_that_may_take_mail_again(reason: NoMail) -> None:
    lost = make.follow_up(block=s.Undeliverable(reason, LAST_WEEK))

    decision = make.decision_of(plan(make.snapshot(campaigns=(TWO_STEPS,), candidates=(lost,))))

    assert (decision.bound_by, decision.ends) == (Constraint.UNDELIVERABLE, None)


def test_a_past_day_gets_decisions_and_no_message() -> None:
    snapshot = make.snapshot(
        as_of=make.snapshot().as_of + timedelta(days=3),
        candidates=(make.candidate(1), make.candidate(2, block=s.Replied(LAST_WEEK))),
    )

    result = plan(snapshot)

    assert result.placements == ()
    assert [row.found for row in result.decisions] == [
        (Constraint.PAST_DAY,),
        (Constraint.PAST_DAY, Constraint.REPLIED),
    ]
    assert {row.ends for row in result.decisions} == {None}


def _held(mailbox: s.Mailbox) -> s.Mailbox:
    return replace(mailbox, hold=s.Hold(Fraction(0), "blocked"))


def _retired(mailbox: s.Mailbox) -> s.Mailbox:
    return replace(mailbox, state=s.MailboxState.RETIRED)


@pytest.mark.parametrize(
    ("change", "constraint", "ends"),
    [(_held, Constraint.MAILBOX_HELD, None), (_retired, Constraint.MAILBOX_RETIRED, EndReason.MAILBOX_RETIRED)],
)
def test_a_thread_stays_with_its_mailbox_even_when_another_is_free(
    change: Callable[[s.Mailbox], s.Mailbox], constraint: Constraint, ends: EndReason | None
) -> None:
    mailboxes = (change(make.mailbox(1)), make.mailbox(2))
    snapshot = make.snapshot(mailboxes=mailboxes, campaigns=(TWO_STEPS,), candidates=(make.follow_up(sticky=1),))

    decision = make.decision_of(plan(snapshot))

    assert (decision.bound_by, decision.ends) == (constraint, ends)


def test_a_thread_whose_mailbox_left_the_inventory_ends() -> None:
    snapshot = make.snapshot(campaigns=(TWO_STEPS,), candidates=(make.follow_up(sticky=77),))

    assert make.decision_of(plan(snapshot)).ends is EndReason.MAILBOX_RETIRED


def test_a_follow_up_that_waited_too_long_ends() -> None:
    late = make.follow_up(1, due_day=date(2026, 3, 2))  # six business days ago
    just = make.follow_up(2, due_day=date(2026, 3, 3))

    result = plan(make.snapshot(campaigns=(TWO_STEPS,), candidates=(late, just)))

    assert make.decision_of(result, 1).ends is EndReason.WAITED_TOO_LONG
    assert make.decision_of(result, 2).bound_by is None


def test_a_follow_up_without_a_known_thread_is_not_sent_from_anywhere() -> None:
    lost = make.follow_up(sticky_mailbox=None)

    result = plan(make.snapshot(campaigns=(TWO_STEPS,), candidates=(lost,)))

    assert make.decision_of(result).bound_by is Constraint.THREAD_UNKNOWN


def test_a_follow_up_leaves_from_a_mailbox_that_takes_no_new_leads() -> None:
    blind = make.mailbox(inbox_readable=False, health=0)

    result = plan(make.snapshot(mailboxes=(blind,), campaigns=(TWO_STEPS,), candidates=(make.follow_up(),)))

    assert make.placement_of(result).mailbox_id == 1


def test_without_mailboxes_the_plan_is_empty_and_says_why() -> None:
    result = plan(make.snapshot(mailboxes=()))

    assert result.placements == ()
    assert make.decision_of(result).bound_by is Constraint.NO_MAILBOX


def test_the_breakdown_adds_up() -> None:
    candidates = (make.candidate(1), make.candidate(2, block=s.Replied(LAST_WEEK)), make.candidate(3))

    total = plan(make.snapshot(candidates=candidates)).breakdown

    assert (total.candidates, total.placed, total.new_leads_placed, total.sequences_ended) == (3, 2, 2, 1)
    assert [(row.constraint, row.candidates) for row in total.not_placed] == [(Constraint.REPLIED, 1)]
