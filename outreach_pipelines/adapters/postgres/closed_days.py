"""Days of sends that are over: counted once, in the tenant's local days, so that a judgement reads few attempts.

Belongs here: which days are closed, and closing them. Does not: reading them as evidence (`evidence_reader`), nor opening
a day again, which `app.record_acceptance` does when it learns of an acceptance of that day.
"""

from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.application.apply_back_off import LONGEST_MEMORY

OPEN_DAYS = timedelta(days=3)
"""Before today. Answers come within hours; what comes later opens its day again."""
_SQL = statements("back_off")


def closed_before(connection: Connection, now: datetime) -> date:
    """The first local day that is counted anew; `now` is in the tenant's zone. Older than all memory when none is closed."""
    found: date | None = connection.execute(_SQL["closed_before"], {"zone": str(now.tzinfo)}).scalar_one_or_none()
    return found or (now - LONGEST_MEMORY).date()


def close_days(connection: Connection, now: datetime, closed: date) -> None:
    """Close what is over since `closed`; on most calls nothing is. Under the lock of the tenant's judgement.

    Call it when `app.account_day` has what was sent until `now`.
    """
    wanted = (now - OPEN_DAYS).date()
    if wanted <= closed:
        return
    values = {
        "zone": str(now.tzinfo),
        "open": datetime.combine(closed, time(), now.tzinfo),
        "close": datetime.combine(wanted, time(), now.tzinfo),
        "close_day": wanted,
    }
    connection.execute(_SQL["forget_days"], {"zone": values["zone"], "oldest": (now - LONGEST_MEMORY).date()})
    connection.execute(_SQL["close_days"], values)
