"""When a message may leave (rule 3), read from the wall clocks of recipient, mailbox and tenant.

Belongs here: clocks, weekdays, holidays. Does not: spacing and counts.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from outreach_pipelines.proof.plan_check.candidate_document import Candidate
from outreach_pipelines.proof.plan_check.facts import ONE_DAY, Facts, Violation
from outreach_pipelines.proof.plan_check.form import DailyHours
from outreach_pipelines.proof.plan_check.plan_document import Placement
from outreach_pipelines.proof.plan_check.sender_document import Mailbox

_SECOND = timedelta(seconds=1)
LAST_CALL = timedelta(seconds=60)
"""Nothing falls due so near the end of its window: it would find the window closed when it leaves."""


def hours(facts: Facts) -> Iterator[Violation]:
    """Every placement against the clocks."""
    for placement, candidate, mailbox in facts.sound:
        subject = f"enrollment {candidate.enrollment_id}"
        found = (*_day(facts, placement, mailbox), *_recipient(facts, candidate, placement))
        yield from (Violation(rule, subject, sentence) for rule, sentence in found)


def within(clock: time, span: DailyHours) -> bool:
    """Whether a clock shows a time of these hours."""
    if span.start < span.end:
        return span.start <= clock < span.end
    return clock >= span.start or clock < span.end


def _day(facts: Facts, placement: Placement, mailbox: Mailbox) -> Iterator[tuple[str, str]]:
    due, tenant = placement.due_at, ZoneInfo(facts.snapshot.policy.zone)
    if due.astimezone(tenant).date() != facts.snapshot.day:
        yield "day", f"due at {due.astimezone(tenant)}, not on the plan's day"
    if facts.snapshot.day < facts.snapshot.as_of.astimezone(tenant).date():
        yield "past_day", "the day was over when the plan was made"
    if due < facts.snapshot.as_of:
        yield "as_of", "due before the snapshot was taken"
    if due.microsecond:
        yield "day", "not in whole seconds"
    if not placement.window_start <= due <= placement.window_end - LAST_CALL:
        yield "window", "due outside of its own window, or in its last minute"
    own = due.astimezone(ZoneInfo(mailbox.zone))
    if mailbox.hours is not None and not within(own.time(), mailbox.hours):
        yield "mailbox_hours", f"{own:%H:%M} is outside of mailbox {mailbox.id}'s hours"


def _recipient(facts: Facts, candidate: Candidate, placement: Placement) -> Iterator[tuple[str, str]]:
    """The slot and both ends of the stretch in which the message may leave: each must be open."""
    zone = facts.zone_of(candidate)
    if zone is None:
        yield "zone_unknown", "the recipient's zone is not known"
        return
    for moment in (placement.window_start, placement.due_at, placement.window_end - _SECOND):
        local = moment.astimezone(zone)
        for rule, sentence in closed(facts, candidate, local):
            yield rule, f"{local:%Y-%m-%d %H:%M %Z}: {sentence}"


def closed(facts: Facts, candidate: Candidate, local: datetime) -> Iterator[tuple[str, str]]:
    """Why nobody may write to a recipient whose clock shows `local`."""
    window, policy = facts.campaigns[candidate.campaign_id].window, facts.snapshot.policy
    if not within(local.time(), window.hours):
        yield "window", "outside of the window"
    if _opened_on(local, window.hours).weekday() not in window.weekdays:
        yield "window", "the window does not open on that weekday"
    if policy.quiet_hours is not None and within(local.time(), policy.quiet_hours):
        yield "quiet_hours", "in quiet hours"
    if local.weekday() in policy.weekend:
        yield "weekend", "on a weekend"
    country = facts.countries.get(candidate.country) if candidate.country is not None else None
    if local.date() in (frozenset(country.holidays) if country is not None else facts.tenant_holidays):
        yield "holiday", "on a public holiday"


def _opened_on(local: datetime, span: DailyHours) -> date:
    """The day on which the window that holds `local` opened."""
    runs_over = span.end <= span.start
    return local.date() - ONE_DAY if runs_over and local.time() < span.end else local.date()
