"""What a decision says to people: whole sentences, numbers where there are any, and no word of the code."""

from fractions import Fraction
from typing import Any

import plan_factories as make
import pytest

from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.plan import Constraint, Plan
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sending_policy import ContactPressure

GOOGLE, OTHER = s.RecipientProvider.GOOGLE, s.RecipientProvider.OTHER
STOP, HALF = s.Hold(Fraction(0), "too many people complain"), s.Hold(Fraction(1, 2), "temporary bounces rise")
STRANGER = {"readiness": ()}
UNREADY = {"readiness": (s.AccountReadiness(s.AccountId(1), s.ReadinessState.NOT_READY, "no SPF record"),)}


def sentence(**changes: Any) -> str:
    """Of the last candidate, who is not placed."""
    decision = plan(make.snapshot(**changes)).decisions[-1]
    assert decision.bound_by is not None
    return decision.detail


def two(**changes: Any) -> dict[str, Any]:
    return {"mailboxes": (make.mailbox(1, **changes), make.mailbox(2, **changes))}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"candidates": (make.candidate(basis=LawfulBasis.CONTRACT),)}, "mailbox 1 has no account for the lead's lawful basis"),
        ({"domains": (make.domain(**UNREADY),)}, "mailbox 1 has a domain that is not ready: mail1.example: no SPF record"),
        ({"domains": (make.domain(**STRANGER),)}, "mailbox 1 has a domain whose readiness is not known"),
        (two(state=s.MailboxState.RETIRED), "both mailboxes are retired"),
        (two(state=s.MailboxState.RESTING), "both mailboxes rest"),
        (two(hold=STOP), "both mailboxes are held: too many people complain"),
        (two(provider_holds=(s.ProviderHold(OTHER, STOP),)), "both mailboxes are held towards the recipient's provider: too many people complain"),
        (two(path_holds=(s.PathHold(s.AccountId(1), STOP),)), "both mailboxes have accounts that are held: too many people complain"),
        (two(inbox_readable=False), "both mailboxes have inboxes that cannot be read"),
        (two(health=0), "both mailboxes take no new leads for their health"),
        (two(hours=make.hours("20:00", "21:00")), "both mailboxes have hours that do not meet the recipient's"),
        (two(sends_by_day=(s.DaySends(make.DAY, 40),)), "both mailboxes have used up their daily caps"),
        (two(daily_cap=0), "both mailboxes have daily caps of 0"),
        (two(new_leads_today=40), "both mailboxes keep their room for follow-ups to come"),
        ({"campaigns": (make.campaign(hold=HALF),), **two(daily_cap=1)}, "both mailboxes are past the early part of their caps that holds leave"),
        ({"domains": (make.domain(daily_cap=5, sent_today=5),)}, "mailbox 1 has a domain that has used up its daily cap"),
        ({"domains": (make.domain(daily_cap=0),)}, "mailbox 1 has a domain with a daily cap of 0"),
        ({"domains": (make.domain(sent_today=5),), "policy": make.policy(daily_cap=5)}, "mailbox 1 would pass the tenant's daily cap"),
        ({"policy": make.policy(daily_cap=0)}, "mailbox 1 would pass the tenant's daily cap, which is 0"),
        ({"policy": make.policy(minute_cap=0)}, "mailbox 1 finds the tenant's cap per minute at 0"),
        ({"accounts": (make.account(share_left=0),)}, "mailbox 1 has accounts of which the tenant's share is used up"),
    ],
)  # fmt: skip
def test_what_takes_the_last_mailbox_away_is_said_in_a_sentence(changes: dict[str, Any], words: str) -> None:
    assert sentence(**changes) == words


def test_of_mailboxes_with_different_faults_each_is_counted_strongest_first() -> None:
    full = {"sends_by_day": (s.DaySends(make.DAY, 40),)}
    boxes = (make.mailbox(1, **full), make.mailbox(2, daily_cap=0), make.mailbox(3, **full), make.mailbox(4, **full))

    assert sentence(mailboxes=boxes[:2]) == "of 2 mailboxes, 1 has a daily cap of 0, 1 has used up its daily cap"
    assert sentence(mailboxes=boxes[:3]) == "of 3 mailboxes, 1 has a daily cap of 0, 2 have used up their daily caps"
    assert sentence(mailboxes=(boxes[0], *boxes[2:])) == "all 3 mailboxes have used up their daily caps"


