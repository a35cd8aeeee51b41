"""When each recipient may be written to on the plan's day (rule 3: window, quiet hours, weekend, holidays).

Here belongs the recipient's side of time. Not here: the mailbox's hours and minutes (`slots`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from outreach_pipelines.domain.calendar import (
    DailyHours,
    Span,
    UnknownZoneError,
    WeeklyWindow,
    WorkCalendar,
    common,
    dates_around,
    day_spans,
    epoch_seconds,
    load_zone,
    local_date,
    local_spans,
    weekly_spans,
    without,
)
from outreach_pipelines.domain.place import CountryCode, ZoneName
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.snapshot import CampaignId, Candidate, Country, PlanPolicy, Snapshot

LAST_CALL = 60
"""Seconds before the end of a window in which nothing falls due: it would find the window closed when it leaves."""


@dataclass(frozen=True, slots=True, eq=False)
class RecipientDay:
    """One object for all people of the same hours, so that equality is identity. `permitted` are the whole stretches of
    their open time, `usable` what the plan may use of them today. Without usable time, `bound_by` names the rule that
    took the last of it."""

    permitted: tuple[Span, ...]
    usable: tuple[Span, ...]
    bound_by: Constraint | None
    detail: str

    def permitted_around(self, moment: int) -> Span:
        """The open stretch that holds a usable moment."""
        for span in self.permitted:
            if span.start <= moment < span.end:
                return span
        raise LookupError(moment)


class LocalDate(NamedTuple):
    """A date of some zone: all of its hours, and those that lie in the plan's day."""

    day: date
    whole: tuple[Span, ...]
    within: tuple[Span, ...]


class PlanDay:
    """The plan's day as spans: the tenant's local date, cut at `as_of` unless it is past."""

    def __init__(self, snapshot: Snapshot) -> None:
        zone = load_zone(snapshot.policy.zone)
        self.as_of = epoch_seconds(snapshot.as_of)
        self.whole = day_spans(snapshot.day, zone)
        self.is_past = snapshot.day < local_date(self.as_of, zone)
        self.left = self.whole if self.is_past else common(self.whole, (Span(self.as_of, self.as_of + 10**10),))
        self._dates: dict[ZoneInfo, tuple[LocalDate, ...]] = {}

    def dates_in(self, zone: ZoneInfo) -> tuple[date, ...]:
        """The dates of another zone that touch the day, with a margin on both sides."""
        return dates_around(Span(self.whole[0].start, self.whole[-1].end), zone) if self.whole else ()

    def divided(self, zone: ZoneInfo) -> tuple[LocalDate, ...]:
        """The day by the dates of another zone: computed once for each zone, since mailboxes share a few."""
        known = self._dates.get(zone)
        if known is None:
            wholes = {date_: day_spans(date_, zone) for date_ in self.dates_in(zone)}
            parts = (LocalDate(date_, whole, common(whole, self.whole)) for date_, whole in wholes.items())
            known = self._dates[zone] = tuple(parts)
        return known


class Windows:
    """Recipients' open time, computed once for each (zone, holidays, campaign)."""

    def __init__(self, snapshot: Snapshot, day: PlanDay) -> None:
        self._policy = snapshot.policy
        self._day = day
        self._countries = {country.code: country for country in snapshot.countries}
        self._campaigns = {campaign.id: campaign for campaign in snapshot.campaigns}
        self._tenant_holidays = tenant_calendar(snapshot).holidays
        self._known: dict[tuple[ZoneName | None, CountryCode | None, CampaignId], RecipientDay] = {}
        self._shared: dict[tuple[WeeklyWindow, ZoneInfo, frozenset[date]], RecipientDay] = {}

    def of(self, candidate: Candidate) -> RecipientDay:
        """The zone is the lead's, else its country's, else the campaign's, else the tenant's."""
        key = candidate.zone, candidate.country, candidate.campaign_id
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._recipient_day(candidate)
        return known

    def _recipient_day(self, candidate: Candidate) -> RecipientDay:
        campaign = self._campaigns[candidate.campaign_id]
        country = self._countries.get(candidate.country) if candidate.country is not None else None
        name = candidate.zone or (country and country.zone) or campaign.zone or self._policy.zone
        try:
            zone = load_zone(name)
        except UnknownZoneError as error:
            return RecipientDay((), (), Constraint.ZONE_UNKNOWN, str(error))
        hours = campaign.window, zone, country.holidays if country is not None else self._tenant_holidays
        shared = self._shared.get(hours)
        if shared is None:
            shared = self._shared[hours] = self._narrowed(*hours)
        return shared

    def _narrowed(self, window: WeeklyWindow, zone: ZoneInfo, holidays: frozenset[date]) -> RecipientDay:
        permitted: tuple[Span, ...] = ()
        usable: tuple[Span, ...] = ()
        for constraint, permitted in self._stages(window, zone, holidays):
            closing = (Span(span.start, span.end - LAST_CALL) for span in permitted)
            usable = common(self._day.left, (span for span in closing if span.start < span.end))
            if not usable:
                return RecipientDay(permitted, (), constraint, f"no time left in {zone.key} on this day")
        return RecipientDay(permitted, usable, None, "")

    def _stages(
        self, window: WeeklyWindow, zone: ZoneInfo, holidays: frozenset[date]
    ) -> Iterator[tuple[Constraint, tuple[Span, ...]]]:
        dates = self._day.dates_in(zone)
        spans = weekly_spans(dates, window, zone)
        yield Constraint.WINDOW, spans
        if self._policy.quiet_hours is not None:
            spans = without(spans, _daily(dates, self._policy.quiet_hours, zone))
            yield Constraint.QUIET_HOURS, spans
        spans = without(spans, _whole([day for day in dates if day.weekday() in self._policy.weekend], zone))
        yield Constraint.WEEKEND, spans
        yield Constraint.HOLIDAY, without(spans, _whole([day for day in dates if day in holidays], zone))


def tenant_calendar(snapshot: Snapshot) -> WorkCalendar:
    """The business days in which delays and waits are counted."""
    return own_calendar(snapshot.policy, snapshot.countries)


def own_calendar(policy: PlanPolicy, countries: Iterable[Country]) -> WorkCalendar:
    """`tenant_calendar` of a snapshot that is still to be made."""
    chosen = frozenset(policy.holiday_countries)
    listed = (country.holidays for country in countries if country.code in chosen)
    return WorkCalendar(policy.weekend, frozenset().union(*listed))


def _daily(dates: tuple[date, ...], hours: DailyHours, zone: ZoneInfo) -> tuple[Span, ...]:
    return tuple(span for day in dates for span in local_spans(day, hours, zone))


def _whole(dates: list[date], zone: ZoneInfo) -> tuple[Span, ...]:
    return tuple(span for day in dates for span in day_spans(day, zone))
