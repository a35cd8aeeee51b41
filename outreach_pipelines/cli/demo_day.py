"""One business day of all tenants, lived on the production code with stepped policy time.

Belongs here: the order of a day, as schedules and sensors would make it. Does not: any rule of planning or sending.
"""

import asyncio
import os
import threading
import time as machine
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import holidays
import httpx

from outreach_pipelines.application.apply_back_off import apply_back_off
from outreach_pipelines.application.ingest_events import EventFeed, ingest_events
from outreach_pipelines.application.maintain import sweep_all
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.application.resolve_doubt import resolve_doubt
from outreach_pipelines.application.step_clock import SteppedTime, World, step
from outreach_pipelines.application.sync_replies import sync_replies
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.errors import OutreachError
from resources import database, doubt, feeds, files, keys

HOUR = timedelta(hours=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
EVENTS_EVERY = timedelta(minutes=10)
INBOXES_EVERY = timedelta(minutes=60)
JUDGED_EVERY = timedelta(minutes=30)
PLANNED_BEFORE = timedelta(hours=2)
LONGEST_AFTERMATH = timedelta(hours=10)
WAIT_SECONDS = 0.025
# In the lab evidence has 20 s, and a probe that is sent then some more.
LONGEST_DOUBT_SECONDS = 90


class Jobs(Protocol):
    """Dagster's jobs, run in this process."""

    def know_tenants(self, slugs: Any) -> None: ...
    def run(self, job: str, keys: Any) -> Any: ...
    def report_feed(self, feed: str, slug: Any, metadata: Any) -> None: ...
    def report_uploads(self, uploads: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Keys:
    """How partitions are named."""

    hour: Callable[..., str]
    day: Callable[..., str]


def last_business_day(today: date, inventories: list[TenantInventory]) -> date:
    """The newest day that is over everywhere on earth and worked in every tenant's country."""
    day = today - timedelta(days=2)
    calendars = [holidays.country_holidays(each.tenant.country, years=(day.year - 1, day.year)) for each in inventories]
    while day.weekday() >= 5 or any(day in calendar for calendar in calendars):
        day -= timedelta(days=1)
    return day


class LabFaultError(OutreachError):
    """The lab itself is at fault, so the day proves nothing."""


class LabControl:
    """The lab's clock and state."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)

    def set_clock(self, moment: datetime) -> None:
        """Step the lab's people; what they do until `moment` is done when this returns."""
        self._client.post("/clock", json={"now": moment.isoformat()}).raise_for_status()

    def status(self) -> dict[str, Any]:
        """What is still to be published or to happen."""
        answer = self._client.get("/status").raise_for_status()
        state: dict[str, Any] = answer.json()
        return state


@dataclass(slots=True)
class DemoDay:
    """The day of `day`, hour by hour. `tell` is called with a sentence when a stage begins, `at` when the clock moves."""

    day: date
    jobs: Jobs
    keys: Keys
    tell: Callable[[str], None]
    at: Callable[[datetime, datetime], None]
    zones: dict[str, str]
    lab: LabControl = field(default_factory=lambda: LabControl(os.environ["OUTREACH_LAB_CONTROL_URL"]))
    feed: EventFeed = field(default_factory=feeds.event_feed)
    news: Counter[str] = field(default_factory=Counter)
    _time: SteppedTime = field(default_factory=database.stepped_time)
    _events_read: datetime = NEVER
    _inboxes_read: datetime = NEVER
    _judged: datetime = NEVER
    _fault: BaseException | None = None
    _lived: list[datetime] = field(default_factory=list)
    _judge_again: set[str] = field(default_factory=set)

    def live(self) -> None:
        """The whole day: intake, plan, hours, aftermath, tomorrow's plan, reports."""
        self._intake()
        self._hours()
        self._aftermath()
        self._evening()

    @property
    def _tenants(self) -> list[TenantRow]:
        return list(database.tenants().all())

    def _intake(self) -> None:
        starts = [datetime.combine(self.day, time(), ZoneInfo(zone)) for zone in self.zones.values()]
        morning = min(starts).astimezone(UTC) - PLANNED_BEFORE
        self._set_clock(morning)
        slugs = sorted(self.zones)
        self.jobs.know_tenants(slugs)
        database.maintenance().ensure_partitions(2)
        self.tell("loading inventories")
        self.jobs.run("load_inventory", slugs)
        self.tell("importing lead files")
        self.jobs.report_uploads({info.key: info.etag for info in files.object_store().list("uploads/")})
        self.jobs.run("import_new_leads", slugs)
        yesterday = [self.keys.day(self.day - timedelta(days=1), slug) for slug in slugs]
        self.tell("auditing DNS")
        self.jobs.run("audit_dns", yesterday)
        self._read_inboxes()
        self.tell("scoring mailboxes")
        self.jobs.run("score_health", yesterday)
        self.tell("planning the day")
        self.jobs.run("plan_day", [self.keys.day(self.day, slug) for slug in slugs])

    def _hours(self) -> None:
        starts = [datetime.combine(self.day, time(), ZoneInfo(zone)).astimezone(UTC) for zone in self.zones.values()]
        hour, last = min(starts).replace(minute=0), max(starts) + timedelta(hours=30)
        while hour < last:
            if due := database.due_hours().tenants_due(hour):
                self.tell(f"sending, {hour:%d %b %H}:00 UTC")
                self._live_hour(hour, [tenant.slug for tenant in due])
            hour += HOUR

    def _live_hour(self, hour: datetime, slugs: list[str]) -> None:
        self._set_clock(max(hour, self._time.now()))
        self._home()
        with self._stepping(hour + HOUR):
            self.jobs.run("send_hour", [self.keys.hour(hour, slug) for slug in slugs])
        self._set_clock(hour + HOUR)
        self._home()
        self._lived.append(hour)

    @contextmanager
    def _stepping(self, until: datetime) -> Iterator[None]:
        """Step the clock beside a running batch."""
        done = threading.Event()
        driver = threading.Thread(target=self._drive, args=(until, done), name="clock", daemon=True)
        driver.start()
        try:
            yield
        finally:
            done.set()
            driver.join()
        if self._fault is not None:
            raise self._fault

    def _drive(self, until: datetime, done: threading.Event) -> None:
        world = World(self.lab.set_clock, self._home)
        try:
            while not done.wait(WAIT_SECONDS):
                moved = step(self._time, world, until=until)
                if moved is not None:
                    self.at(moved, until)
        except BaseException as fault:  # noqa: BLE001 - carried over to the thread that waits
            self._fault = fault
            # Without steps the batch would wait for ever: the end of the hour ends it.
            self._time.set(until)

    def _home(self, *, everything: bool = False) -> None:
        """Bring home what the world has sent back, as the sensors do."""
        now = self._time.now()
        if now - self._events_read < EVENTS_EVERY and not everything:
            return
        self._events_read = now
        self._events()
        if everything or now - self._inboxes_read >= INBOXES_EVERY:
            self._read_inboxes()
        if everything or now - self._judged >= JUDGED_EVERY:
            self._judged = now
            for row in self._tenants:
                if row.ref.slug in self._judge_again or everything:
                    apply_back_off(database.back_off(), tenant=row.ref.id, now=now.astimezone(ZoneInfo(row.zone)))
            self._judge_again.clear()
            sweep_all(database.maintenance(), database.tenants(), database.messages(), horizon_seconds=20)
            asyncio.run(resolve_doubt(doubt.doubt_desk(), [row.ref.id for row in self._tenants]))

    def _events(self) -> None:
        while self.lab.status()["unpublished_events"]:
            ingest_events(self.feed, database.event_inbox(), keys.tagger())
        ingest_events(self.feed, database.event_inbox(), keys.tagger())
        for row in database.tenants().with_events():
            self._record("delivery_events", row)

    def _read_inboxes(self) -> None:
        self._inboxes_read = self._time.now()
        for row in self._tenants:
            synced = sync_replies(feeds.inbox_reader(), database.reply_store(), tenant=row.ref.id)
            self.news.update({f"read: {name}": count for name, count in synced.by_class.items()})
            self._record("replies", row)

    def _record(self, feed: str, row: TenantRow) -> None:
        done = record_events(database.event_store(), tenant=row.ref.id)
        if done.applied.keys() - {"sent", "delivered"}:
            self._judge_again.add(row.ref.slug)
        for kind, count in done.applied.items():
            self.news[f"{feed}|{row.ref.slug}|{kind}"] += count

    def _aftermath(self) -> None:
        """Live on until everybody has reacted, and the last window has passed."""
        self.tell("waiting for the last answers")
        end = self._time.now() + LONGEST_AFTERMATH
        while (due := self.lab.status()["next_reaction_at"]) and self._time.now() < end:
            self._set_clock(min(end, max(datetime.fromisoformat(due), self._time.now()) + timedelta(minutes=15)))
            self._home()
        self._home(everything=True)
        self._settle_doubt()
        if failed := self.lab.status()["failed_reactions"]:
            message = f"{failed} of the lab's people could not react; see lab.log"
            raise LabFaultError(message)

    def _settle_doubt(self) -> None:
        """Wait until evidence, or its proven absence, has ended all doubt: by the machine's clock, as doubt itself does."""
        over = machine.monotonic() + LONGEST_DOUBT_SECONDS
        while self._time.due_state().in_doubt and machine.monotonic() < over:
            machine.sleep(1)
            self._home(everything=True)

    def _evening(self) -> None:
        slugs = sorted(self.zones)
        today = [self.keys.day(self.day, slug) for slug in slugs]
        to_come = [self.keys.day(day, slug) for day in self._days_to_plan() for slug in slugs]
        self.tell("scoring, planning the next day, reporting")
        self.jobs.run("score_health", today)
        self.jobs.run("plan_day", to_come)
        self.jobs.run("reconcile_hour", [self.keys.hour(hour, slug) for hour in self._all_hours() for slug in slugs])
        self.jobs.run("report_day", today)
        for slug in slugs:
            for feed in ("delivery_events", "replies"):
                news = {
                    key.rpartition("|")[2]: count
                    for key, count in self.news.items()
                    if key.startswith(f"{feed}|{slug}|")
                }
                self.jobs.report_feed(feed, slug, news)

    def _all_hours(self) -> list[datetime]:
        """Every hour from the first to the last one lived: a ranged run takes neighbours."""
        count = int((self._lived[-1] - self._lived[0]) / HOUR) + 1 if self._lived else 0
        return [self._lived[0] + number * HOUR for number in range(count)]

    def _days_to_plan(self) -> list[date]:
        """Each day up to the next business day, as evening by evening would have planned them; none too far ahead."""
        days = [self._time.now().date() + timedelta(days=1)]
        while days[-1].weekday() >= 5:
            days.append(days[-1] + timedelta(days=1))
        latest = datetime.now(UTC).date() + timedelta(days=1)
        return [day for day in days if day <= latest] or [latest]

    def _set_clock(self, moment: datetime) -> None:
        self.lab.set_clock(moment)
        self._time.set(moment)
