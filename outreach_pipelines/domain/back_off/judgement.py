"""The holds a scope should have now: which tests look at it, and how their findings meet the holds it has.

Belongs here: `judge`. Not here: the tests themselves (`rates`, `counts`) and who stores the holds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import assert_never

from outreach_pipelines.domain.back_off.counts import (
    judge_complaints_of_a_day,
    judge_errors,
    judge_hard_jump,
    judge_hard_run,
    judge_reputation,
    judge_reputation_of_mailboxes,
)
from outreach_pipelines.domain.back_off.evidence import Evidence
from outreach_pipelines.domain.back_off.hold import HoldDecision, Signal, age, strictest, with_memory
from outreach_pipelines.domain.back_off.judged import Judged
from outreach_pipelines.domain.back_off.policy import Policy
from outreach_pipelines.domain.back_off.probation import clean_days
from outreach_pipelines.domain.back_off.rates import complaint_rate, hard_bounce_rate, judge_rate, judge_soft_bounces
from outreach_pipelines.domain.back_off.scope import (
    AccountScope,
    CampaignScope,
    DomainScope,
    LeadFileScope,
    MailboxScope,
    PathScope,
    RecipientProviderScope,
    Scope,
    TenantAccountScope,
    TenantScope,
)

HoldTest = Callable[[Judged], HoldDecision | None]
HoldTests = Mapping[Signal, Sequence[HoldTest]]


def judge(
    scope: Scope, evidence: Evidence, policy: Policy, now: datetime, current_holds: Iterable[HoldDecision]
) -> tuple[HoldDecision, ...]:
    """All holds that should stand for the scope now: at most one for each signal, and the manual ones as they are.

    `now` is aware, in the zone whose local days `evidence.days` counts; a naive one raises ValueError. A current hold
    that is missing from the answer is over. Judging again with the answer as current holds leaves the factor as it is.
    """
    if now.tzinfo is None:
        msg = "a judgement needs an aware time: its local day is that of the evidence"
        raise ValueError(msg)
    own = [hold for hold in current_holds if hold.scope == scope]
    tests = tests_of(scope, policy)
    standing = []
    for signal in Signal:
        current = [hold for hold in own if hold.reason.signal is signal]
        paid = max((hold.counts_from for hold in current if hold.counts_from), default=None)
        judged = Judged(scope=scope, evidence=evidence, policy=policy, now=now, counts_from=paid)
        if signal is Signal.MANUAL:
            standing += [hold for hold in current if hold.until is None or now < hold.until]
        else:
            standing += _judge_signal(judged, signal, tests.get(signal, ()), current)
    return tuple(standing)


def _judge_signal(
    judged: Judged, signal: Signal, tests: Sequence[HoldTest], current: Sequence[HoldDecision]
) -> list[HoldDecision]:
    """The strictest of what was found and what stands; it carries on what an earlier stop has paid for."""
    found = [test(judged) for test in tests]
    aged = [age(hold, clean_days(judged, signal, hold.until), policy=judged.policy, now=judged.now) for hold in current]
    hold = strictest((hold for hold in (*found, *aged) if hold is not None), judged.now)
    return [] if hold is None else [with_memory(hold, judged.counts_from)]


def tests_of(scope: Scope, policy: Policy) -> HoldTests:
    """Which tests look at a scope, by the signal that each one reads."""
    match scope:
        case MailboxScope():
            bounces = _bounce_tests(policy, policy.sequential.mailbox_limit)
            return bounces | {Signal.SOFT_BOUNCES: (judge_soft_bounces,), Signal.ERRORS: (judge_errors,)}
        case DomainScope():
            complaints = (_complaints(policy), judge_complaints_of_a_day)
            pooled = _bounce_tests(policy, policy.sequential.pooled_limit)
            return pooled | {Signal.COMPLAINTS: complaints, Signal.SOFT_BOUNCES: (judge_soft_bounces,)}
        case LeadFileScope() | CampaignScope():
            return _bounce_tests(policy, policy.sequential.pooled_limit)
        case TenantScope():
            return {Signal.COMPLAINTS: (_complaints(policy),)}
        case AccountScope():
            return {
                Signal.HARD_BOUNCES: (partial(judge_rate, rate=hard_bounce_rate(policy.account_hard)),),
                Signal.COMPLAINTS: (partial(judge_rate, rate=complaint_rate(policy.account_complaint)),),
            }
        case RecipientProviderScope():
            return {Signal.SOFT_BOUNCES: (judge_soft_bounces,), Signal.REPUTATION: (judge_reputation,)}
        case PathScope():
            return {Signal.REPUTATION: (judge_reputation,)}
        case TenantAccountScope():
            return {Signal.REPUTATION: (judge_reputation_of_mailboxes,)}
        case _:
            assert_never(scope)


def _bounce_tests(policy: Policy, jump_limit: float) -> dict[Signal, Sequence[HoldTest]]:
    rate = partial(judge_rate, rate=hard_bounce_rate(policy.hard))
    return {Signal.HARD_BOUNCES: (rate, judge_hard_run, partial(judge_hard_jump, limit=jump_limit))}


def _complaints(policy: Policy) -> HoldTest:
    return partial(judge_rate, rate=complaint_rate(policy.complaint))
