"""The rows of bounce_rules.toml, the order in which they speak, and the guards over them."""

import pytest

from outreach_pipelines.domain.inbound.bounce_rules import (
    BounceType,
    ProviderName,
    classify_provider_bounce,
    classify_refusal,
    take_apart,
)
from outreach_pipelines.domain.inbound.rule_book import Outcome, TextRule, rule_book
from outreach_pipelines.domain.inbound.verdict import (
    Basis,
    BlockCause,
    BounceClass,
    Cause,
    Confidence,
    EnhancedCode,
    HardCause,
    ReplyCode,
    SoftCause,
    Stage,
    Verdict,
)

SES = ProviderName("ses")


def judge(line: str) -> Verdict:
    refusal = take_apart(line)
    return classify_refusal(refusal.code, refusal.enhanced, refusal.text, refusal.stage)


@pytest.mark.parametrize("rule", rule_book().text, ids=lambda rule: str(rule.outcome.name))
def test_each_text_row_decides_its_own_example(rule: TextRule) -> None:
    verdict = judge(rule.outcome.example)

    assert (verdict.evidence.rule, verdict.evidence.basis) == (rule.outcome.name, Basis.TEXT)
    assert (verdict.bounce_class, verdict.cause) == (rule.outcome.bounce_class, rule.outcome.cause)


@pytest.mark.parametrize("outcome", rule_book().enhanced.values(), ids=lambda outcome: str(outcome.name))
def test_each_enhanced_code_row_decides_its_own_example(outcome: Outcome) -> None:
    verdict = judge(outcome.example)

    assert (verdict.evidence.rule, verdict.evidence.basis) == (outcome.name, Basis.ENHANCED_CODE)
    assert (verdict.bounce_class, verdict.cause) == (outcome.bounce_class, outcome.cause)


@pytest.mark.parametrize("outcome", rule_book().reply_code.values(), ids=lambda outcome: str(outcome.name))
def test_each_reply_code_row_decides_its_own_example(outcome: Outcome) -> None:
    verdict = judge(outcome.example)

    assert (verdict.evidence.rule, verdict.bounce_class) == (outcome.name, outcome.bounce_class)


@pytest.mark.parametrize("outcome", rule_book().provider_type.values(), ids=lambda outcome: str(outcome.name))
def test_each_provider_type_row_decides_its_own_example(outcome: Outcome) -> None:
    provider = ProviderName(outcome.name.partition(" ")[0])

    verdict = classify_provider_bounce(provider, BounceType(outcome.example), "")

    assert (verdict.evidence.rule, verdict.evidence.basis) == (outcome.name, Basis.PROVIDER_TYPE)


@pytest.mark.parametrize(
    ("line", "bounce_class", "cause"),
    [
        ("550-5.1.1 The account that you tried to reach does not exist.", BounceClass.HARD, HardCause.UNKNOWN_USER),
        ("550 5.2.1 The account that you tried to reach is disabled.", BounceClass.HARD, HardCause.DISABLED),
        ("450 4.2.1 The user is receiving mail too quickly.", BounceClass.RATE_LIMITED, None),
        ("550 5.2.1 The user is receiving mail too quickly.", BounceClass.RATE_LIMITED, None),
        ("421 4.7.28 unusual rate of unsolicited mail", BounceClass.RATE_LIMITED, None),
        ("550 5.7.26 unauthenticated", BounceClass.BLOCK, BlockCause.AUTHENTICATION),
        ("550 5.7.27 sender rules", BounceClass.BLOCK, BlockCause.AUTHENTICATION),
        ("550 5.7.30 sender rules", BounceClass.BLOCK, BlockCause.AUTHENTICATION),
        ("550 5.7.32 sender rules", BounceClass.BLOCK, BlockCause.AUTHENTICATION),
        ("550 5.7.25 The IP address has no PTR record", BounceClass.BLOCK, BlockCause.AUTHENTICATION),
        ("550 5.7.515 Access denied, required authentication level", BounceClass.BLOCK, BlockCause.AUTHENTICATION),
        ("550 5.7.1 not sent, our block list (S3150)", BounceClass.BLOCK, BlockCause.IP_REPUTATION),
        ("451 4.7.650 [192.0.2.7] rate limited due to IP reputation", BounceClass.RATE_LIMITED, None),
        ("421 4.7.0 [TSS04] Messages temporarily deferred", BounceClass.RATE_LIMITED, None),
        ("421 4.7.1 [TS03] All messages permanently deferred", BounceClass.BLOCK, BlockCause.IP_REPUTATION),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", BounceClass.HARD, HardCause.UNKNOWN_USER),
        ("552 5.2.2 out of room", BounceClass.FULL, None),
        ("452 4.2.2 out of room", BounceClass.FULL, None),
        ("450 4.7.1 Greylisted for 300 seconds", BounceClass.GREYLISTED, None),
    ],
)
def test_what_the_large_providers_answer_means(line: str, bounce_class: BounceClass, cause: Cause | None) -> None:
    verdict = judge(line)

    assert (verdict.bounce_class, verdict.cause) == (bounce_class, cause)


def test_access_denied_at_exchange_online_is_hard_with_lower_confidence() -> None:
    verdict = judge("550 5.4.1 Recipient address rejected: Access denied.")

    assert (verdict.bounce_class, verdict.confidence) == (BounceClass.HARD, Confidence.MEDIUM)


def test_text_beats_the_enhanced_code() -> None:
    verdict = judge("550 5.1.1 <ann@example.net>: mailbox full")

    assert verdict.bounce_class is BounceClass.FULL


