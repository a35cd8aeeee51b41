from itertools import product

import pytest

from outreach_pipelines.domain.message import (
    MAYBE_SENT_STATES,
    OPEN_STATES,
    TRANSITIONS,
    Ignored,
    MessageEvent,
    MessageState,
    advance,
)

S, E = MessageState, MessageEvent


def test_every_pair_of_state_and_event_has_a_row() -> None:
    pairs = set(product(MessageState, MessageEvent))

    assert set(TRANSITIONS) == pairs


def test_every_ignored_pair_says_why() -> None:
    reasons = [row.reason for row in TRANSITIONS.values() if isinstance(row, Ignored)]

    assert all(len(reason) > 10 for reason in reasons)


@pytest.mark.parametrize("state", sorted(MAYBE_SENT_STATES))
def test_what_may_have_been_sent_is_never_claimed_again_without_proof_of_absence(state: MessageState) -> None:
    followers = {event: advance(state, event) for event in MessageEvent}

    leading_back = {event for event, follower in followers.items() if follower in (S.PLANNED, S.CLAIMED)}
    assert leading_back <= {E.ABSENCE_PROVEN}


def test_a_lost_reply_is_doubt_and_never_a_retry() -> None:
    assert advance(S.SENDING, E.REPLY_LOST) is S.IN_DOUBT


@pytest.mark.parametrize("state", [state for state in S if state is not S.ACCEPTED])
def test_evidence_of_acceptance_wins_from_every_other_state(state: MessageState) -> None:
    assert advance(state, E.ACCEPTANCE_SEEN) is S.ACCEPTED


def test_nothing_leaves_accepted_but_a_rejection_by_the_provider_itself() -> None:
    moving = {event for event in MessageEvent if not isinstance(advance(S.ACCEPTED, event), Ignored)}

    assert moving == {E.REJECTED_AFTER_ACCEPTANCE}
    assert advance(S.ACCEPTED, E.REJECTED_AFTER_ACCEPTANCE) is S.FAILED


def test_a_message_can_be_sent_only_through_claim_and_intent() -> None:
    before_sending = {state for state, event in TRANSITIONS if TRANSITIONS[state, event] is S.SENDING}

    assert before_sending == {S.CLAIMED}


def test_open_states_are_those_that_can_still_change_by_themselves() -> None:
    assert {S.PLANNED, S.CLAIMED, S.SENDING, S.RETRY_WAIT, S.IN_DOUBT} == OPEN_STATES
