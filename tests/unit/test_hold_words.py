"""Reasons of refused intents, in words."""

import pytest

from outreach_pipelines.application.constraint_words import HOLDS_IN_WORDS, hold_in_words, intent_reason_in_words
from outreach_pipelines.domain.back_off import HoldReason


def test_every_reason_of_a_hold_has_its_words() -> None:
    assert set(HOLDS_IN_WORDS) == set(HoldReason)
    assert all("_" not in words for words in HOLDS_IN_WORDS.values())


def test_a_hold_is_told_in_words_and_the_own_words_of_a_person_stay_as_they_are() -> None:
    assert hold_in_words("complaint_rate") == "too many people complain"
    assert hold_in_words("the client asked to wait_for_Monday") == "the client asked to wait_for_Monday"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("held: complaint_rate", "held: too many people complain"),
        ("held: of_a_later_version", "held: of a later version"),
        ("outside_window", "outside window"),
        ("upheld: complaint_rate", "upheld: complaint rate"),
    ],
)
def test_a_refused_intent_is_told_in_words_also_one_that_is_not_known_here(reason: str, words: str) -> None:
    assert intent_reason_in_words(reason) == words