def test_an_enhanced_code_beats_the_reply_code() -> None:
    verdict = classify_refusal(ReplyCode(552), EnhancedCode(5, 1, 1), "", Stage.RCPT_TO)

    assert verdict.bounce_class is BounceClass.HARD


@pytest.mark.parametrize(
    "line", ["550", "550 5.0.0", "550 5.1.0", "554 5.0.0 <unknown-user@example.net> no", "", "\x00"]
)
def test_what_carries_nothing_is_unknown_and_never_hard(line: str) -> None:
    verdict = judge(line)

    assert verdict.bounce_class is BounceClass.UNKNOWN


def test_a_policy_code_is_a_block_also_where_the_text_says_unknown_user() -> None:
    policy, unknown = judge("550 5.7.1 no"), judge("550 5.7.1 <ann@example.net>: user unknown")

    assert (policy.bounce_class, unknown.bounce_class) == (BounceClass.BLOCK, BounceClass.BLOCK)


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.HELLO, Stage.MAIL_FROM])
def test_a_refusal_before_the_recipient_was_named_never_condemns_the_recipient(stage: Stage) -> None:
    verdict = classify_refusal(ReplyCode(550), EnhancedCode(5, 1, 1), "user unknown", stage)

    assert (verdict.bounce_class, verdict.cause) == (BounceClass.BLOCK, BlockCause.POLICY)


def test_the_stage_is_read_from_the_reporters_words() -> None:
    verdict = judge("550 5.1.1 <app@example.com>: user unknown (in reply to MAIL FROM command)")

    assert verdict.bounce_class is BounceClass.BLOCK


def test_the_words_of_a_hard_bounce_under_a_transient_code_are_soft() -> None:
    verdict = judge("450 4.1.1 <ann@example.net>: user unknown")

    assert (verdict.bounce_class, verdict.cause) == (BounceClass.SOFT, SoftCause.UNCONFIRMED_RECIPIENT)


def test_a_hard_bounce_after_the_content_is_less_certain() -> None:
    verdict = judge("550 5.1.1 user unknown (in reply to end of DATA command)")

    assert (verdict.bounce_class, verdict.confidence) == (BounceClass.HARD, Confidence.MEDIUM)


def test_an_expired_message_takes_the_reason_of_the_last_transient_answer() -> None:
    verdict = judge("554 5.4.7 Message expired, last answer: <452 4.2.2 mailbox full>")

    assert verdict.bounce_class is BounceClass.FULL


def test_a_lock_that_passes_condemns_nobody_even_under_a_permanent_code() -> None:
    verdict = judge("550 5.2.1 <ann@example.net>: User ann@example.net temporarily locked. Please try again later.")

    assert verdict.bounce_class is BounceClass.SOFT


def test_mailbox_unavailable_under_a_policy_code_is_a_block() -> None:
    address, policy = judge("550 5.1.1 Mailbox unavailable"), judge("550 5.7.1 Mailbox unavailable")

    assert (address.bounce_class, policy.bounce_class) == (BounceClass.HARD, BounceClass.BLOCK)


def test_a_blocklist_address_makes_it_a_block_even_under_a_code_of_the_address() -> None:
    verdict = judge("550 5.1.1 see https://www.spamhaus.org/query/bl?ip=192.0.2.7")

    assert (verdict.bounce_class, verdict.cause) == (BounceClass.BLOCK, BlockCause.BLOCKLIST)


def test_a_name_inside_an_address_does_not_speak_for_the_server() -> None:
    verdict = judge("550 5.2.2 <user.unknown+greylisted@spam.example.net>")

    assert verdict.bounce_class is BounceClass.FULL


def test_an_ip_reputation_block_is_no_hard_bounce() -> None:
    verdict = judge("550 5.7.1 rejected due to the poor reputation of 192.0.2.7")

    assert (verdict.bounce_class, verdict.cause) == (BounceClass.BLOCK, BlockCause.IP_REPUTATION)


def test_words_broken_over_continuation_lines_are_read_as_one_text() -> None:
    verdict = judge("550-5.7.1 likely due to the low reputation of the sending\r\n550-5.7.1 domain. See the help.")

    assert verdict.cause is BlockCause.DOMAIN_REPUTATION


def test_an_address_of_the_internet_protocol_is_no_status_code() -> None:
    refusal = take_apart("host 192.5.1.1 refused, version 5.1.1.2")

    assert (refusal.code, refusal.enhanced) == (None, None)


def test_a_providers_diagnostic_beats_its_type() -> None:
    verdict = classify_provider_bounce(SES, BounceType("Permanent/General"), "smtp; 550 5.7.26 DMARC policy")

    assert (verdict.bounce_class, verdict.cause) == (BounceClass.BLOCK, BlockCause.AUTHENTICATION)


def test_the_same_refusal_gives_the_same_verdict_as_answer_and_as_provider_event() -> None:
    line = "550 5.1.1 <ann@example.net>: Recipient address rejected: User unknown"

    answer, event = judge(line), classify_provider_bounce(SES, BounceType("Permanent/General"), line)

    assert answer == event


def test_a_provider_type_that_no_row_knows_is_unknown() -> None:
    verdict = classify_provider_bounce(SES, BounceType("Sideways/General"), "")

    assert verdict.bounce_class is BounceClass.UNKNOWN


@pytest.mark.parametrize("outcome", [rule.outcome for rule in rule_book().text], ids=lambda outcome: str(outcome.name))
def test_each_row_names_its_source(outcome: Outcome) -> None:
    assert outcome.source.strip()
