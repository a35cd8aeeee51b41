"""When rates and counts set a hold, and when they say nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import numpy as np
import pytest

from outreach_pipelines.domain.back_off import (
    AccountScope,
    CampaignScope,
    DomainScope,
    ErrorRun,
    Evidence,
    HoldDecision,
    HoldLevel,
    HoldReason,
    LeadFileId,
    LeadFileScope,
    MailboxScope,
    Policy,
    Scope,
    SendFate,
    TenantScope,
    judge,
    tenant_policy,
)
from outreach_pipelines.domain.back_off.counts import cusum_peak
from outreach_pipelines.domain.back_off.policy import SequentialRule
from outreach_pipelines.domain.ids import AccountId, CampaignId, DomainId, MailboxId
from outreach_pipelines.domain.mailbox_health import DayOutcomes
from outreach_pipelines.domain.sending_policy import BackOffThresholds
from outreach_pipelines.domain.tenant import TenantId

NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
MAILBOX = MailboxScope(MailboxId(7))
DOMAIN = DomainScope(DomainId(3))
ACCOUNT = AccountScope(AccountId(1))
BOUNCE_SCOPES = (MAILBOX, DOMAIN, LeadFileScope(LeadFileId(5)), CampaignScope(CampaignId(2)))


def today(
    accepted: int, *, hard: int = 0, soft: int = 0, complaints: int = 0, reporting: int | None = None
) -> Evidence:
    row = DayOutcomes(
        day=NOW.date(), accepted=accepted, hard=hard, soft=soft, complaints=complaints, reporting=reporting
    )
    return Evidence(days=(row,))


def one(scope: Scope, evidence: Evidence, now: datetime = NOW) -> HoldDecision | None:
    decisions = judge(scope, evidence, Policy(), now, ())
    assert len(decisions) < 2
    return decisions[0] if decisions else None


def level(scope: Scope, evidence: Evidence) -> HoldLevel | None:
    decision = one(scope, evidence)
    return None if decision is None else decision.level


@pytest.mark.parametrize("scope", BOUNCE_SCOPES)
@pytest.mark.parametrize(
    ("accepted", "hard", "expected"),
    [
        (1_000, 10, None),
        (1_000, 25, HoldLevel.WARN),
        (1_000, 40, HoldLevel.SLOW),
        (1_000, 100, HoldLevel.STOP),
        (60, 12, HoldLevel.STOP),
    ],
)
def test_hard_bounces_warn_slow_and_stop(scope: Scope, accepted: int, hard: int, expected: HoldLevel | None) -> None:
    assert level(scope, today(accepted, hard=hard)) is expected


def test_six_percent_after_fifty_sends_slow_but_do_not_yet_prove_five() -> None:
    decision = one(MAILBOX, today(50, hard=3))

    assert decision is not None
    assert decision.level is HoldLevel.SLOW
    assert decision.numbers.bound is not None
    assert decision.numbers.bound < 0.05


@pytest.mark.parametrize(("accepted", "expected"), [(49, None), (50, HoldLevel.STOP)])
def test_a_rate_says_nothing_below_fifty_sends(accepted: int, expected: HoldLevel | None) -> None:
    assert level(MAILBOX, today(accepted, hard=25)) is expected


def test_addresses_refused_in_the_dialogue_count_although_no_send_was_accepted() -> None:
    assert level(MAILBOX, today(0, hard=60)) is HoldLevel.STOP


def test_a_decision_tells_its_test_its_numbers_and_its_end() -> None:
    decision = one(MAILBOX, today(60, hard=12))

    assert decision is not None
    assert (decision.scope, decision.factor, decision.reason) == (MAILBOX, Fraction(0), HoldReason.HARD_BOUNCE_RATE)
    assert (decision.numbers.events, decision.numbers.trials) == (12, 60)
    assert decision.sentence.startswith("12 hard bounces in 60 sends of 7 days: with 95% confidence")
    assert decision.until == NOW + timedelta(days=3)


@pytest.mark.parametrize("scope", [LeadFileScope(LeadFileId(5)), CampaignScope(CampaignId(2)), ACCOUNT])
def test_a_stopped_list_campaign_or_account_waits_for_a_person(scope: Scope) -> None:
    decision = one(scope, today(1_000, hard=200))

    assert decision is not None
    assert decision.until is None


def test_sends_of_eight_days_ago_are_outside_the_window() -> None:
    old = DayOutcomes(day=NOW.date() - timedelta(days=7), accepted=100, hard=50)
    within = DayOutcomes(day=NOW.date() - timedelta(days=6), accepted=100, hard=50)

    assert one(MAILBOX, Evidence(days=(old,))) is None
    assert level(MAILBOX, Evidence(days=(within,))) is HoldLevel.STOP


def test_news_that_came_after_now_is_not_used() -> None:
    tomorrow = NOW.date() + timedelta(days=1)
    send = DayOutcomes(day=NOW.date(), accepted=100)
    late = DayOutcomes(day=NOW.date(), hard=50, learnt_on=tomorrow)

    assert one(MAILBOX, Evidence(days=(send, late))) is None


def test_the_day_is_that_of_the_zone_in_which_now_is_given() -> None:
    auckland_row = DayOutcomes(day=NOW.date() + timedelta(days=1), accepted=60, hard=12)
    in_auckland = NOW.astimezone(timezone(timedelta(hours=13)))

    decisions = judge(MAILBOX, Evidence(days=(auckland_row,)), Policy(), in_auckland, ())

    assert [decision.level for decision in decisions] == [HoldLevel.STOP]


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        judge(MAILBOX, Evidence(), Policy(), NOW.replace(tzinfo=None), ())


# Complaints


def test_one_complaint_warns() -> None:
    assert level(DOMAIN, today(5_000, complaints=1)) is HoldLevel.WARN


def test_two_complaints_among_few_sends_stop_and_among_many_warn() -> None:
    assert level(DOMAIN, today(100, complaints=2)) is HoldLevel.STOP
    assert level(DOMAIN, today(5_000, complaints=2)) is HoldLevel.WARN


def test_one_complaint_never_stops() -> None:
    assert level(DOMAIN, today(1, complaints=1)) is not HoldLevel.STOP


def test_a_policy_that_stops_at_any_rate_still_waits_for_the_second_complaint() -> None:
    strict = replace(Policy(), complaint=replace(Policy().complaint, stop=0.0))

    first = judge(DOMAIN, today(5_000, complaints=1), strict, NOW, ())
    second = judge(DOMAIN, today(5_000, complaints=2), strict, NOW, ())

    assert [hold.level for hold in first] == [HoldLevel.WARN]
    assert [hold.level for hold in second] == [HoldLevel.STOP]


def test_sends_to_providers_that_report_nothing_do_not_dilute_complaints() -> None:
    decision = one(DOMAIN, today(20_000, complaints=2, reporting=100))

    assert decision is not None
    assert decision.level is HoldLevel.STOP
    assert (decision.numbers.trials, decision.numbers.not_observable) == (100, 19_900)


def test_three_complaints_within_a_day_stop_a_domain_whatever_its_volume() -> None:
    times = tuple(NOW - timedelta(hours=hours) for hours in (1, 5, 23))
    busy = Evidence(days=(DayOutcomes(day=NOW.date(), accepted=1_000_000, complaints=3),), complaints=times)

    decision = one(DOMAIN, busy)

    assert decision is not None
    assert (decision.level, decision.reason) == (HoldLevel.STOP, HoldReason.COMPLAINTS_WITHIN_A_DAY)


def test_three_complaints_over_more_than_a_day_are_not_three_within_one() -> None:
    times = tuple(NOW - timedelta(hours=hours) for hours in (1, 5, 24))

    assert one(DOMAIN, Evidence(complaints=times)) is None


def test_complaints_after_the_moment_asked_for_are_not_used() -> None:
    assert one(DOMAIN, Evidence(complaints=tuple(NOW + timedelta(hours=hours) for hours in (1, 2, 3)))) is None


def test_a_tenant_is_judged_by_complaints_and_not_by_bounces() -> None:
    tenant = TenantScope(TenantId(1))

    assert one(tenant, today(1_000, hard=500)) is None
    assert level(tenant, today(1_000, complaints=20)) is HoldLevel.STOP


# The provider account


def test_an_account_stops_before_its_provider_reviews_it() -> None:
    assert level(ACCOUNT, today(10_000, hard=440)) is HoldLevel.SLOW
    assert level(ACCOUNT, today(10_000, hard=460)) is HoldLevel.STOP
    assert level(ACCOUNT, today(50_000, complaints=46)) is HoldLevel.STOP


@pytest.mark.parametrize(
    ("hard", "expected"), [(150, None), (250, HoldLevel.WARN), (420, HoldLevel.SLOW), (500, HoldLevel.STOP)]
)
def test_an_account_has_thresholds_of_its_own(hard: int, expected: HoldLevel | None) -> None:
    assert level(ACCOUNT, today(10_000, hard=hard)) is expected


# Bounces in a row and in a jump


def fates(pattern: str) -> Evidence:
    """'.' a send that stayed, 'x' a hard bounce; a minute apart, the last one a minute ago."""
    start = NOW - timedelta(minutes=len(pattern))
    return Evidence(fates=tuple(SendFate(start + timedelta(minutes=n), sign == "x") for n, sign in enumerate(pattern)))


@pytest.mark.parametrize("scope", BOUNCE_SCOPES)
def test_four_hard_bounces_in_a_row_stop_below_the_floor(scope: Scope) -> None:
    decision = one(scope, fates("....xxxx"))

    assert decision is not None
    assert (decision.level, decision.reason) == (HoldLevel.STOP, HoldReason.HARD_BOUNCES_IN_A_ROW)


def test_a_run_is_seen_although_clean_sends_followed_before_anyone_looked() -> None:
    assert level(DOMAIN, fates("xxxx....")) is HoldLevel.STOP


@pytest.mark.parametrize("pattern", [".xxxx", "xx.xx", "xxxx."])
def test_sends_of_the_same_second_are_judged_alike_in_any_order(pattern: str) -> None:
    same_second = Evidence(fates=tuple(SendFate(NOW, sign == "x") for sign in pattern))

    assert level(DOMAIN, same_second) is HoldLevel.STOP


def test_three_in_a_row_do_not() -> None:
    assert one(MAILBOX, fates("...xxx.")) is None


def test_a_jump_that_is_no_run_stops_below_the_floor() -> None:
    decision = one(MAILBOX, fates("..........xx.xx..x"))

    assert decision is not None
    assert (decision.level, decision.reason) == (HoldLevel.STOP, HoldReason.HARD_BOUNCE_JUMP)


def test_a_pooled_scope_asks_more_of_a_jump_than_a_mailbox() -> None:
    assert one(DOMAIN, fates("..........xx.xx..x")) is None


def test_the_mistakes_of_the_sequential_test_are_as_rare_as_its_rule_says() -> None:
    rule = SequentialRule()

    assert sends_to_a_stop(0.01, rule) > 150_000
    assert 50 < sends_to_a_stop(0.10, rule) < 70


def sends_to_a_stop(rate: float, rule: SequentialRule) -> float:
    """The mean number of sends until the CUSUM of a mailbox stops, as a Markov chain on a grid of clean steps."""
    clean = -np.log((1 - rule.bad) / (1 - rule.acceptable))
    jump = round(float(np.log(rule.bad / rule.acceptable) / clean))
    states = int(rule.mailbox_limit / clean) + 1
    step = np.zeros((states, states))
    for state in range(states):
        step[state, max(state - 1, 0)] += 1 - rate
        if state + jump < states:
            step[state, state + jump] += rate
    return float(np.linalg.solve(np.eye(states) - step, np.ones(states))[0])


def test_a_jump_is_seen_although_clean_sends_followed_before_anyone_looked() -> None:
    rule = SequentialRule()

    assert cusum_peak([True, True, *[False] * 100], rule) == cusum_peak([True, True], rule)


def test_the_sum_starts_again_at_nothing_after_clean_sends() -> None:
    rule = SequentialRule()
    after_a_year = cusum_peak([False] * 10_000 + [True], rule)

    assert after_a_year == pytest.approx(cusum_peak([True], rule))


# Soft bounces and errors


def week_of(soft: int, recent: int) -> Evidence:
    past = [DayOutcomes(day=NOW.date() - timedelta(days=back), accepted=40, soft=soft) for back in range(2, 9)]
    last = [DayOutcomes(day=NOW.date() - timedelta(days=back), accepted=40, soft=recent) for back in range(2)]
    return Evidence(days=(*past, *last))


@pytest.mark.parametrize(
    ("usual", "recent", "expected"),
    [(1, 1, None), (1, 3, HoldLevel.WARN), (1, 8, HoldLevel.SLOW), (8, 8, None), (1, 40, HoldLevel.SLOW)],
)
def test_soft_bounces_are_measured_against_the_own_week_and_never_stop(
    usual: int, recent: int, expected: HoldLevel | None
) -> None:
    assert level(MAILBOX, week_of(usual, recent)) is expected


def test_a_rise_of_soft_bounces_needs_thirty_sends() -> None:
    assert one(MAILBOX, today(29, soft=29)) is None
    assert level(MAILBOX, today(30, soft=29)) is HoldLevel.SLOW


@pytest.mark.parametrize(
    ("count", "expected"), [(2, None), (3, HoldLevel.WARN), (4, HoldLevel.WARN), (5, HoldLevel.STOP)]
)
def test_errors_in_a_row_warn_and_stop_a_mailbox(count: int, expected: HoldLevel | None) -> None:
    assert level(MAILBOX, Evidence(errors=ErrorRun(count, NOW - timedelta(minutes=1)))) is expected


def test_a_tenants_own_thresholds_replace_the_defaults() -> None:
    policy = tenant_policy(BackOffThresholds(hard_bounces_in_a_row=2))

    decisions = judge(MAILBOX, fates("..xx"), policy, NOW, ())

    assert [decision.reason for decision in decisions] == [HoldReason.HARD_BOUNCES_IN_A_ROW]


def test_the_default_thresholds_of_a_tenant_are_the_default_policy() -> None:
    assert tenant_policy(BackOffThresholds()) == Policy()
