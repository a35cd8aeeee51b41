"""Tests that ignore the floor: bounces in a row or in a jump, complaints of a day, reputation, errors in a row.

Belongs here: what few events already prove. Not here: rates (`rates`).
"""

from datetime import datetime, timedelta
from math import log

from outreach_pipelines.domain.back_off.evidence import AnswerStrength, ReputationAnswer, in_order
from outreach_pipelines.domain.back_off.hold import EvidenceNumbers, HoldDecision, HoldLevel, HoldReason, impose
from outreach_pipelines.domain.back_off.judged import Judged
from outreach_pipelines.domain.back_off.policy import SequentialRule


def judge_hard_run(judged: Judged) -> HoldDecision | None:
    """A stop when as many sends in a row as the policy says came back as hard bounces."""
    outcomes = in_order(judged.evidence.fates, after=judged.counts_from, up_to=judged.now)
    run = longest_run(outcomes)
    if run < judged.policy.hard_run_to_stop:
        return None
    sentence = f"{run} hard bounces in a row, and {judged.policy.hard_run_to_stop} stop"
    numbers = EvidenceNumbers(events=run, trials=len(outcomes))
    return _bounce_stop(judged, HoldReason.HARD_BOUNCES_IN_A_ROW, sentence, numbers)


def judge_hard_jump(judged: Judged, limit: float) -> HoldDecision | None:
    """A stop when the CUSUM of the sends crossed `limit`, earlier than any rate over a window could tell."""
    rule = judged.policy.sequential
    outcomes = in_order(judged.evidence.fates, after=judged.counts_from, up_to=judged.now)
    peak = cusum_peak(outcomes, rule)
    if peak < limit:
        return None
    bounced = sum(outcomes)
    sentence = (
        f"{bounced} hard bounces in {len(outcomes)} sends came so close together that a rate of {rule.bad:.0%}"
        f" explains them better than {rule.acceptable:.0%} (log likelihood {peak:.1f}, and {limit:.1f} stops)"
    )
    return _bounce_stop(
        judged, HoldReason.HARD_BOUNCE_JUMP, sentence, EvidenceNumbers(events=bounced, trials=len(outcomes))
    )


def longest_run(outcomes: list[bool]) -> int:
    """The most bounces in a row."""
    longest = run = 0
    for bounced in outcomes:
        run = run + 1 if bounced else 0
        longest = max(longest, run)
    return longest


def cusum_peak(outcomes: list[bool], rule: SequentialRule) -> float:
    """The highest value of Page's one-sided CUSUM (Biometrika 41, 1954, pp.

    100-115) of log likelihood ratios, from 0.
    """
    up, down = log(rule.bad / rule.acceptable), log((1 - rule.bad) / (1 - rule.acceptable))
    peak = level = 0.0
    for bounced in outcomes:
        level = max(0.0, level + (up if bounced else down))
        peak = max(peak, level)
    return peak


def judge_complaints_of_a_day(judged: Judged) -> HoldDecision | None:
    """A stop when a domain drew as many complaints within 24 hours as the policy says."""
    since = judged.now - timedelta(hours=24)
    start = since if judged.counts_from is None else max(since, judged.counts_from)
    count = sum(start < at <= judged.now for at in judged.evidence.complaints)
    if count < judged.policy.complaints_in_24h_to_stop:
        return None
    sentence = f"{count} complaints within 24 hours, and {judged.policy.complaints_in_24h_to_stop} stop"
    until = judged.stop_ends(judged.policy.complaint.stop_for)
    return _stop(judged, HoldReason.COMPLAINTS_WITHIN_A_DAY, sentence, EvidenceNumbers(events=count), until)


def judge_reputation(judged: Judged) -> HoldDecision | None:
    """Answers about the sender's reputation slow a path for 90 minutes or stop it for 2 hours, from the last one on."""
    rule = judged.policy.reputation
    recent = _answers(judged, rule.slow_for)
    stops = [answer for answer in _answers(judged, rule.stop_for) if answer.strength is AnswerStrength.STOP]
    if len(recent) >= rule.slow_answers_to_stop:
        stops = [*stops, *recent]
    if stops:
        last = max(answer.at for answer in stops)
        return _stop(judged, HoldReason.REPUTATION_ANSWER, _said(stops), _counted(stops), last + rule.stop_for)
    if recent:
        until = max(answer.at for answer in recent) + rule.slow_for
        return impose(
            judged.scope,
            HoldLevel.SLOW,
            HoldReason.REPUTATION_ANSWER,
            _said(recent),
            _counted(recent),
            policy=judged.policy,
            now=judged.now,
            until=until,
        )
    return None


def judge_reputation_of_mailboxes(judged: Judged) -> HoldDecision | None:
    """A tenant stops on an account when several of its mailboxes were refused there for reputation within 2 hours."""
    rule = judged.policy.reputation
    stops = [answer for answer in _answers(judged, rule.stop_for) if answer.strength is AnswerStrength.STOP]
    mailboxes = {answer.mailbox for answer in stops}
    if len(mailboxes) < rule.mailboxes_to_stop_tenant:
        return None
    sentence = f"{len(mailboxes)} mailboxes met answers about reputation; {_said(stops)}"
    until = max(answer.at for answer in stops) + rule.stop_for
    return _stop(judged, HoldReason.REPUTATION_OF_SEVERAL_MAILBOXES, sentence, _counted(stops), until)


def judge_errors(judged: Judged) -> HoldDecision | None:
    """Errors in a row of a mailbox: a warning, then a stop that ends some time after the last error."""
    rule, errors = judged.policy.errors, judged.evidence.errors
    if errors is None or errors.count < rule.warn or errors.last_at > judged.now:
        return None
    numbers = EvidenceNumbers(events=errors.count)
    over = errors.last_at + rule.stop_for <= judged.now
    paid = judged.counts_from is not None and errors.last_at <= judged.counts_from
    if errors.count >= rule.stop and not over and not paid:
        sentence = f"{errors.count} errors in a row, and {rule.stop} stop"
        return _stop(judged, HoldReason.ERRORS_IN_A_ROW, sentence, numbers, errors.last_at + rule.stop_for)
    return impose(
        judged.scope,
        HoldLevel.WARN,
        HoldReason.ERRORS_IN_A_ROW,
        f"{errors.count} errors in a row, and {rule.warn} warn",
        numbers,
        policy=judged.policy,
        now=judged.now,
        until=None,
    )


def _answers(judged: Judged, lasting: timedelta) -> list[ReputationAnswer]:
    start = judged.now - lasting
    if judged.counts_from is not None:
        start = max(start, judged.counts_from)
    return [answer for answer in judged.evidence.answers if start < answer.at <= judged.now]


def _said(answers: list[ReputationAnswer]) -> str:
    last = max(answers, key=lambda answer: (answer.at, answer.diagnostic))
    return (
        f"{len(answers)} answers about the sender's reputation, the last at {last.at:%Y-%m-%d %H:%M}: {last.diagnostic}"
    )


def _counted(answers: list[ReputationAnswer]) -> EvidenceNumbers:
    return EvidenceNumbers(events=len(answers))


def _bounce_stop(judged: Judged, reason: HoldReason, sentence: str, numbers: EvidenceNumbers) -> HoldDecision:
    return _stop(judged, reason, sentence, numbers, judged.stop_ends(judged.policy.hard.stop_for))


def _stop(
    judged: Judged, reason: HoldReason, sentence: str, numbers: EvidenceNumbers, until: datetime | None
) -> HoldDecision:
    return impose(
        judged.scope, HoldLevel.STOP, reason, sentence, numbers, policy=judged.policy, now=judged.now, until=until
    )
