"""The life of an enrollment: which step is due on which day, what stops it, and how it ends.

Here belongs what news does to a sequence. Not here: at what minute and from which mailbox a step leaves (`send_plan`),
and what a reply or bounce is (`inbound`). Days are dates of the tenant's calendar; delays count its business days.
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
    longest_wait: int = 5
    soft_bounce_delay: int = 2
    undated_absence: int = 5
    company_reply_stops: bool = False


@dataclass(frozen=True, slots=True)
class Active:
    """Step `step` (from 1) is due on `due_day` or as soon after it as there is room."""

    step: int
    due_day: date


@dataclass(frozen=True, slots=True)
class Ended:
    """Final, but for stronger news: see `after_news`."""

    reason: EndReason
    on: date


Enrollment = Active | Ended


@dataclass(frozen=True, slots=True)
class StepSent:
    """The provider accepted the message of the current step."""

    on: date


@dataclass(frozen=True, slots=True)
class Replied:
    """A person answered; auto-replies are not this."""

    on: date


@dataclass(frozen=True, slots=True)
class CompanyReplied:
    """Somebody else of the same company answered."""

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


@dataclass(frozen=True, slots=True)
class Stopped:
    """News that always ends a sequence: unsubscribe, complaint, hard bounce, suppression, erasure and the like."""

    reason: EndReason
    on: date


SequenceNews = StepSent | Replied | CompanyReplied | OutOfOffice | SoftBounced | Stopped

# What a person asked for outranks how the sequence happened to end before.
_OUTRANKS_AN_END = frozenset(
    {EndReason.REPLIED, EndReason.UNSUBSCRIBED, EndReason.COMPLAINED, EndReason.SUPPRESSED, EndReason.ERASED}
)
_ENDED_BY_ITSELF = frozenset(
    {
        EndReason.COMPLETED,
        EndReason.COMPANY_REPLIED,
        EndReason.WAITED_TOO_LONG,
        EndReason.MAILBOX_RETIRED,
        EndReason.OUTCOME_UNKNOWN,
        EndReason.CAMPAIGN_ENDED,
    }
)


def enroll(on: date, policy: SequencePolicy) -> Enrollment:
    """A new enrollment. A campaign without steps is complete before it begins."""
    return _due(1, on, policy)


def after_news(enrollment: Enrollment, news: SequenceNews, policy: SequencePolicy) -> Enrollment:
    """What news does. An ended enrollment never becomes active again; a reply, an unsubscribe, a complaint, a
    suppression or an erasure replaces the reason of one that merely ran out, so that reports tell what the person said.
    """
    match enrollment:
        case Ended():
            return _after_the_end(enrollment, news)
        case Active():
            return _while_active(enrollment, news, policy)
    assert_never(enrollment)


def waited_too_long(due_day: date, today: date, calendar: WorkCalendar, *, longest_wait: int) -> bool:
    """Whether a step that was due on `due_day` has waited more than `longest_wait` business days by `today`."""
    return business_days_between(due_day, today, calendar) > longest_wait


def back_in_office(until: date, calendar: WorkCalendar) -> date:
    """The first day to write again: one business day after the last day of absence, so not into the fullest inbox."""
    return add_business_days(until, 1, calendar)


def _while_active(active: Active, news: SequenceNews, policy: SequencePolicy) -> Enrollment:
    match news:
        case StepSent(on=on):
            return _due(active.step + 1, on, policy)
        case Replied(on=on):
            return Ended(EndReason.REPLIED, on)
        case CompanyReplied(on=on):
            return Ended(EndReason.COMPANY_REPLIED, on) if policy.company_reply_stops else active
        case OutOfOffice():
            return _not_before(active, _return_day(news, policy))
        case SoftBounced(on=on):
            return _not_before(active, add_business_days(on, policy.soft_bounce_delay, policy.calendar))
        case Stopped(reason=reason, on=on):
            return Ended(reason, on)
    assert_never(news)


def _after_the_end(ended: Ended, news: SequenceNews) -> Ended:
    match news:
        case Replied(on=on):
            said = Ended(EndReason.REPLIED, on)
        case Stopped(reason=reason, on=on):
            said = Ended(reason, on)
        case StepSent() | CompanyReplied() | OutOfOffice() | SoftBounced():
            return ended
        case _:
            assert_never(news)
    return said if said.reason in _OUTRANKS_AN_END and ended.reason in _ENDED_BY_ITSELF else ended


def _due(step: int, after: date, policy: SequencePolicy) -> Enrollment:
    if step > len(policy.delays):
        return Ended(EndReason.COMPLETED, after)
    return Active(step, add_business_days(after, policy.delays[step - 1], policy.calendar))


def _not_before(active: Active, day: date) -> Active:
    return replace(active, due_day=max(active.due_day, day))


def _return_day(news: OutOfOffice, policy: SequencePolicy) -> date:
    if news.until is None:
        return add_business_days(news.on, policy.undated_absence, policy.calendar)
    # An auto-reply may quote an absence that is already over.
    return back_in_office(max(news.until, news.on), policy.calendar)
