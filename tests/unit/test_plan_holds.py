"""Holds on less than a mailbox or on more: what they stop, what they slow, and that a plan says so."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import plan_factories as make
import pytest

from outreach_pipelines.domain.calendar import WeeklyWindow
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.codec import decode_snapshot, encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.faults import BadSnapshotError
from outreach_pipelines.domain.send_plan.plan import Constraint, Plan
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.proof.plan_check.check import violations

STOP = s.Hold(Fraction(0), "complaint_rate")
HALF = s.Hold(Fraction(1, 2), "hard_bounce_rate")
GOOGLE, OTHER = s.RecipientProvider.GOOGLE, s.RecipientProvider.OTHER
TWO_STEPS = (make.step(1, 0), make.step(2, 3))
TWO_ACCOUNTS: dict[str, Any] = {
    "accounts": (make.account(1), make.account(2)),
    "domains": (make.domain(readiness=make.ready(1, 2)),),
}
BOTH = (s.AccountId(1), s.AccountId(2))


def file_hold(hold: s.Hold, *enrollments: int, number: int = 1) -> s.LeadFileHold:
    return s.LeadFileHold(s.LeadFileId(number), hold, tuple(map(s.EnrollmentId, enrollments)))


def to_google(hold: s.Hold) -> tuple[s.ProviderHold, ...]:
    return (s.ProviderHold(GOOGLE, hold),)


def through(account: int, hold: s.Hold) -> tuple[s.PathHold, ...]:
    return (s.PathHold(s.AccountId(account), hold),)


def judged(snapshot: s.Snapshot) -> Plan:
    """The plan, in which the judge finds nothing."""
    found = plan(snapshot)
    assert violations(encode_snapshot(snapshot), encode_plan(found)) == ()
    return found


def outcome(found: Plan, number: int) -> tuple[Constraint | None, str]:
    decision = make.decision_of(found, number)
    return decision.bound_by, decision.detail


def test_a_stopped_campaign_says_which_hold_stops_it() -> None:
    found = judged(make.snapshot(campaigns=(make.campaign(hold=STOP),)))

    assert outcome(found, 1) == (Constraint.CAMPAIGN_HELD, "campaign 1 is held: complaint_rate")


def test_a_stopped_lead_file_keeps_back_its_own_people_alone() -> None:
    candidates = (make.candidate(1), make.candidate(2))

    found = judged(make.snapshot(candidates=candidates, lead_file_holds=(file_hold(STOP, 1, number=7),)))

    assert outcome(found, 1) == (Constraint.LEAD_FILE_HELD, "lead file 7 is held: complaint_rate")
    assert outcome(found, 2)[0] is None


def test_of_two_lead_files_of_a_person_the_one_that_leaves_least_counts() -> None:
    files = (file_hold(HALF, 1, number=1), file_hold(STOP, 1, number=2))

    found = judged(make.snapshot(lead_file_holds=files))

    assert outcome(found, 1) == (Constraint.LEAD_FILE_HELD, "lead file 2 is held: complaint_rate")


def test_a_mailbox_held_towards_a_provider_leaves_its_new_leads_to_another_mailbox() -> None:
    mailboxes = (make.mailbox(1, provider_holds=to_google(STOP)), make.mailbox(2))
    candidates = (*(make.candidate(n, provider=GOOGLE) for n in (1, 2, 3)), make.candidate(4))

    found = judged(make.snapshot(mailboxes=mailboxes, candidates=candidates))

    assert {make.placement_of(found, n).mailbox_id for n in (1, 2, 3)} == {2}


def test_a_thread_waits_while_its_mailbox_is_held_towards_its_provider() -> None:
    snapshot = make.snapshot(
        campaigns=(make.campaign(steps=TWO_STEPS),),
        mailboxes=(make.mailbox(1, provider_holds=to_google(STOP)), make.mailbox(2)),
        candidates=(make.follow_up(1, provider=GOOGLE), make.follow_up(2, provider=OTHER)),
    )

    found = judged(snapshot)

    assert outcome(found, 1) == (
        Constraint.PROVIDER_HELD,
        "mailbox 1 is held towards the recipient's provider: complaint_rate",
    )
    assert outcome(found, 2)[0] is None


@pytest.mark.parametrize("whose", ["path", "account"])
def test_nothing_goes_round_a_stopped_account_by_the_next_one(whose: str) -> None:
    snapshot = make.snapshot(
        **TWO_ACCOUNTS,
        mailboxes=(make.mailbox(account_ids=BOTH, path_holds=through(1, STOP) if whose == "path" else ()),),
    )
    if whose == "account":
        snapshot = replace(snapshot, accounts=(make.account(1, hold=STOP), make.account(2)))

    found = judged(snapshot)

    assert outcome(found, 1) == (Constraint.PATH_HELD, "mailbox 1 has an account that is held: complaint_rate")


def test_a_stopped_account_is_stopped_for_a_path_that_is_only_slowed() -> None:
    mailbox = make.mailbox(path_holds=through(1, HALF))

    found = judged(make.snapshot(mailboxes=(mailbox,), accounts=(make.account(1, hold=STOP),)))

    assert outcome(found, 1)[0] is Constraint.PATH_HELD


def test_of_a_campaigns_hold_and_a_lead_files_the_one_that_leaves_least_counts() -> None:
    quarter = file_hold(s.Hold(Fraction(1, 4), "slow"), *range(1, 11))

    found = judged(
        make.snapshot(
            campaigns=(make.campaign(hold=HALF),),
            lead_file_holds=(quarter,),
            mailboxes=(make.mailbox(daily_cap=8),),
            candidates=TEN,
        )
    )

    assert len(found.placements) == 2


def test_an_account_before_the_stopped_one_is_used_and_the_stopped_one_is_no_way_out() -> None:
    mailbox = make.mailbox(account_ids=BOTH, path_holds=through(2, STOP))

    found = judged(make.snapshot(**TWO_ACCOUNTS, mailboxes=(mailbox,)))

    assert make.placement_of(found).account_ids == (1,)


TEN = tuple(make.candidate(n, provider=GOOGLE) for n in range(1, 11))
SLOW = [
    {"campaigns": (make.campaign(hold=HALF),)},
    {"lead_file_holds": (file_hold(HALF, *range(1, 11)),)},
    {"mailboxes": (make.mailbox(daily_cap=8, provider_holds=to_google(HALF)),)},
    {"mailboxes": (make.mailbox(daily_cap=8, path_holds=through(1, HALF)),)},
    {"accounts": (make.account(hold=HALF),)},
]


@pytest.mark.parametrize("changes", SLOW)
def test_a_slowed_message_has_the_part_of_the_cap_that_its_hold_leaves(changes: dict[str, Any]) -> None:
    plain = make.snapshot(mailboxes=(make.mailbox(daily_cap=8),), candidates=TEN)

    found = judged(replace(plain, **changes))

    assert found.breakdown.placed == 4
    assert {row.bound_by for row in found.decisions} == {None, Constraint.SLOWED}


def test_several_holds_do_not_multiply() -> None:
    snapshot = make.snapshot(
        campaigns=(make.campaign(hold=HALF),),
        mailboxes=(make.mailbox(daily_cap=8, hold=HALF),),
        lead_file_holds=(file_hold(HALF, *range(1, 11)),),
        candidates=TEN,
    )

    assert judged(snapshot).breakdown.placed == 4


def test_a_slowed_campaign_leaves_the_rest_of_the_cap_to_others_and_keeps_its_early_places() -> None:
    campaigns = (make.campaign(1, hold=HALF, priority=1), make.campaign(2, priority=2))
    candidates = (*TEN, *(make.candidate(n, campaign_id=s.CampaignId(2)) for n in range(11, 21)))

    found = judged(make.snapshot(mailboxes=(make.mailbox(daily_cap=8),), campaigns=campaigns, candidates=candidates))

    in_order = [row.campaign_id for row in found.placements]
    assert in_order == [1] * 4 + [2] * 4


def test_nobody_takes_an_earlier_place_that_would_push_a_slowed_message_out_of_its_part() -> None:
    afternoon = WeeklyWindow(make.WEEKDAYS, make.hours("14:00", "17:00"))
    campaigns = (make.campaign(1, hold=HALF, priority=1, window=afternoon), make.campaign(2, priority=2))
    candidates = (*TEN, *(make.candidate(n, campaign_id=s.CampaignId(2)) for n in range(11, 21)))

    found = judged(make.snapshot(mailboxes=(make.mailbox(daily_cap=8),), campaigns=campaigns, candidates=candidates))

    assert [row.campaign_id for row in found.placements] == [1] * 4 + [2] * 4


def test_who_is_not_slowed_and_has_time_later_leaves_the_early_room_to_a_slowed_message() -> None:
    morning = WeeklyWindow(make.WEEKDAYS, make.hours("09:00", "12:00"))
    all_day = WeeklyWindow(make.WEEKDAYS, make.hours("09:00", "17:00"))
    campaigns = (
        make.campaign(1, priority=1, window=all_day, steps=TWO_STEPS),
        make.campaign(2, hold=HALF, priority=2, window=morning),
    )
    candidates = (*map(make.follow_up, range(1, 5)), *(make.candidate(n, campaign_id=s.CampaignId(2)) for n in (5, 6)))

    found = judged(make.snapshot(mailboxes=(make.mailbox(daily_cap=8),), campaigns=campaigns, candidates=candidates))

    assert [row.campaign_id for row in found.placements] == [2] * 2 + [1] * 4


def test_a_slowed_follow_up_has_no_claim_to_slots_after_its_part_of_the_cap() -> None:
    campaigns = (make.campaign(1, hold=HALF, steps=TWO_STEPS), make.campaign(2, steps=TWO_STEPS))
    candidates = (
        *map(make.follow_up, range(1, 6)),
        *(make.candidate(n, campaign_id=s.CampaignId(2)) for n in range(6, 16)),
    )

    found = judged(make.snapshot(mailboxes=(make.mailbox(daily_cap=8),), campaigns=campaigns, candidates=candidates))

    assert found.breakdown.follow_ups_placed == 4
    assert found.breakdown.placed == 8


def test_what_others_have_sent_before_counts_against_a_slowed_message() -> None:
    mailbox = make.mailbox(daily_cap=8, sends_by_day=(s.DaySends(make.DAY, 3),))

    found = judged(make.snapshot(mailboxes=(mailbox,), campaigns=(make.campaign(hold=HALF),), candidates=TEN))

    assert found.breakdown.placed == 1


def test_a_snapshot_without_such_holds_is_written_as_before_they_were_known() -> None:
    text = encode_snapshot(make.snapshot()).decode()

    assert not any(name in text for name in ("provider_holds", "path_holds", "lead_file_holds"))


def test_holds_come_back_from_json_as_they_were() -> None:
    snapshot = make.snapshot(
        mailboxes=(make.mailbox(provider_holds=to_google(HALF), path_holds=through(1, STOP)),),
        accounts=(make.account(hold=HALF),),
        campaigns=(make.campaign(hold=HALF),),
        lead_file_holds=(file_hold(HALF, 1),),
    )

    assert decode_snapshot(encode_snapshot(snapshot)) == snapshot


def test_a_hold_that_leaves_more_than_all_is_named_wherever_it_stands() -> None:
    double = s.Hold(Fraction(2), "wrong")
    snapshot = make.snapshot(
        mailboxes=(make.mailbox(hold=double, provider_holds=to_google(double), path_holds=through(1, double)),),
        accounts=(make.account(hold=double),),
        campaigns=(make.campaign(hold=double),),
        lead_file_holds=(file_hold(double, 1),),
    )

    with pytest.raises(BadSnapshotError) as caught:
        plan(snapshot)

    assert len(caught.value.faults) == 6
