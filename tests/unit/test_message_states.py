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
#: No call is under way and none may have been made that nobody knows the end of.
CERTAINLY_NOT_OUT = {S.PLANNED, S.CLAIMED, S.RETRY_WAIT}


def moves(event: MessageEvent) -> dict[MessageState, MessageState]:
    """Every state that the event changes, with the one that follows."""
    return {state: after for state in S if not isinstance(after := advance(state, event), Ignored)}


def test_every_pair_of_state_and_event_has_a_row() -> None:
    pairs = set(product(MessageState, MessageEvent))

    assert set(TRANSITIONS) == pairs


def test_every_ignored_pair_says_why() -> None:
    reasons = [row.reason for row in TRANSITIONS.values() if isinstance(row, Ignored)]

    assert all(len(reason) > 10 for reason in reasons)


@pytest.mark.parametrize("state", sorted(MAYBE_SENT_STATES))
def test_what_may_have_been_sent_is_never_claimed_again_without_proof_of_absence_or_the_tenants_own_choice(
    state: MessageState,
) -> None:
    followers = {event: advance(state, event) for event in MessageEvent}

    leading_back = {event for event, follower in followers.items() if follower in (S.PLANNED, S.CLAIMED)}
    assert leading_back <= {E.ABSENCE_PROVEN, E.REPEAT_CHOSEN}


def test_a_lost_reply_is_doubt_and_never_a_retry() -> None:
    assert advance(S.SENDING, E.REPLY_LOST) is S.IN_DOUBT


@pytest.mark.parametrize("state", [state for state in S if state is not S.ACCEPTED])
def test_evidence_of_acceptance_wins_from_every_other_state(state: MessageState) -> None:
    assert advance(state, E.ACCEPTANCE_SEEN) is S.ACCEPTED


def test_nothing_leaves_accepted_but_a_rejection_by_the_provider_itself() -> None:
    moving = {event for event in MessageEvent if not isinstance(advance(S.ACCEPTED, event), Ignored)}

    assert moving == {E.REJECTED_AFTER_ACCEPTANCE}
    assert advance(S.ACCEPTED, E.REJECTED_AFTER_ACCEPTANCE) is S.FAILED


def test_what_has_ended_or_may_be_out_is_never_claimed() -> None:
    assert moves(E.CLAIM) == {S.PLANNED: S.CLAIMED, S.RETRY_WAIT: S.CLAIMED}


def test_a_claim_that_ends_is_planned_again_and_a_sending_message_never() -> None:
    assert moves(E.CLAIM_ENDS) == {S.CLAIMED: S.PLANNED}


def test_a_letter_that_cannot_be_written_fails_under_its_claim() -> None:
    assert moves(E.CANNOT_BE_WRITTEN) == {S.CLAIMED: S.FAILED}


@pytest.mark.parametrize(
    ("answer", "follower"),
    [(E.PROVIDER_ACCEPTED, S.ACCEPTED), (E.REFUSED_FOR_NOW, S.RETRY_WAIT), (E.REFUSED_FOR_GOOD, S.FAILED)],
)
def test_an_answer_read_in_full_settles_a_call_also_when_it_comes_after_the_lease(
    answer: MessageEvent, follower: MessageState
) -> None:
    assert moves(answer) == {S.SENDING: follower, S.IN_DOUBT: follower}


def test_a_reply_can_be_lost_only_while_a_call_is_under_way() -> None:
    assert moves(E.REPLY_LOST) == {S.SENDING: S.IN_DOUBT}


def test_proof_of_absence_plans_only_what_is_in_doubt_or_was_given_up() -> None:
    assert moves(E.ABSENCE_PROVEN) == {S.IN_DOUBT: S.PLANNED, S.UNKNOWN: S.PLANNED}


def test_where_no_evidence_will_come_doubt_ends_as_unknown() -> None:
    assert moves(E.NO_EVIDENCE) == {S.IN_DOUBT: S.UNKNOWN}


def test_what_was_not_taken_is_not_sent_where_the_same_message_left_under_another_plan() -> None:
    assert moves(E.ABSENT_AND_SENT_BEFORE) == {S.IN_DOUBT: S.CANCELLED, S.UNKNOWN: S.CANCELLED}


def test_a_tenants_choice_repeats_what_is_in_doubt_and_not_what_was_told_as_unknown() -> None:
    assert moves(E.REPEAT_CHOSEN) == {S.IN_DOUBT: S.PLANNED}


def test_a_repeat_whose_window_has_passed_is_unknown_and_not_expired_since_its_first_attempt_may_have_been_taken() -> (
    None
):
    assert moves(E.REPEAT_TOO_LATE) == dict.fromkeys({S.PLANNED, S.RETRY_WAIT, S.EXPIRED}, S.UNKNOWN)


def test_a_second_acceptance_ends_what_is_open_and_changes_no_end() -> None:
    assert moves(E.ACCEPTED_TWICE) == dict.fromkeys(OPEN_STATES | {S.UNKNOWN}, S.SUPERSEDED)


@pytest.mark.parametrize(("event", "end"), [(E.SUPPRESS, S.SUPPRESSED), (E.EXPIRE, S.EXPIRED), (E.CANCEL, S.CANCELLED)])
def test_what_is_certainly_not_out_can_be_stopped_and_nothing_else(event: MessageEvent, end: MessageState) -> None:
    assert moves(event) == dict.fromkeys(CERTAINLY_NOT_OUT, end)


def test_a_new_plan_replaces_what_is_not_held_by_a_run_and_may_not_be_out() -> None:
    assert moves(E.SUPERSEDE) == dict.fromkeys({S.PLANNED, S.RETRY_WAIT, S.EXPIRED, S.CANCELLED}, S.SUPERSEDED)


def test_what_may_be_out_is_all_that_followed_an_intent_without_a_definite_refusal() -> None:
    assert {S.SENDING, S.IN_DOUBT, S.UNKNOWN, S.ACCEPTED} == MAYBE_SENT_STATES


def test_a_message_can_be_sent_only_through_claim_and_intent() -> None:
    before_sending = {state for state, event in TRANSITIONS if TRANSITIONS[state, event] is S.SENDING}

    assert before_sending == {S.CLAIMED}


def test_open_states_are_those_that_can_still_change_by_themselves() -> None:
    assert {S.PLANNED, S.CLAIMED, S.SENDING, S.RETRY_WAIT, S.IN_DOUBT} == OPEN_STATES
