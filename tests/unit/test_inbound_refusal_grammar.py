"""What is understood of a refusal whose sentence no row knows: a noun of the recipient and what is said of it."""

import pytest

from outreach_pipelines.domain.inbound.bounce_rules import classify_refusal, take_apart
from outreach_pipelines.domain.inbound.refusal_grammar import worded_refusal
from outreach_pipelines.domain.inbound.verdict import (
    Basis,
    BounceClass,
    Cause,
    Confidence,
    HardCause,
    SoftCause,
    Verdict,
)

RCPT = " (in reply to RCPT TO command)"
DATA = " (in reply to end of DATA command)"
UNHEARD = "550 the customer of that number is not on record with us"

CLOSED = "550 the login of this person was revoked"


def judge(line: str) -> Verdict:
    refusal = take_apart(line)
    return classify_refusal(refusal.code, refusal.enhanced, refusal.text, refusal.stage)


@pytest.mark.parametrize(
    ("words", "bounce_class", "cause"),
    [
        ("that subscriber is not on record", BounceClass.HARD, HardCause.UNKNOWN_USER),
        ("el buzón solicitado ya no existe", BounceClass.HARD, HardCause.UNKNOWN_USER),
        ("a címzett ismeretlen", BounceClass.HARD, HardCause.UNKNOWN_USER),
        ("συγγνώμη, ο χρήστης δεν υπάρχει", BounceClass.HARD, HardCause.UNKNOWN_USER),
        ("宛先のユーザは登録されていません", BounceClass.HARD, HardCause.UNKNOWN_USER),
        ("the login of this person was revoked", BounceClass.HARD, HardCause.DISABLED),
        ("das konto wurde gekündigt", BounceClass.HARD, HardCause.DISABLED),
        ("в ящике нет мест", BounceClass.FULL, None),
        ("kullanıcının posta kutusu doldu", BounceClass.FULL, None),
        ("the inbox of this person is crammed, no free space", BounceClass.FULL, None),
    ],
)
def test_a_noun_and_a_predicate_of_a_language_are_understood(
    words: str, bounce_class: BounceClass, cause: Cause | None
) -> None:
    worded = worded_refusal(words)

    assert worded is not None
    assert (worded.bounce_class, worded.cause, worded.confidence) == (bounce_class, cause, Confidence.MEDIUM)


@pytest.mark.parametrize(
    "words",
    [
        "the sender of this user's mail is unknown",
        "your account is disabled",
        "the client's certificate for this user has expired",
        "the mailbox may be full",
        "the user was found. the command is unknown",
        "account locked temporarily",
        "用户没有权限",
        "the volume of mail for this mailbox",
        "",
    ],
)
def test_what_is_said_of_another_or_only_supposed_is_no_word_on_the_recipient(words: str) -> None:
    assert worded_refusal(words) is None


def test_it_condemns_in_answer_to_rcpt_to() -> None:
    verdict = judge(UNHEARD + RCPT)

    assert (verdict.bounce_class, verdict.evidence.basis) == (BounceClass.HARD, Basis.TEXT)


@pytest.mark.parametrize("line", [CLOSED, UNHEARD, UNHEARD + DATA, UNHEARD.replace("550", "550 5.7.1")])
def test_without_a_witness_it_condemns_nobody_and_the_codes_speak(line: str) -> None:
    verdict = judge(line)

    assert verdict.bounce_class in (BounceClass.UNKNOWN, BounceClass.BLOCK)
    assert verdict.evidence.basis is not Basis.TEXT


def test_under_a_transient_code_it_is_not_enough_to_condemn() -> None:
    verdict = judge(UNHEARD.replace("550", "450") + RCPT)

    assert (verdict.bounce_class, verdict.cause) == (BounceClass.SOFT, SoftCause.UNCONFIRMED_RECIPIENT)
