"""What evidence of acceptance does to rows in memory (`functions/040_outcomes.sql`, `app.record_acceptance`).

Belongs here: acceptance, once, from any state. Does not: how evidence arrives (`memory_events`), nor what its absence means
(`memory_doubt`).
"""

from outreach_pipelines.domain.message import MessageEvent, MessageId, MessageState
from outreach_pipelines.proof.rows import ACCEPTED_ONCE_OR_MORE, AttemptOutcome, MessageRow, Tables

_NOT_BEGUN = frozenset({MessageState.PLANNED, MessageState.CLAIMED, MessageState.RETRY_WAIT})


def record_acceptance(tables: Tables, message: MessageId, attempt: int, event: MessageEvent) -> str:
    """accepted | known | accepted_twice | no_such_attempt."""
    row = tables.messages[message]
    told = tables.attempts.get((message, attempt))
    if told is None:
        return "no_such_attempt"
    if told.outcome in ACCEPTED_ONCE_OR_MORE:
        return "known"
    if tables.accepted_before(row):
        told.outcome = AttemptOutcome.ACCEPTED_TWICE
        return "accepted_twice"
    told.outcome = AttemptOutcome.ACCEPTED
    at = tables.clocks.machine()
    # A late answer of an earlier attempt is evidence like any other.
    moved = row.attempt == attempt and row.happens(event, at)
    if not moved:
        row.happens(MessageEvent.ACCEPTANCE_SEEN, at)
    _recall_successor(tables, row)
    enrollment = tables.enrollments[row.enrollment]
    if enrollment.step == row.step:
        enrollment.step, enrollment.first_was_accepted = row.step + 1, True
    return "accepted"


def _recall_successor(tables: Tables, row: MessageRow) -> None:
    """The key points back to what was accepted; a successor that has not begun must not go any more."""
    successor = tables.messages[tables.current[row.key]]
    if successor.id != row.id and successor.state in _NOT_BEGUN:
        successor.happens(MessageEvent.CANCEL, tables.clocks.machine(), "accepted_before")
    tables.current[row.key] = row.id
