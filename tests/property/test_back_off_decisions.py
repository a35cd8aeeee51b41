"""What holds must never do, whatever the evidence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import TypeVar

from hypothesis import assume, given
from hypothesis import strategies as st

from outreach_pipelines.domain.back_off import (
    AccountScope,
    AnswerStrength,
    CampaignScope,
    DomainScope,
    ErrorRun,
    Evidence,
    HoldDecision,
    HoldReason,
    LeadFileId,
    LeadFileScope,
    MailboxScope,
    PathScope,
    Policy,
    RecipientProviderScope,
    ReputationAnswer,
    Scope,
    SendFate,
    TenantAccountScope,
    TenantScope,
    effective_factor,
    judge,
)
from outreach_pipelines.domain.ids import AccountId, CampaignId, DomainId, MailboxId
from outreach_pipelines.domain.mailbox_health import DayOutcomes
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.tenant import TenantId

Row = TypeVar("Row")

NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
POLICY = Policy()
RATES = (HoldReason.HARD_BOUNCE_RATE, HoldReason.COMPLAINT_RATE)

ALL_SCOPES: tuple[Scope, ...] = (
    MailboxScope(MailboxId(1)),
    DomainScope(DomainId(1)),
    LeadFileScope(LeadFileId(1)),
    CampaignScope(CampaignId(1)),
    TenantScope(TenantId(1)),
    RecipientProviderScope(MailboxId(1), RecipientProvider.YAHOO),
    PathScope(MailboxId(1), AccountId(1)),
    TenantAccountScope(TenantId(1), AccountId(1)),
    AccountScope(AccountId(1)),
)
scopes = st.sampled_from(ALL_SCOPES)
moments = st.integers(min_value=0, max_value=10 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
small = st.integers(min_value=0, max_value=6)


@st.composite
def day_rows(draw: st.DrawFn) -> DayOutcomes:
    accepted = draw(st.integers(min_value=0, max_value=120))
    return DayOutcomes(
        day=NOW.date() - timedelta(days=draw(st.integers(min_value=0, max_value=35))),
        accepted=accepted,
        hard=draw(small),
        blocks=draw(st.integers(min_value=0, max_value=1)),
        complaints=draw(st.integers(min_value=0, max_value=2)),
        reporting=draw(st.none() | st.integers(min_value=0, max_value=accepted)),
    )


answers = st.builds(
    ReputationAnswer,
    moments,
    st.integers(min_value=1, max_value=4).map(MailboxId),
    st.sampled_from(AnswerStrength),
    st.sampled_from(["550 5.7.1 refused", "421 4.7.650 rate limited"]),
)
evidences = st.builds(
    Evidence,
    days=st.lists(day_rows(), max_size=12).map(tuple),
    fates=st.lists(st.builds(SendFate, moments, st.booleans()), max_size=40).map(tuple),
    complaints=st.lists(moments, max_size=4).map(tuple),
    answers=st.lists(answers, max_size=6).map(tuple),
    errors=st.none() | st.builds(ErrorRun, st.integers(min_value=1, max_value=6), moments),
)


@st.composite
def earlier_holds(draw: st.DrawFn, scope: Scope) -> tuple[HoldDecision, ...]:
    """Holds that an earlier judgement set, up to two weeks ago, from evidence of its own."""
    back = timedelta(minutes=draw(st.integers(min_value=1, max_value=14 * 24 * 60)))
    return judge(scope, draw(evidences), POLICY, NOW - back, ())


@st.composite
def cases(draw: st.DrawFn) -> tuple[Scope, Evidence, tuple[HoldDecision, ...]]:
    scope = draw(scopes)
    return scope, draw(evidences), draw(st.just(()) | earlier_holds(scope))


def factor(scope: Scope, evidence: Evidence, holds: tuple[HoldDecision, ...]) -> Fraction:
    return effective_factor(judge(scope, evidence, POLICY, NOW, holds), NOW)


@st.composite
def worsened(draw: st.DrawFn, evidence: Evidence) -> Evidence:
    """The same sends with more bad news of every kind that was drawn."""
    news = st.tuples(small, small)
    days = tuple(
        replace(row, hard=row.hard + hard, complaints=row.complaints + complaints, blocks=row.blocks + hard)
        for row, (hard, complaints) in ((row, draw(news)) for row in evidence.days)
    )
    return replace(
        evidence,
        days=days,
        fates=tuple(replace(fate, hard=fate.hard or draw(st.booleans())) for fate in evidence.fates),
        complaints=(*evidence.complaints, *draw(st.lists(moments, max_size=2))),
        answers=(*evidence.answers, *draw(st.lists(answers, max_size=2))),
        errors=evidence.errors and replace(evidence.errors, count=evidence.errors.count + draw(small)),
    )


@given(cases(), st.data())
def test_more_bad_evidence_never_loosens_a_hold(
    case: tuple[Scope, Evidence, tuple[HoldDecision, ...]], data: st.DataObject
) -> None:
    scope, evidence, holds = case
    worse = data.draw(worsened(evidence))

    assert factor(scope, worse, holds) <= factor(scope, evidence, holds)


@given(cases(), st.lists(st.integers(min_value=0, max_value=2_000), min_size=13, max_size=13), st.lists(moments))
def test_more_clean_sends_never_tighten_a_hold_above_the_floor(
    case: tuple[Scope, Evidence, tuple[HoldDecision, ...]], more: list[int], clean: list[datetime]
) -> None:
    scope, evidence, holds = case
    busy = DayOutcomes(day=NOW.date(), accepted=POLICY.account_hard.floor)
    before = replace(evidence, days=(*evidence.days, busy))
    grown = tuple(
        replace(row, accepted=row.accepted + extra, reporting=None if row.reporting is None else row.reporting + extra)
        for row, extra in zip(before.days, more, strict=False)
    )
    after = replace(before, days=grown, fates=(*before.fates, *(SendFate(at, hard=False) for at in clean)))

    assume(all(hold.since.date() < NOW.date() for hold in holds))  # else the floor is not met beyond the earlier stop
    assert factor(scope, after, holds) >= factor(scope, before, holds)


@given(scopes, st.lists(day_rows(), max_size=12), st.lists(st.integers(min_value=0, max_value=4), min_size=12))
def test_below_the_floor_no_rate_stops(scope: Scope, rows: list[DayOutcomes], sends: list[int]) -> None:
    days = tuple(
        replace(row, accepted=few, hard=min(row.hard, few), complaints=0, reporting=None)
        for row, few in zip(rows, sends, strict=False)
    )

    decisions = judge(scope, Evidence(days=days), POLICY, NOW, ())

    assert not [hold for hold in decisions if hold.reason in RATES]


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(
    case: tuple[Scope, Evidence, tuple[HoldDecision, ...]], random: Random
) -> None:
    scope, evidence, holds = case

    def shuffled(rows: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(random.sample(rows, len(rows)))

    mixed = replace(
        evidence,
        days=shuffled(evidence.days),
        fates=shuffled(evidence.fates),
        complaints=shuffled(evidence.complaints),
        answers=shuffled(evidence.answers),
    )

    assert judge(scope, mixed, POLICY, NOW, shuffled(holds)) == judge(scope, evidence, POLICY, NOW, holds)


@given(cases())
def test_judging_again_without_news_leaves_the_factor_as_it_is(
    case: tuple[Scope, Evidence, tuple[HoldDecision, ...]],
) -> None:
    scope, evidence, holds = case
    once = judge(scope, evidence, POLICY, NOW, holds)

    twice = judge(scope, evidence, POLICY, NOW, once)

    assert effective_factor(twice, NOW) == effective_factor(once, NOW)
    assert 0 <= effective_factor(once, NOW) <= 1


@given(cases(), st.lists(day_rows(), max_size=3), st.lists(st.booleans(), max_size=6))
def test_nothing_that_came_later_is_used(
    case: tuple[Scope, Evidence, tuple[HoldDecision, ...]], rows: list[DayOutcomes], fates: list[bool]
) -> None:
    scope, evidence, holds = case
    tomorrow = NOW.date() + timedelta(days=1)
    later = replace(
        evidence,
        days=(*evidence.days, *(replace(row, learnt_on=tomorrow) for row in rows)),
        fates=(*evidence.fates, *(SendFate(NOW + timedelta(minutes=1), hard=hard) for hard in fates)),
        complaints=(*evidence.complaints, NOW + timedelta(minutes=1)),
    )

    assert judge(scope, later, POLICY, NOW, holds) == judge(scope, evidence, POLICY, NOW, holds)


STOPPING = Evidence(
    days=(DayOutcomes(day=NOW.date(), accepted=1_000, hard=500, complaints=50),),
    answers=tuple(ReputationAnswer(NOW, MailboxId(n), AnswerStrength.STOP, "550 5.7.1 refused") for n in range(3)),
    errors=ErrorRun(5, NOW),
)


@given(scopes, evidences, st.integers(min_value=0, max_value=60 * 24 * 30))
def test_an_automatic_stop_never_goes_straight_back(scope: Scope, news: Evidence, minutes: int) -> None:
    stopped = judge(scope, STOPPING, POLICY, NOW, ())
    later = NOW + timedelta(minutes=minutes)

    # All news is of before the stop, so no clean day can have followed it.
    after = effective_factor(judge(scope, news, POLICY, later, stopped), later)

    assert effective_factor(stopped, NOW) == 0
    assert after <= POLICY.recovery.half_open
