"""A report as a table that fits the page: each rate stands, in percent, behind the count that it is the rate of."""

from collections.abc import Mapping, Sequence
from typing import Final

import dagster as dg

from outreach_pipelines.application.write_reports import Number, ReportRow

#: The count that a rate belongs to.
RATE_OF: Final[Mapping[str, str]] = {
    "delivered rate": "delivered",
    "hard bounce rate": "hard bounces",
    "soft bounce rate": "soft bounces",
    "blocked rate": "blocked",
    "complaint rate": "complained",
    "reply rate": "replied",
}
_RATE_BY_COUNT: Final = {count: rate for rate, count in RATE_OF.items()}


def report_table(rows: Sequence[ReportRow]) -> dg.TableMetadataValue:
    """A column a count; a number that is not defined is a dash."""
    columns = [name for name in dict.fromkeys(n for row in rows for n in row.numbers) if name not in RATE_OF]
    records = [dg.TableRecord({"name": row.name, **{name: _cell(row, name) for name in columns}}) for row in rows]
    return dg.MetadataValue.table(records or [dg.TableRecord({"name": "-"})])


def _cell(row: ReportRow, name: str) -> str:
    count, rate = row.numbers.get(name), row.numbers.get(_RATE_BY_COUNT.get(name, ""))
    return _number(count) if rate is None else f"{_number(count)} ({rate:.2%})"


def _number(number: Number | None) -> str:
    return "-" if number is None else str(number)
