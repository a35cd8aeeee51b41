"""Answers about the sender's reputation, and whom a bounce counts against."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from outreach_pipelines.domain.back_off import (
    AnswerStrength,
    CountsAgainst,
    Evidence,
    HoldLevel,
    HoldReason,
    PathScope,
    Policy,
    RecipientProviderScope,
    ReputationAnswer,
    Scope,
    TenantAccountScope,
    counts_against,
    effective_factor,
    judge,
    reputation_strength,
)
from outreach_pipelines.domain.ids import AccountId, MailboxId
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, Cause, HardCause, SoftCause
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.tenant import TenantId

NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
PATH = PathScope(MailboxId(7), AccountId(1))
TENANT_ON_ACCOUNT = TenantAccountScope(TenantId(1), AccountId(1))
POLICY = Policy()


def answer(strength: AnswerStrength, minutes_ago: float = 0, mailbox: int = 7) -> ReputationAnswer:
    return ReputationAnswer(NOW - timedelta(minutes=minutes_ago), MailboxId(mailbox), strength, "550 5.7.1 refused")


def factor(scope: Scope, *answers: ReputationAnswer) -> Fraction:
    return effective_factor(judge(scope, Evidence(answers=answers), POLICY, NOW, ()), NOW)


@pytest.mark.parametrize("scope", [PATH, RecipientProviderScope(MailboxId(7), RecipientProvider.YAHOO)])
def test_one_answer_is_enough_to_slow_or_stop_a_path(scope: Scope) -> None:
    assert factor(scope, answer(AnswerStrength.SLOW)) == Fraction(1, 2)
    assert factor(scope, answer(AnswerStrength.STOP)) == 0


@pytest.mark.parametrize(
    ("strength", "lasting"), [(AnswerStrength.SLOW, timedelta(minutes=90)), (AnswerStrength.STOP, timedelta(hours=2))]
)
def test_a_path_is_held_from_the_last_answer_on(strength: AnswerStrength, lasting: timedelta) -> None:
    (hold,) = judge(PATH, Evidence(answers=(answer(strength, 60), answer(strength, 30))), POLICY, NOW, ())

    assert hold.until == NOW - timedelta(minutes=30) + lasting


def test_answers_that_keep_coming_stop_a_path_that_is_only_slowed() -> None:
    slowing = [answer(AnswerStrength.SLOW, minutes) for minutes in (5, 10, 15)]

    assert factor(PATH, *slowing[:2]) == Fraction(1, 2)
    assert factor(PATH, *slowing) == 0


def test_an_answer_of_long_ago_holds_nothing() -> None:
    assert factor(PATH, answer(AnswerStrength.SLOW, 90), answer(AnswerStrength.STOP, 120)) == 1


def test_an_answer_of_the_future_holds_nothing() -> None:
    assert factor(PATH, answer(AnswerStrength.STOP, -1)) == 1


def test_a_stopped_path_reopens_by_a_tenth() -> None:
    evidence = Evidence(answers=(answer(AnswerStrength.STOP),))
    holds = judge(PATH, evidence, POLICY, NOW, ())

    later = NOW + timedelta(hours=2)
    reopened = judge(PATH, evidence, POLICY, later, holds)

    assert effective_factor(reopened, later) == Fraction(1, 10)


def test_three_mailboxes_stop_the_tenant_on_the_account_and_three_answers_of_one_do_not() -> None:
    three = [answer(AnswerStrength.STOP, mailbox=mailbox) for mailbox in (1, 2, 3)]

    decisions = judge(TENANT_ON_ACCOUNT, Evidence(answers=tuple(three)), POLICY, NOW, ())

    assert [(hold.level, hold.reason) for hold in decisions] == [
        (HoldLevel.STOP, HoldReason.REPUTATION_OF_SEVERAL_MAILBOXES)
    ]
    assert factor(TENANT_ON_ACCOUNT, *three[:2], *three[:2]) == 1
    assert factor(TENANT_ON_ACCOUNT, *[answer(AnswerStrength.SLOW, mailbox=n) for n in (1, 2, 3)]) == 1


@pytest.mark.parametrize("cause", [cause for cause in BlockCause if cause is not BlockCause.CONTENT])
def test_a_block_counts_against_the_path_and_never_the_recipient(cause: BlockCause) -> None:
    assert counts_against(BounceClass.BLOCK, cause) is CountsAgainst.PATH
    assert reputation_strength(BounceClass.BLOCK, cause, "550 5.7.1 refused") is AnswerStrength.STOP


def test_a_hard_answer_caused_by_the_sender_counts_against_the_path() -> None:
    assert counts_against(BounceClass.HARD, BlockCause.IP_REPUTATION) is CountsAgainst.PATH


@pytest.mark.parametrize(
    ("bounce", "cause", "expected"),
    [
        (BounceClass.HARD, HardCause.UNKNOWN_USER, CountsAgainst.RECIPIENT),
        (BounceClass.HARD, None, CountsAgainst.RECIPIENT),
        (BounceClass.FULL, None, CountsAgainst.RECIPIENT),
        (BounceClass.SOFT, SoftCause.NETWORK, CountsAgainst.RECIPIENT),
        (BounceClass.RATE_LIMITED, None, CountsAgainst.PATH),
        (BounceClass.BLOCK, BlockCause.CONTENT, CountsAgainst.CONTENT),
        (BounceClass.BLOCK, None, CountsAgainst.PATH),
        (BounceClass.GREYLISTED, None, CountsAgainst.NO_ONE),
        (BounceClass.NOT_A_FAILURE, None, CountsAgainst.NO_ONE),
        (BounceClass.UNKNOWN, None, CountsAgainst.NO_ONE),
    ],
)
def test_whom_a_bounce_counts_against(bounce: BounceClass, cause: Cause | None, expected: CountsAgainst) -> None:
    assert counts_against(bounce, cause) is expected


@pytest.mark.parametrize(
    ("diagnostic", "strength"),
    [
        ("421 4.7.650 The mail server has been temporarily rate limited", AnswerStrength.SLOW),
        ("421 4.7.0 [TSS04] Messages temporarily deferred", AnswerStrength.STOP),
    ],
)
def test_a_rate_limit_slows_and_yahoos_tss04_stops(diagnostic: str, strength: AnswerStrength) -> None:
    assert reputation_strength(BounceClass.RATE_LIMITED, None, diagnostic) is strength


@pytest.mark.parametrize(
    "diagnostic",
    [
        "550 5.7.1 This user only accepts mail from people in the address book",
        "550 5.7.1 Your address was blocked by the recipient",
        "550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized",
        "550 5.7.133 Authentication required",
        "550 5.7.124 Not allowed",
        "550 The group you tried to contact may not exist, see https://groups.google.com/support/",
    ],
)
def test_a_recipients_own_rule_says_nothing_of_the_path(diagnostic: str) -> None:
    assert reputation_strength(BounceClass.BLOCK, BlockCause.POLICY, diagnostic) is None


@pytest.mark.parametrize(
    "diagnostic", ["554 5.7.9 Message not accepted for policy reasons", "550 5.7.1 Access denied", "550"]
)
def test_a_policy_of_the_whole_system_stops_the_path(diagnostic: str) -> None:
    assert reputation_strength(BounceClass.BLOCK, BlockCause.POLICY, diagnostic) is AnswerStrength.STOP


def test_a_full_mailbox_says_nothing_of_the_path() -> None:
    assert reputation_strength(BounceClass.FULL, None, "552 5.2.2 mailbox full") is None
