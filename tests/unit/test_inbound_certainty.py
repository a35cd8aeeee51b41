"""When a hard verdict may stand: the witnesses that words need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.inbound.bounce_rules import classify_refusal, settles, take_apart
from outreach_pipelines.domain.inbound.verdict import (
    BlockCause,
    BounceClass,
    Confidence,
    EnhancedCode,
    HardCause,
    ReplyCode,
    Stage,
    Verdict,
)


def judge(line: str, *, stage: Stage | None = None) -> Verdict:
    refusal = take_apart(line)
    return classify_refusal(refusal.code, refusal.enhanced, refusal.text, stage or refusal.stage)


def test_words_of_an_absent_mailbox_condemn_nobody_alone() -> None:
    verdict = judge("550 User unknown")

    assert (verdict.bounce_class, verdict.cause) == (BounceClass.BLOCK, BlockCause.CONTENT)
    assert (verdict.confidence, verdict.evidence.rule) == (Confidence.LOW, "unknown-user (unconfirmed)")


@pytest.mark.parametrize(
    "line", ["550 5.1.1 User unknown", "550 User unknown (in reply to RCPT TO command)", "550 5.2.1 User unknown"]
)
def test_a_code_of_the_address_or_the_answer_to_rcpt_confirms_the_words(line: str) -> None:
    verdict = judge(line)

    assert (verdict.bounce_class, verdict.cause) == (BounceClass.HARD, HardCause.UNKNOWN_USER)


def test_words_that_only_the_system_of_the_mailbox_says_need_no_second_witness() -> None:
    assert judge("User ann not listed in Domino Directory").bounce_class is BounceClass.HARD


def test_a_server_that_took_the_recipient_and_refused_the_content_condemns_nobody() -> None:
    verdict = judge("550 User unknown (in reply to end of DATA command)")

    assert (verdict.bounce_class, verdict.confidence) == (BounceClass.BLOCK, Confidence.MEDIUM)


@pytest.mark.parametrize("code", ["5.7.1", "5.2.2", "5.3.4", "5.6.1"])
def test_words_under_a_code_that_says_otherwise_condemn_nobody(code: str) -> None:
    verdict = judge(f"550 {code} User unknown (in reply to RCPT TO command)")

    assert verdict.bounce_class is BounceClass.BLOCK


def test_a_server_that_knows_no_domain_may_mean_that_of_the_sender() -> None:
    answered, looked_up = judge("550 Domain does not exist"), judge("Domain does not exist")

    assert (answered.bounce_class, looked_up.bounce_class) == (BounceClass.BLOCK, BounceClass.HARD)


@pytest.mark.parametrize("code", ["5.1.7", "5.1.8"])
def test_a_code_of_the_sender_never_condemns_the_recipient(code: str) -> None:
    verdict = judge(f"550 {code} No such user (in reply to RCPT TO command)")

    assert (verdict.bounce_class, verdict.cause) == (BounceClass.BLOCK, BlockCause.POLICY)


def test_a_reporters_title_over_every_refusal_is_a_witness_of_the_stage_and_no_words() -> None:
    unknown = judge("5.1.0 - Unknown address error 550-'No such user here' (delivery attempts: 0)")
    elsewise = judge("5.1.0 - Unknown address error 554-'not today' (delivery attempts: 0)")

    assert (unknown.bounce_class, elsewise.bounce_class) == (BounceClass.HARD, BounceClass.UNKNOWN)


def test_an_unconfirmed_verdict_does_not_settle() -> None:
    assert not settles(judge("550 User unknown"))


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.HELLO, Stage.MAIL_FROM])
def test_a_refusal_in_unknown_words_before_the_recipient_is_named_is_a_block(stage: Stage) -> None:
    assert judge("554 go away", stage=stage).bounce_class is BounceClass.BLOCK
    assert judge("554 go away", stage=Stage.RCPT_TO).bounce_class is BounceClass.UNKNOWN


TRANSIENT = st.integers(min_value=400, max_value=499)
ANY_CODE = st.builds(EnhancedCode, st.sampled_from([4, 5]), st.integers(0, 7), st.integers(0, 40))


@given(code=TRANSIENT, enhanced=st.none() | ANY_CODE, stage=st.sampled_from(Stage), words=st.sampled_from(["user unknown", "host unknown", "account is disabled", "no"]))  # fmt: skip
def test_no_transient_answer_is_ever_hard(code: int, enhanced: EnhancedCode | None, stage: Stage, words: str) -> None:
    verdict = classify_refusal(ReplyCode(code), enhanced, words, stage)

    assert verdict.bounce_class is not BounceClass.HARD


@given(enhanced=st.none() | ANY_CODE, stage=st.sampled_from([Stage.CONNECT, Stage.HELLO, Stage.MAIL_FROM]), words=st.sampled_from(["user unknown", "host unknown", "account is disabled", ""]))  # fmt: skip
def test_nothing_said_before_the_recipient_was_named_is_ever_hard(
    enhanced: EnhancedCode | None, stage: Stage, words: str
) -> None:
    verdict = classify_refusal(ReplyCode(550), enhanced, words, stage)

    assert verdict.bounce_class is not BounceClass.HARD


@given(
    detail=st.integers(min_value=0, max_value=700).filter(lambda detail: detail not in {13, 17, 18}),
    stage=st.sampled_from(Stage),
)
def test_no_words_are_hard_under_a_code_of_policy(detail: int, stage: Stage) -> None:
    verdict = classify_refusal(ReplyCode(550), EnhancedCode(5, 7, detail), "user unknown", stage)

    assert verdict.bounce_class is not BounceClass.HARD
