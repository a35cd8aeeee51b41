"""The lab's people as pure functions: who does what, when, and in which words."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.lab.bounces import BounceKind
from outreach_pipelines.lab.config import Delays
from outreach_pipelines.lab.letters import Occasion, write_back
from outreach_pipelines.lab.people import DEFAULT_WEIGHTS, Behaviour, Dice, Weights, behaviour_of
from outreach_pipelines.lab.reactions import Reaction, plan_reactions
from outreach_pipelines.lab.wire_message import WireMessage, body_sha256, replace_header

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOBODY_SPECIAL = Weights({})


def test_shares_of_a_large_crowd_come_near_the_weights():
    crowd = 40_000

    seen = Counter(behaviour_of(f"p{i}@people.example", seed=3, weights=DEFAULT_WEIGHTS) for i in range(crowd))

    for behaviour, share in DEFAULT_WEIGHTS.shares.items():
        # Six standard deviations of a binomial count.
        assert abs(seen[behaviour] - share * crowd) < 6 * (share * crowd) ** 0.5


@pytest.mark.parametrize("behaviour", list(Behaviour))
def test_the_first_word_of_the_local_part_asks_for_a_behaviour(behaviour: Behaviour):
    address = f"{behaviour.value.upper()}.anna@people.example"

    assert behaviour_of(address, seed=1, weights=NOBODY_SPECIAL) is behaviour


def test_a_word_inside_a_name_asks_for_nothing():
    assert behaviour_of("hardy.anna@people.example", seed=1, weights=NOBODY_SPECIAL) is Behaviour.DELIVER


def test_another_seed_is_another_crowd():
    crowd = [f"p{i}@people.example" for i in range(2000)]

    first, second = ([behaviour_of(a, seed=s, weights=DEFAULT_WEIGHTS) for a in crowd] for s in (1, 2))

    assert first != second


def test_weights_above_one_in_sum_are_refused():
    with pytest.raises(ValueError, match="at most 1"):
        Weights({Behaviour.HARD: 0.6, Behaviour.REPLY: 0.5})


@given(behaviour=st.sampled_from(Behaviour), seed=st.integers(0, 2**32))
def test_a_plan_runs_forward_in_time_and_ends_in_one_fate(behaviour: Behaviour, seed: int):
    plan = plan_reactions(behaviour, dice=Dice(seed, "a@people.example"), delays=Delays())

    assert [step.after for step in plan] == sorted(step.after for step in plan)
    assert all(step.after > timedelta(0) for step in plan)
    fates = [step.what for step in plan if step.what is Reaction.DELIVERED or isinstance(step.what, BounceKind)]
    assert len(fates) == 1


@given(seed=st.integers(0, 2**32))
def test_a_reply_comes_after_delivery_and_within_its_span(seed: int):
    delivered, replied = plan_reactions(Behaviour.REPLY, dice=Dice(seed, "a@people.example"), delays=Delays())

    waited = replied.after - delivered.after
    assert timedelta(minutes=5) <= waited <= timedelta(minutes=180)


def message(subject: str = "Hello", headers: str = "") -> WireMessage:
    raw = f"From: Anna <anna@sender.test>\r\nSubject: {subject}\r\n{headers}\r\nHow are you?\r\n".encode()
    return WireMessage("p", "b@sender.test", "ben@people.example", "anna@sender.test", "<2@sender.test>", "2", raw)


def test_an_answer_goes_to_reply_to_and_threads_on_everything_before():
    original = message(headers="Reply-To: team@sender.test\r\nReferences: <1@sender.test>\r\n")

    letter = write_back(original, Occasion.REPLY, dice=Dice(1, original.recipient), now=NOW)

    answer = message_from_bytes(letter.raw, policy=policy.default)
    assert letter.recipient == "team@sender.test"
    assert letter.envelope_sender == "ben@people.example"
    assert (answer["In-Reply-To"], answer["References"]) == ("<2@sender.test>", "<1@sender.test> <2@sender.test>")
    assert answer["Auto-Submitted"] is None


def test_an_answer_to_an_answer_keeps_one_re():
    letter = write_back(message("Re: Hello"), Occasion.REPLY, dice=Dice(1, "a@people.example"), now=NOW)

    assert message_from_bytes(letter.raw, policy=policy.default)["Subject"] == "Re: Hello"


@pytest.mark.parametrize("occasion", [Occasion.ABSENCE, Occasion.TICKET])
def test_an_automatic_answer_has_no_envelope_sender(occasion: Occasion):
    letter = write_back(message(), occasion, dice=Dice(1, "a@people.example"), now=NOW)

    assert letter.envelope_sender == ""
    assert message_from_bytes(letter.raw, policy=policy.default)["Auto-Submitted"] == "auto-replied"


def test_absence_notes_come_in_two_languages_and_with_or_without_a_date():
    notes = {
        message_from_bytes(letter.raw, policy=policy.default).get_content().splitlines()[2][:30]
        for letter in (
            write_back(message(), Occasion.ABSENCE, dice=Dice(i, "a@people.example"), now=NOW) for i in range(60)
        )
    }

    assert any(note.startswith("ich bin bis") for note in notes)
    assert any(note.startswith("ich bin zurzeit") for note in notes)
    assert any(note.startswith("I am out of the office until") for note in notes)
    assert any(note.startswith("I am out of the office with") for note in notes)


def test_a_replaced_header_leaves_nothing_of_its_folded_lines():
    raw = b"A: 1\r\nMessage-ID:\r\n <old@sender.test>\r\nB: 2\r\n\r\nbody\r\n"

    assert replace_header(raw, "message-id", "<new>") == b"A: 1\r\nB: 2\r\nmessage-id: <new>\r\n\r\nbody\r\n"


def test_the_digest_of_a_body_does_not_depend_on_headers_or_line_ends():
    first, second, other = b"A: 1\r\n\r\nx\r\ny", b"B: 2\nC: 3\n\nx\ny", b"A: 1\r\n\r\nx\r\nz"

    assert body_sha256(first) == body_sha256(second)
    assert body_sha256(first) != body_sha256(other)