def test_mailboxes_that_a_hold_slows_are_counted_with_its_reason() -> None:
    boxes = (make.mailbox(1, daily_cap=1, hold=HALF), make.mailbox(2, daily_cap=0))

    assert (
        sentence(mailboxes=boxes)
        == "both mailboxes have daily caps of 0; a hold slows 1 of them: temporary bounces rise"
    )
    assert sentence(mailboxes=boxes[:1]) == "mailbox 1 has a daily cap of 0; a hold slows it: temporary bounces rise"


SAME = {"recipient_domain": make.hmac("domain", 9), "company": make.hmac("company", 9)}
PAIR = (make.candidate(1, provider=GOOGLE, **SAME), make.candidate(2, provider=GOOGLE, **SAME))


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"recipient_domain_daily_cap": 1}, "the daily cap for each recipient domain is 1, and it is used up"),
        ({"recipient_domain_daily_cap": 0}, "the daily cap for each recipient domain is 0"),
        ({"company_daily_cap": 1}, "the daily cap for each company is 1, and it is used up"),
        ({"company_daily_cap": 0}, "the daily cap for each company is 0"),
        (
            {"recipient_provider_caps": (s.ProviderCap(GOOGLE, 1),)},
            "the daily cap for recipients at Google is 1, and it is used up",
        ),
        ({"recipient_provider_caps": (s.ProviderCap(GOOGLE, 0),)}, "the daily cap for recipients at Google is 0"),
        (
            {"contact_pressure": ContactPressure(0, 7)},
            "one person gets at most 0 messages in 7 days, from all campaigns together",
        ),
    ],
)
def test_a_cap_on_the_recipients_side_is_said_with_its_number(policy: dict[str, Any], words: str) -> None:
    assert sentence(candidates=PAIR, policy=make.policy(**policy)) == words


def test_follow_ups_of_one_mailbox_to_several_providers_name_each_its_own_cap() -> None:
    caps = (s.ProviderCap(GOOGLE, 0), s.ProviderCap(OTHER, 1))
    people = (make.follow_up(1, provider=GOOGLE), make.follow_up(2, provider=OTHER), make.follow_up(3, provider=OTHER))
    two_steps = make.campaign(steps=(make.step(1, 0), make.step(2)))

    made = plan(
        make.snapshot(campaigns=(two_steps,), candidates=people, policy=make.policy(recipient_provider_caps=caps))
    )

    assert make.decision_of(made, 1).detail == "the daily cap for recipients at Google is 0"
    assert make.decision_of(made, 3).detail == "the daily cap for recipients at other providers is 1, and it is used up"


def pool_of(made: Plan) -> tuple[int | None, int | None]:
    (pool,) = made.breakdown.pools
    return pool.room, pool.new_lead_budget


def test_a_huge_cap_is_a_number_and_only_a_missing_one_is_unlimited() -> None:
    huge = tuple(make.mailbox(n, daily_cap=10**12) for n in (1, 2))

    assert pool_of(plan(make.snapshot(mailboxes=huge))) == (2 * 10**12, 2 * 10**12)
    assert pool_of(plan(make.snapshot(mailboxes=(*huge, make.mailbox(3, daily_cap=None))))) == (None, None)


def test_an_unlimited_mailbox_that_is_not_usable_makes_no_room() -> None:
    resting = make.mailbox(2, daily_cap=None, state=s.MailboxState.RESTING)

    assert pool_of(plan(make.snapshot(mailboxes=(make.mailbox(1), resting)))) == (40, 40)


@pytest.mark.parametrize(
    ("steps", "words"),
    [((), "campaign 1 has no step 1: it has none"), ((make.step(1, 0),), "campaign 1 has no step 2: it has 1")],
)
def test_a_step_that_is_not_there_is_said_with_how_many_are(steps: tuple[s.Step, ...], words: str) -> None:
    step = len(steps) + 1

    decision = make.decision_of(
        plan(make.snapshot(campaigns=(make.campaign(steps=steps),), candidates=(make.candidate(step=step, sticky_mailbox=s.MailboxId(1)),)))
    )  # fmt: skip

    assert (decision.bound_by, decision.detail) == (Constraint.NO_SUCH_STEP, words)
