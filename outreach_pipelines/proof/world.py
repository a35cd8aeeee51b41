"""A world decided by a schedule: duplicate runs of an hour, upkeep, providers and people, on virtual time.

Belongs here: who runs when, and the faults that are moments rather than calls. Does not: the send protocol, which is the
production batch loop over the system under proof; nor the judgement.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Protocol, TypeVar

from outreach_pipelines.application.ingest_events import ingest_events
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.application.resolve_doubt import DoubtDesk, Probing, resolve_doubt
from outreach_pipelines.application.send_batch import BatchLimits, SendDesk, send_hour
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.proof.journal import Cap, CountedEvent, FinalMessage, Journal, Silence, Stop
from outreach_pipelines.proof.judge import Broken, Placed, judge
from outreach_pipelines.proof.plain_ports import TAGGER, NoLookups, PlainRenderer, plain_letter
from outreach_pipelines.proof.process import CURRENT, Killed, PolicyClock, Process
from outreach_pipelines.proof.providers import EventQueue, Providers, SimulatedTransports
from outreach_pipelines.proof.schedule import (
    RUN_NAMES,
    UPKEEP,
    Answered,
    Call,
    CapLowered,
    ClockJumps,
    EpochRaised,
    EventDeadLettered,
    EventRepeated,
    Fault,
    FeedSilent,
    HoldSet,
    InboxUnread,
    Kill,
    Pause,
    Replanned,
    Replies,
    Schedule,
    Unsubscribes,
    told,
)
from outreach_pipelines.proof.system import LAST_PROVEN, System
from outreach_pipelines.proof.virtual_loop import VirtualLoop
from outreach_pipelines.proof.watched import WatchedInbox, WatchedMessages
from outreach_pipelines.proof.world_clocks import LONGEST_LATENCY, START, WorldClocks

UPKEEP_EVERY = (120.0, 480.0)
LOOKED_AFTER_EVERY = 300.0
#: After the first busy hours the world only waits for evidence, and looks less often.
BUSY_SECONDS = 1.5 * 3600
SLOWER_LATER = 3.0
LONGEST_PATIENCE = 25 * 60.0
LONGEST_LIFE = 30 * 3600.0
HORIZON_SECONDS = 3600.0
LIMITS = BatchLimits(look_again_seconds=120.0)
F = TypeVar("F", bound=Fault)
T = TypeVar("T")
MOMENTS = (Unsubscribes, Replies, CapLowered, HoldSet, Replanned, EpochRaised)
Moment = Unsubscribes | Replies | CapLowered | HoldSet | Replanned | EpochRaised


class Founding(Protocol):
    """Makes the system under proof for a world's schedule and clocks."""

    def __call__(self, schedule: Schedule, clocks: WorldClocks) -> System:
        """At the world's first moment."""
        ...


@dataclass(frozen=True, slots=True)
class Witnesses:
    """All that the judge hears."""

    schedule: Schedule
    recipients: Sequence[str]
    journal: Journal
    messages: Sequence[FinalMessage]
    events: Sequence[CountedEvent]
    settled: bool
    injected: Counter[str]

    def broken(self) -> Sequence[Broken]:
        """The judge's verdict."""
        gap = timedelta(seconds=self.schedule.gap)
        placed = Placed(self.recipients, gap, "probe" if self.schedule.kind == "ses" else "inbox")
        return judge(placed, self.journal, self.messages, self.events)


def _as_it_is(desk: T) -> T:
    return desk


@dataclass(frozen=True, slots=True)
class Hooks:
    """What runs and upkeep are given may be changed on the way: for mutants of the production loop."""

    run: Callable[[SendDesk], SendDesk] = _as_it_is
    doubt: Callable[[DoubtDesk], DoubtDesk] = _as_it_is


