"""What came of telling somebody, written to the queue it came from: one transaction's last statement, the same for every queue."""

from collections.abc import Mapping
from typing import assert_never

from sqlalchemy import Connection, TextClause

from outreach_pipelines.application.notify_replies import NotTold, Told

LONGEST_REASON = 500


def note_outcome(
    connection: Connection,
    sql: Mapping[str, TextClause],
    which: Mapping[str, object],
    outcome: Told | NotTold,
    retry_seconds: int | None,
) -> None:
    """Run the statement `told` or `not_told` of a queue for the notice that `which` names; None tries no more."""
    match outcome:
        case Told():
            connection.execute(sql["told"], which)
        case NotTold(reason=reason):
            connection.execute(
                sql["not_told"], {**which, "reason": reason[:LONGEST_REASON], "retry_seconds": retry_seconds}
            )
        case _:
            assert_never(outcome)
