"""When a sequence's next step is due, in business days of the tenant's calendar.

Belongs here: reading delays and calendar. Does not: the arithmetic (`domain.calendar`, `domain.sequence`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.calendar_data import country_around
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.domain.calendar import Weekday, WorkCalendar
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.place import CountryCode
from outreach_pipelines.domain.sequence import (
    Active,
    OutOfOffice,
    SequencePolicy,
    SoftBounced,
    StepSent,
    after_news,
)

_SQL = statements("events")


@dataclass(frozen=True, slots=True)
class StepCalendar:
    """`NextStepDay` as role outreach_app."""

    engine: Engine

    def __call__(self, letter: Letter, accepted_at: datetime) -> date | None:
        """See `NextStepDay`."""
        with tenant_session(self.engine, letter.claim.tenant) as connection:
            return next_step_day(connection, letter.campaign_id, letter.step, accepted_at)


def next_step_day(connection: Connection, campaign_id: int, step: int, accepted_at: datetime) -> date | None:
    """The day of the step after `step`, None when that was the last one."""
    row = _row(connection, campaign_id)
    on = accepted_at.astimezone(ZoneInfo(row["zone"])).date()
    match after_news(Active(step, on), StepSent(on), _policy(row, on)):
        case Active(due_day=day):
            return day
        case _:
            return None


def delayed_day(connection: Connection, campaign_id: int, at: datetime, away_until: date | None, *, soft: bool) -> date:
    """The earliest day of the next step after a soft bounce or an absence."""
    row = _row(connection, campaign_id)
    on = at.astimezone(ZoneInfo(row["zone"])).date()
    news = SoftBounced(on) if soft else OutOfOffice(on, away_until)
    match after_news(Active(1, on), news, _policy(row, on)):
        case Active(due_day=day):
            return day
        case _:
            return on


def _row(connection: Connection, campaign_id: int) -> RowMapping:
    return connection.execute(_SQL["steps_of"], {"campaign_id": campaign_id}).mappings().one()


def _policy(row: RowMapping, around: date) -> SequencePolicy:
    countries = row["holiday_countries"] or [row["country"]]
    holidays = frozenset[date]().union(*(country_around(CountryCode(code), around).holidays for code in countries))
    calendar = WorkCalendar(frozenset(Weekday(number) for number in row["weekend"]), holidays)
    return SequencePolicy(calendar, tuple(row["delays"] or ()))
