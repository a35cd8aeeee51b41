"""When a sequence's next step is due, in business days of the tenant's calendar.

Belongs here: reading delays and calendar. Does not: the arithmetic (`domain.calendar`, `domain.sequence`).
"""

import time
from dataclasses import dataclass, field
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
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("events")


KNOWN_SECONDS = 60.0
"""For so long a campaign's steps are taken to be as they were read: a change of them reaches the days of next steps that late."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A campaign's steps as they were read at `read_at` (monotonic clock), and the days found with them."""

    row: RowMapping
    read_at: float
    days: dict[tuple[int, date], date | None] = field(default_factory=dict)

    def day_after(self, step: int, accepted_at: datetime) -> date | None:
        on = accepted_at.astimezone(ZoneInfo(self.row["zone"])).date()
        if (step, on) not in self.days:
            self.days[step, on] = _day_after(self.row, step, on)
        return self.days[step, on]


@dataclass(frozen=True, slots=True)
class StepCalendar:
    """`NextStepDay` as role outreach_app. Safe for threads: at worst two of them read the same."""

    engine: Engine
    known_seconds: float = KNOWN_SECONDS
    _known: dict[tuple[TenantId, int], _Known] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, letter: Letter, accepted_at: datetime) -> date | None:
        """See `NextStepDay`."""
        tenant, campaign = letter.claim.tenant, letter.campaign_id
        known = self._known.get((tenant, campaign))
        if known is None or time.monotonic() - known.read_at >= self.known_seconds:
            with tenant_session(self.engine, tenant) as connection:
                known = _Known(_row(connection, campaign), time.monotonic())
            self._known[tenant, campaign] = known
        return known.day_after(letter.step, accepted_at)


def next_step_day(connection: Connection, campaign_id: int, step: int, accepted_at: datetime) -> date | None:
    """The day of the step after `step`, None when that was the last one."""
    row = _row(connection, campaign_id)
    return _day_after(row, step, accepted_at.astimezone(ZoneInfo(row["zone"])).date())


def _day_after(row: RowMapping, step: int, on: date) -> date | None:
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