@dataclass(slots=True)
class World:
    """One life of one schedule."""

    schedule: Schedule
    found: Founding
    hooks: Hooks
    loop: VirtualLoop = field(init=False)
    clocks: WorldClocks = field(init=False)
    journal: Journal = field(init=False)
    queue: EventQueue = field(init=False)
    providers: Providers = field(init=False)
    system: System = field(init=False)
    chance: Random = field(init=False)
    unread: list[InboxUnread] = field(init=False)
    moments: dict[Call, list[Moment]] = field(default_factory=dict)
    injected: Counter[str] = field(default_factory=Counter)
    processes: dict[str, Process] = field(default_factory=dict)
    runs: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing moves yet."""
        self.chance = Random(self.schedule.chance)  # noqa: S311 - chance that can be repeated is what this is for
        self.loop = VirtualLoop(  # type: ignore[abstract]  # the base class refuses by itself what is not for a proof
            self.chance, latency=self._latency, caller=CURRENT.get
        )
        self.clocks = WorldClocks(self.loop)
        self.journal = Journal()
        repeated = {each.number: each for each in self._faults(EventRepeated)}
        aside = {each.number: each for each in self._faults(EventDeadLettered)}
        self.queue = EventQueue(self.loop, self.chance, self.schedule.lag, self._faults(FeedSilent), repeated, aside)
        self.system = self.found(self.schedule, self.clocks)
        self.unread = self._faults(InboxUnread)
        answers = {each.number: each for each in self._faults(Answered)}
        self.providers = Providers(
            self.loop, self.clocks, self.chance, self.journal, self.queue, TAGGER, self.schedule.kind, answers
        )

    def _latency(self) -> float:
        return self.chance.random() * LONGEST_LATENCY

    def _faults(self, kind: type[F]) -> list[F]:
        return [each for each in self.schedule.faults if isinstance(each, kind)]

    def live(self) -> Witnesses:
        """From the first moment until nothing is open and nothing will come any more."""
        for mailbox in range(self.schedule.mailboxes):
            self.journal.caps.append(Cap(self.journal.next(), mailbox, self.schedule.cap))
        self.journal.hear("inbox", self.clocks.machine())
        self.journal.hear("probe", self.clocks.machine() - LAST_PROVEN)
        settled = self.loop.run_until_complete(self._life())
        self._count_silent_faults()
        return Witnesses(
            self.schedule,
            [self.system.address(person) for person in range(len(self.schedule.placements))],
            self.journal,
            self.system.final_messages(),
            self.system.counted_events(),
            settled,
            self.injected,
        )

    async def _life(self) -> bool:
        self._set_alarms()
        starter, keeper = asyncio.create_task(self._start_runs()), asyncio.create_task(self._keep_up())
        while self.loop.now < LONGEST_LIFE and not self._is_settled():
            await self.loop.sleep(self._patience(LOOKED_AFTER_EVERY))
            self._start_what_is_due()
        settled = self._is_settled()
        for process in self.processes.values():
            process.dead = True
        await _end([starter, keeper, *self.runs.values()])
        return settled

    def _patience(self, seconds: float) -> float:
        usual = seconds * self.system.patience
        return usual if self.loop.now < BUSY_SECONDS else min(usual * SLOWER_LATER, LONGEST_PATIENCE)

    def _is_settled(self) -> bool:
        runs_over = all(task.done() for task in self.runs.values()) and len(self.runs) >= len(self.schedule.runs)
        return runs_over and self.system.is_quiet() and self.queue.is_drained()

    # Moments

    def _set_alarms(self) -> None:
        for jump in self._faults(ClockJumps):
            self.loop.call_later(jump.at, self._jump, jump)
        for fault in self.schedule.faults:
            if isinstance(fault, MOMENTS):
                self._set_alarm(fault)

    def _set_alarm(self, moment: Moment) -> None:
        if isinstance(moment.when, Call):
            self.moments.setdefault(moment.when, []).append(moment)
        else:
            self.loop.call_later(moment.when, self._befall, moment)

    def _jump(self, fault: ClockJumps) -> None:
        self.clocks.skew += timedelta(seconds=fault.seconds)
        self._told(fault)

    def _before_call(self, call: Call) -> None:
        for moment in self.moments.pop(call, ()):
            self._befall(moment)

    def _befall(self, fault: Moment) -> None:
        self._told(fault)
        match fault:
            case Unsubscribes(person=person):
                self.system.unsubscribe(person)
                self.journal.silences.append(Silence(self.journal.next(), self.system.address(person)))
            case Replies(person=person):
                self.system.reply(person)
                self.journal.silences.append(Silence(self.journal.next(), self.system.address(person)))
            case CapLowered(mailbox=mailbox, cap=cap):
                self.system.lower_cap(mailbox, cap)
                self.journal.caps.append(Cap(self.journal.next(), mailbox, cap))
            case HoldSet(seconds=seconds):
                until = self.clocks.policy() + timedelta(seconds=seconds)
                self.system.hold(until)
                self.journal.stops.append(Stop(self.journal.next(), until))
            case Replanned():
                later = timedelta(seconds=fault.later_seconds)
                self.system.replan(moved=fault.moved, dropped=fault.dropped, later=later)
            case EpochRaised():
                self.system.raise_epoch()
                self.journal.epochs.append(self.journal.next())

    def _told(self, fault: Fault) -> None:
        self.injected[type(fault).__name__] += 1
        self.journal.tell(self.clocks.machine(), told(fault))

    def _count_silent_faults(self) -> None:
        for how in self.providers.happened:
            self.injected[f"Answered: {how}"] += 1
        numbered: Sequence[EventRepeated | EventDeadLettered] = [
            *self.queue.repeated.values(),
            *self.queue.dead_lettered.values(),
        ]
        for fault in numbered:
            self.injected[type(fault).__name__] += fault.number <= self.queue.published
        for silence in (*self._faults(FeedSilent), *self.unread):
            self.injected[type(silence).__name__] += 1

    # Processes

    def _process(self, name: str) -> Process:
        before = self.processes.get(name)
        kills = {each.at: each for each in self._faults(Kill) if each.at.process == name}
        pauses = {each.at: each for each in self._faults(Pause) if each.at.process == name}
        watched = {each.point for each in (*kills, *pauses, *self.moments) if each.process == name}
        calls = before.calls if before else Counter()
        process = Process(name, self.loop, kills, pauses, self._before_call, watched, calls)
        self.processes[name] = process
        return process

    async def _start_runs(self) -> None:
        for number, at in enumerate(self.schedule.runs):
            await asyncio.sleep(at - self.loop.now)
            self._start_run(RUN_NAMES[number], START)

    def _start_what_is_due(self) -> None:
        if len(self.runs) < len(self.schedule.runs) or self._a_run_goes_on():
            return
        hour = self.clocks.policy().replace(minute=0, second=0, microsecond=0)
        due = self.system.messages.next_due(self.system.tenant, hour=hour)
        if due.due_at is not None or due.retry_seconds is not None:
            self._start_run(f"run {len(self.runs) + 1}", hour)

    def _a_run_goes_on(self) -> bool:
        return any(not task.done() and not self.processes[name].standstill() for name, task in self.runs.items())

    def _start_run(self, name: str, hour: datetime) -> None:
        self.runs[name] = asyncio.create_task(self._run(self._process(name), hour))

    async def _run(self, process: Process, hour: datetime) -> None:
        CURRENT.set(process)
        store = process.port(WatchedMessages(self.system, self.clocks, self.journal, self.journal.next()))
        desk = SendDesk(
            messages=store,
            proofs=process.port(self.system.proofs),
            transports=SimulatedTransports(process, self.providers),
            renderer=PlainRenderer(),
            tagger=TAGGER,
            next_step_day=_last_step,
            clock=PolicyClock(self.clocks, process),
            epoch=self.system.messages.epoch(),
            limits=LIMITS,
            boot=self.loop.time,
            write=plain_letter,
        )
        self.journal.tell(self.clocks.machine(), f"{process.name} begins the hour of {hour:%H:%M}")
        with self._noting_its_end(process):
            await send_hour(self.hooks.run(desk), self.system.tenant, hour, asyncio.Event())

    @contextmanager
    def _noting_its_end(self, process: Process) -> Iterator[None]:
        try:
            yield
        except Killed:
            at = process.ended_at
            if at is not None:
                self.injected[f"Kill: {'upkeep' if at.process == UPKEEP else 'run'} at {at.point}"] += 1
                self.journal.tell(self.clocks.machine(), f"{at.process} is killed at {at.point} number {at.number}")
        finally:
            if process.paused_until:
                self.injected["Pause"] += 1

    # Upkeep

    async def _keep_up(self) -> None:
        while True:
            process = self._process(UPKEEP)
            CURRENT.set(process)
            desk = self._doubt_desk(process)
            with self._noting_its_end(process):
                while True:
                    await self.loop.sleep(self._patience(self.chance.uniform(*UPKEEP_EVERY)))
                    await self._upkeep(process, desk)

    async def _upkeep(self, process: Process, desk: DoubtDesk) -> None:
        system, tenant = self.system, self.system.tenant
        if not any(each.at <= self.loop.now < each.at + each.seconds for each in self.unread):
            process.call("read_inbox", system.read_inbox)
            self.journal.hear("inbox", self.clocks.machine())
        ingest_events(desk.feed, desk.inbox, TAGGER)
        record_events(desk.events, tenant=tenant)
        process.call("sweep", system.messages.sweep, tenant, horizon_seconds=HORIZON_SECONDS)
        await resolve_doubt(self.hooks.doubt(desk), [tenant])
        await process.stand()

    def _doubt_desk(self, process: Process) -> DoubtDesk:
        return DoubtDesk(
            store=process.port(self.system.doubts),
            feed=process.port(self.queue),
            inbox=process.port(WatchedInbox(self.system, self.clocks, self.journal)),
            events=process.port(self.system.events),
            tags=TAGGER,
            lookups=NoLookups(),
            probing=Probing(SimulatedTransports(process, self.providers), TAGGER),
            boot=self.loop.time,
        )


def live(schedule: Schedule, found: Founding, hooks: Hooks = Hooks()) -> Witnesses:
    """One world from its first moment to its last."""
    world = World(schedule, found, hooks)
    try:
        return world.live()
    finally:
        world.system.close()


def _last_step(letter: Letter, accepted_at: datetime) -> None:
    del letter, accepted_at


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        # Being killed is part of the proof; any other error is a mistake of ours and must be seen.
        if isinstance(ended, BaseException) and not isinstance(ended, Killed | asyncio.CancelledError):
            raise ended
