"""A database that cannot be reached, told in one sentence.

Belongs here: which of SQLAlchemy's errors mean that, and the sentence. Does not: errors of statements, which are bugs.
"""

import re

from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from outreach_pipelines.settings import load_settings


def told(fault: Exception) -> str | None:
    """The sentence for a database that cannot be reached; None where the fault is another one."""
    if not isinstance(fault, OperationalError) or not is_unreachable(fault):
        return None
    return unreachable(fault, load_settings().database_url.get_secret_value())


def is_unreachable(fault: OperationalError) -> bool:
    """Whether there was no connection at all: the server's own refusals of a statement carry an SQLSTATE."""
    return getattr(fault.orig, "sqlstate", None) is None


def unreachable(fault: OperationalError, database_url: str) -> str:
    """Where it was looked for, what came back, and what to do. Repeats no password."""
    url = make_url(database_url)
    place = f"PostgreSQL at {url.host}:{url.port or 5432}"
    return f"{place} does not answer ({_cause(fault)}); is a stack running? make dev"


def _cause(fault: OperationalError) -> str:
    # libpq's own words (fe-connect.c): 'connection to server at "HOST", port PORT failed: CAUSE', and hints on further lines.
    first_line = str(fault.orig).partition("\n")[0]
    return re.split(r"failed: (?:FATAL: +)?", first_line)[-1].strip().rstrip(".")
