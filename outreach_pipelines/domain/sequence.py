"""The life of an enrollment: on which day its next step is due, and the names of its ends.

Here belongs what news does to a due day. Not here: at what minute and from which mailbox a step leaves (`send_plan`),
and what stops a sequence (`delivery_event`). Days are dates of the tenant's calendar; delays count its business days.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import assert_never

from outreach_pipelines.domain.calendar import WorkCalendar, add_business_days, business_days_between


class EndReason(StrEnum):
    """Why no further step of an enrollment will be sent."""

    COMPLETED = "completed"
    REPLIED = "replied"
    COMPANY_REPLIED = "company_replied"
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    ERASED = "erased"
    WAITED_TOO_LONG = "waited_too_long"
    MAILBOX_RETIRED = "mailbox_retired"
    OUTCOME_UNKNOWN = "outcome_unknown"
    CAMPAIGN_ENDED = "campaign_ended"


@dataclass(frozen=True, slots=True)
class SequencePolicy:
    """The tenant's rules. Waits and delays are business days; `delays[i]` lies before step i + 1, so `delays[0]` is
    the wait before the first message."""

    calendar: WorkCalendar
    delays: tuple[int, ...]
    soft_bounce_delay: int = 2
    undated_absence: int = 5


@dataclass(frozen=True, slots=True)
class Active:
    """Step `step` (from 1) is due on `due_day` or as soon after it as there is room."""

    step: int
    due_day: date


@dataclass(frozen=True, slots=True)
class Ended:
    """No further step is due."""

    reason: EndReason
    on: date


Enrollment = Active | Ended


@dataclass(frozen=True, slots=True)
class StepSent:
    """The provider accepted the message of the current step."""

    on: date


@dataclass(frozen=True, slots=True)
class OutOfOffice:
    """`until` is the last day of absence as the auto-reply states it, None when it names none."""

    on: date
    until: date | None


@dataclass(frozen=True, slots=True)
class SoftBounced:
    """Refused for now. The message is not sent again; the next step comes later."""

    on: date


SequenceNews = StepSent | OutOfOffice | SoftBounced


def after_news(active: Active, news: SequenceNews, policy: SequencePolicy) -> Enrollment:
    """What news that stops nothing does to the next step. What stops a sequence: `delivery_event`."""
    match news:
        case StepSent(on=on):
            return _due(active.step + 1, on, policy)
        case OutOfOffice():
            return _not_before(active, _return_day(news, policy))
        case SoftBounced(on=on):
            return _not_before(active, add_business_days(on, policy.soft_bounce_delay, policy.calendar))
    assert_never(news)


def waited_too_long(due_day: date, today: date, calendar: WorkCalendar, *, longest_wait: int) -> bool:
    """Whether a step that was due on `due_day` has waited more than `longest_wait` business days by `today`."""
    return business_days_between(due_day, today, calendar) > longest_wait


def back_in_office(until: date, calendar: WorkCalendar) -> date:
    """The first day to write again: one business day after the return, which is the first business day after the last
    day of absence. So not into the fullest inbox."""
    return add_business_days(until, 2, calendar)


def _due(step: int, after: date, policy: SequencePolicy) -> Enrollment:
    if step > len(policy.delays):
        return Ended(EndReason.COMPLETED, after)
    return Active(step, add_business_days(after, policy.delays[step - 1], policy.calendar))


def _not_before(active: Active, day: date) -> Active:
    return replace(active, due_day=max(active.due_day, day))


def _return_day(news: OutOfOffice, policy: SequencePolicy) -> date:
    if news.until is None:
        return add_business_days(news.on, policy.undated_absence, policy.calendar)
    if news.until < news.on:  # an absence that is already over: the person is back today
        return add_business_days(news.on, 1, policy.calendar)
    return back_in_office(news.until, policy.calendar)
