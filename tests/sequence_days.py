"""A tenant's business days one after another: what a plan places is sent, and its next step falls due."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import plan_factories as make

from outreach_pipelines.domain.calendar import WorkCalendar, add_business_days, business_days_between
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.follow_ups import OpenThreads, follow_ups_ahead
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sequence import EndReason

CALENDAR = WorkCalendar(make.WEEKEND, frozenset())


@dataclass(frozen=True)
class DayDone:
    """What a day came to; `waited` counts the business days that each follow-up sent was late."""

    day: date
    new_leads: int
    follow_ups: int
    waited: Counter[int]
    ended: Counter[EndReason]


@dataclass
class SequenceDays:
    """One mailbox with a cap, one campaign, and more new leads than it can ever take."""

    cap: int
    delays: tuple[int, ...]
    threads: dict[int, s.Candidate] = field(default_factory=dict)
    leads: int = 0

    def begin_threads(self, count: int, day: date) -> None:
        """First messages that left on a day, whatever the budget."""
        for _ in range(count):
            self.leads += 1
            self._advance(make.candidate(self.leads, due_day=day), day)

    def run(self, first: date, days: int) -> Iterator[DayDone]:
        day = first
        for _ in range(days):
            yield self._live(day)
            day = add_business_days(day, 1, CALENDAR)

    def _live(self, day: date) -> DayDone:
        new = [make.candidate(self.leads + n, due_day=day) for n in range(1, 2 * self.cap + 1)]
        due = [thread for thread in self.threads.values() if thread.due_day <= day]
        snapshot = self._snapshot(day, (*due, *new))
        result = plan(snapshot)
        candidates = {row.enrollment_id: row for row in snapshot.candidates}
        sent = [candidates[row.enrollment_id] for row in result.placements]
        ended = [row for row in result.decisions if row.ends is not None]
        for row in ended:
            self.threads.pop(row.enrollment_id, None)
        for row in sent:
            self._advance(row, day)
        self.leads += 2 * self.cap
        late = Counter(business_days_between(row.due_day, day, CALENDAR) for row in sent if row.step > 1)
        return DayDone(
            day, sum(row.step == 1 for row in sent), late.total(), late, Counter(row.ends for row in ended if row.ends)
        )

    def _advance(self, candidate: s.Candidate, day: date) -> None:
        if candidate.step == len(self.delays):
            self.threads.pop(candidate.enrollment_id, None)
            return
        due = add_business_days(day, self.delays[candidate.step], CALENDAR)
        self.threads[candidate.enrollment_id] = replace(
            candidate, step=candidate.step + 1, due_day=due, sticky_mailbox=s.MailboxId(1)
        )

    def _snapshot(self, day: date, candidates: tuple[s.Candidate, ...]) -> s.Snapshot:
        rows = Counter((thread.step, thread.due_day) for thread in self.threads.values())
        threads = [OpenThreads(s.MailboxId(1), s.CampaignId(1), *key, count) for key, count in rows.items()]
        ahead = follow_ups_ahead(threads, {s.CampaignId(1): self.delays}, day=day, calendar=CALENDAR)
        midnight = datetime.combine(day, time(), ZoneInfo(make.BERLIN)).astimezone(ZoneInfo("UTC"))
        steps = tuple(make.step(n, delay) for n, delay in enumerate(self.delays, 1))
        return make.snapshot(
            day=day,
            as_of=midnight.replace(tzinfo=make.snapshot().as_of.tzinfo) - timedelta(hours=1),
            campaigns=(make.campaign(steps=steps),),
            mailboxes=(make.mailbox(daily_cap=self.cap, follow_ups_ahead=ahead.get(s.MailboxId(1), ())),),
            candidates=candidates,
        )
