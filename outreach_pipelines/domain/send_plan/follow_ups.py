"""How many follow-ups the threads that run today will bring on the next business days.

Here belongs looking ahead along the sequences. Not here: what follows for new leads (`capacity.new_lead_budget`), nor
when capacity falls short.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from outreach_pipelines.domain.calendar import WorkCalendar, add_business_days, business_days_between
from outreach_pipelines.domain.ids import CampaignId, MailboxId

FORECAST_DAYS = 10
"""Business days for which a mailbox keeps room for its follow-ups."""


@dataclass(frozen=True, slots=True)
class OpenThreads:
    """Threads of one mailbox and campaign that wait for the same step, due on the same day."""

    mailbox_id: MailboxId
    campaign_id: CampaignId
    next_step: int
    due_day: date
    count: int


def follow_ups_ahead(
    threads: Iterable[OpenThreads], delays: Mapping[CampaignId, Sequence[int]], *, day: date, calendar: WorkCalendar
) -> Mapping[MailboxId, tuple[int, ...]]:
    """Follow-ups of each mailbox that fall due 1, 2, ... `FORECAST_DAYS` business days after `day`, if every step leaves
    on its day and nobody answers. `delays[c][n]` lies before step n + 1. What is due by `day` itself is not ahead of
    it, but its later steps are."""
    found: dict[MailboxId, Counter[int]] = defaultdict(Counter)
    for row in threads:
        for distance in _distances(row, delays.get(row.campaign_id, ()), day, calendar):
            found[row.mailbox_id][distance] += row.count
    return {id_: tuple(counts[n] for n in range(1, FORECAST_DAYS + 1)) for id_, counts in found.items()}


def _distances(row: OpenThreads, delays: Sequence[int], day: date, calendar: WorkCalendar) -> Iterator[int]:
    """In how many business days each step that is left falls due."""
    if row.next_step > len(delays):
        return iter(())
    first = (
        0 if row.due_day <= day else business_days_between(day, add_business_days(row.due_day, 0, calendar), calendar)
    )
    return accumulate(delays[row.next_step :], initial=first)
