"""The life of one message: its states, what may happen to it, and the one table of what follows.

Belongs here: states and transitions. Does not: locks, leases and limits (`adapters/postgres/functions/030_begin_send.sql`)
nor what a provider's answer means (`provider_answers`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NewType

MessageId = NewType("MessageId", int)
PlanId = NewType("PlanId", int)


class MessageState(StrEnum):
    """Where a message stands. Each crash leaves it in one of these, and each says what is safe to do next."""

    PLANNED = "planned"
    CLAIMED = "claimed"  # a run holds it under a lease; no call has been made
    SENDING = "sending"  # the intent is committed: from here on it may have been sent
    RETRY_WAIT = "retry_wait"  # refused for now by an answer read in full
    IN_DOUBT = "in_doubt"  # the answer was lost; only evidence moves it on
    UNKNOWN = "unknown"  # no evidence will come: shown, counted, not sent again
    ACCEPTED = "accepted"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class MessageEvent(StrEnum):
    """What happens to a message."""

    CLAIM = "claim"
    CLAIM_ENDS = "claim_ends"  # released, or its lease ran out
    CANNOT_BE_WRITTEN = "cannot_be_written"  # a template or a header at fault, found under the claim
    INTENT = "intent"
    PROVIDER_ACCEPTED = "provider_accepted"
    REFUSED_FOR_NOW = "refused_for_now"
    REFUSED_FOR_GOOD = "refused_for_good"
    REPLY_LOST = "reply_lost"  # time-out, connection cut, or the lease of a sending message ran out
    ACCEPTANCE_SEEN = "acceptance_seen"  # an event or a look-up carries our verified tag or Message-ID
    REJECTED_AFTER_ACCEPTANCE = "rejected_after_acceptance"  # SES: Reject and Rendering Failure come after Send
    ABSENCE_PROVEN = "absence_proven"  # by the stream's watermark, by two looks, or by a person's word
    ABSENT_AND_SENT_BEFORE = "absent_and_sent_before"  # not taken, and its key was accepted under another plan
    NO_EVIDENCE = "no_evidence"  # this provider will never tell
    REPEAT_CHOSEN = "repeat_chosen"  # nor will this one, and the tenant chose to send once more (`smtp_at_least_once`)
    REPEAT_TOO_LATE = "repeat_too_late"  # the window has passed before it was sent once more
    ACCEPTED_TWICE = "accepted_twice"  # taken, and so was the same message under another attempt or plan
    SUPPRESS = "suppress"
    EXPIRE = "expire"
    CANCEL = "cancel"
    SUPERSEDE = "supersede"


@dataclass(frozen=True, slots=True)
class Ignored:
    """The event changes nothing here, and why that is right."""

    reason: str


S = MessageState
E = MessageEvent

OPEN_STATES = frozenset({S.PLANNED, S.CLAIMED, S.SENDING, S.RETRY_WAIT, S.IN_DOUBT})
#: States in which the provider may hold the message; a re-plan must not make a second one. Nor of a planned one that is to be
#: sent once more: its row names the attempt that may have been taken.
MAYBE_SENT_STATES = frozenset({S.SENDING, S.IN_DOUBT, S.UNKNOWN, S.ACCEPTED})

_NOT_CLAIMED = Ignored("only a claimed message has a claim to end")
_NO_CALL_UNDER_WAY = Ignored("the answer belongs to an attempt that was settled already")
_ONLY_WAITING_ARE_CLAIMED = Ignored("only a planned message, or one whose retry is due, is claimed")
_INTENT_NEEDS_CLAIM = Ignored("an intent needs the claim; its compare-and-set finds none")
_NO_DOUBT = Ignored("there is no doubt to settle")
_NOTHING_TO_REPEAT = Ignored("only what waits to be sent once more can be too late for it")
_NO_SECOND_ATTEMPT = Ignored("its end stays; the second acceptance is kept with its attempt, and counted")
_TOO_LATE = Ignored("the provider may hold it: nothing on our side can take it back")
_CLOSED = Ignored("it has ended already, and its first reason stays")

_RULES: Mapping[MessageEvent, tuple[Mapping[MessageState, MessageState], Mapping[MessageState, Ignored], Ignored]] = {
    # event: (moves, ignored for a reason of its own, ignored in every other state)
    E.CLAIM: ({S.PLANNED: S.CLAIMED, S.RETRY_WAIT: S.CLAIMED}, {}, _ONLY_WAITING_ARE_CLAIMED),
    # No call was made under a claim, so it is safe to plan it again.
    E.CLAIM_ENDS: (
        {S.CLAIMED: S.PLANNED},
        {S.SENDING: Ignored("after the intent a lease that runs out is a lost reply")},
        _NOT_CLAIMED,
    ),
    E.CANNOT_BE_WRITTEN: ({S.CLAIMED: S.FAILED}, {}, Ignored("letters are written under a claim only")),
    E.INTENT: ({S.CLAIMED: S.SENDING}, {}, _INTENT_NEEDS_CLAIM),
    E.PROVIDER_ACCEPTED: (
        {S.SENDING: S.ACCEPTED, S.IN_DOUBT: S.ACCEPTED},
        {S.ACCEPTED: Ignored("evidence was faster; the answer only fills in the provider's id")},
        _NO_CALL_UNDER_WAY,
    ),
    # The late answer of a call that the sweeper had put in doubt is still an answer read in full.
    E.REFUSED_FOR_NOW: ({S.SENDING: S.RETRY_WAIT, S.IN_DOUBT: S.RETRY_WAIT}, {}, _NO_CALL_UNDER_WAY),
    E.REFUSED_FOR_GOOD: ({S.SENDING: S.FAILED, S.IN_DOUBT: S.FAILED}, {}, _NO_CALL_UNDER_WAY),
    E.REPLY_LOST: ({S.SENDING: S.IN_DOUBT}, {S.IN_DOUBT: Ignored("it is in doubt already")}, _NO_CALL_UNDER_WAY),
    # Evidence of acceptance wins from every state without an accepted attempt, also after a wrong release.
    E.ACCEPTANCE_SEEN: (
        {state: S.ACCEPTED for state in S if state is not S.ACCEPTED},
        {S.ACCEPTED: Ignored("providers report at least once")},
        _CLOSED,
    ),
    # The provider took it and threw it away: nothing was sent, and nothing is sent again.
    E.REJECTED_AFTER_ACCEPTANCE: (
        {S.ACCEPTED: S.FAILED},
        {},
        Ignored("an acceptance is recorded before its rejection"),
    ),
    # From unknown only a person leads back: what proves nothing any more is known by somebody.
    E.ABSENCE_PROVEN: ({S.IN_DOUBT: S.PLANNED, S.UNKNOWN: S.PLANNED}, {}, _NO_DOUBT),
    E.ABSENT_AND_SENT_BEFORE: ({S.IN_DOUBT: S.CANCELLED, S.UNKNOWN: S.CANCELLED}, {}, _NO_DOUBT),
    E.NO_EVIDENCE: ({S.IN_DOUBT: S.UNKNOWN}, {}, _NO_DOUBT),
    # Once, under the same tag and Message-ID; not from unknown, which somebody has been told of.
    E.REPEAT_CHOSEN: ({S.IN_DOUBT: S.PLANNED}, {}, _NO_DOUBT),
    # Not expired: its first attempt may have been taken.
    E.REPEAT_TOO_LATE: (
        {S.PLANNED: S.UNKNOWN, S.RETRY_WAIT: S.UNKNOWN, S.EXPIRED: S.UNKNOWN},
        {},
        _NOTHING_TO_REPEAT,
    ),
    # One of the two counts as accepted: this one is the other.
    E.ACCEPTED_TWICE: (
        dict.fromkeys((S.PLANNED, S.CLAIMED, S.SENDING, S.RETRY_WAIT, S.IN_DOUBT, S.UNKNOWN), S.SUPERSEDED),
        {},
        _NO_SECOND_ATTEMPT,
    ),
    **{
        event: (
            {S.PLANNED: end, S.CLAIMED: end, S.RETRY_WAIT: end},
            {S.SENDING: _TOO_LATE, S.IN_DOUBT: _TOO_LATE, S.UNKNOWN: _TOO_LATE, S.ACCEPTED: _TOO_LATE},
            _CLOSED,
        )
        for event, end in ((E.SUPPRESS, S.SUPPRESSED), (E.EXPIRE, S.EXPIRED), (E.CANCEL, S.CANCELLED))
    },
    E.SUPERSEDE: (
        {S.PLANNED: S.SUPERSEDED, S.RETRY_WAIT: S.SUPERSEDED, S.EXPIRED: S.SUPERSEDED, S.CANCELLED: S.SUPERSEDED},
        {
            S.CLAIMED: Ignored("a claimed message is kept; its intent fails on the revoked plan"),
            S.SUPERSEDED: Ignored("a plan that places it again makes a new message, to which its key then points"),
            **dict.fromkeys(MAYBE_SENT_STATES, _TOO_LATE),
        },
        _CLOSED,
    ),
}


def _total() -> Mapping[tuple[MessageState, MessageEvent], MessageState | Ignored]:
    return MappingProxyType(
        {
            (state, event): moves.get(state) or excused.get(state) or otherwise
            for event, (moves, excused, otherwise) in _RULES.items()
            for state in MessageState
        }
    )


#: Every pair of state and event, with the state that follows or the reason why nothing does.
TRANSITIONS: Mapping[tuple[MessageState, MessageEvent], MessageState | Ignored] = _total()


def advance(state: MessageState, event: MessageEvent) -> MessageState | Ignored:
    """What follows `event` in `state`. Total: each pair has its row."""
    return TRANSITIONS[state, event]
