"""Settle attempts whose answer was lost: by events, by looks at providers' records, by proven absence, or not at all.

Belongs here: the order of reading, judging and writing. Does not: when absence is believed (`domain.doubt`), nor the writes
themselves (`functions/045_doubt.sql`). Evidence of acceptance needs none of this: `record_events` applies it at once.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, assert_never

from outreach_pipelines.application.boot_clock import boot_seconds
from outreach_pipelines.application.ingest_events import EventFeed, EventInbox, ingest_events
from outreach_pipelines.application.ports import EvidenceLookups, Tagger, TagReader, Transports
from outreach_pipelines.application.prove_accounts import AccountToProve, send_probe
from outreach_pipelines.application.record_events import EventStore, record_events
from outreach_pipelines.domain.doubt import (
    Absent,
    CouldNotLook,
    Doubt,
    DoubtPolicy,
    DoubtVerdict,
    EvidenceRule,
    GiveUp,
    GiveUpReason,
    Held,
    LookNow,
    LookUp,
    NotDrained,
    QueueLook,
    Seen,
    SendProbe,
    Sought,
    Wait,
    judge_doubt,
)
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import OutreachError, Unreadable

OLDEST_DOUBT = timedelta(hours=2)
LOOKS_AT_ONCE = 8
MOST_LOOKS = 100
MOST_EVENTS = 5000
CALL_SECONDS = 30.0
# Long polling asks all of a queue's servers, short polling only some (Amazon SQS Developer Guide, "Short and long polling").
_WAIT_SECONDS = 1


class Release(StrEnum):
    """What came of believing an absence; from `SETTLED_BEFORE` on nothing was changed."""

    RELEASED = "released"
    ATTEMPT_SETTLED = "attempt_settled"  # its message had been moved on by another attempt
    ACCEPTED_BEFORE = "accepted_before"  # the same message had left under another plan
    SETTLED_BEFORE = "settled_before"
    EVIDENCE_WAITS = "evidence_waits"
    OTHER_ATTEMPT_IN_DOUBT = "other_attempt_in_doubt"
    RELEASED_TOO_OFTEN = "released_too_often"


@dataclass(frozen=True, slots=True)
class DoubtedAttempt:
    """An attempt in doubt. `sought` is None where its recipient was erased, so that nobody can be asked about it."""

    about: MessageTag
    account: AccountId
    account_name: str
    doubt: Doubt
    sought: Sought | None


@dataclass(frozen=True, slots=True)
class DoubtBook:
    """A tenant's doubt as one moment of machine time sees it, the oldest first."""

    now: datetime
    attempts: tuple[DoubtedAttempt, ...]


class DoubtStore(Protocol):
    """Doubt in rows, one tenant at a time; each write is a compare-and-set on its attempt."""

    def machine_now(self) -> datetime:
        """The clock of intents and probes."""
        ...

    def believe_probes(self, before: datetime) -> int:
        """The queue was clean after `before`: probes home by then raise their streams' watermarks."""
        ...

    def open_doubts(self, tenant: TenantId) -> DoubtBook:
        """All attempts in doubt; open ones that nobody will end are put in doubt first."""
        ...

    def note_probe(self, tenant: TenantId, account: AccountId) -> AccountToProve | None:
        """A probe with its time; None where the tenant has no mailbox or no configuration set for it."""
        ...

    def record_look(self, about: MessageTag, found: LookUp, *, looked_at: datetime) -> None:
        """What a look found, with the machine time before it was made. `Seen` is acceptance, by the usual transaction."""
        ...

    def release(self, about: MessageTag, reason: str, *, most_releases: int) -> Release:
        """The attempt is absent; its message may be sent once more."""
        ...

    def give_up(self, about: MessageTag, reason: GiveUpReason) -> bool:
        """The attempt stays unknown. False when it was settled before."""
        ...

    def accepted_twice(self, tenant: TenantId, *, within: timedelta) -> Sequence[MessageTag]:
        """Attempts that turned out to be second acceptances, by when that came to light."""
        ...


class CountedFeed(EventFeed, Protocol):
    """A feed that says what it still holds."""

    def held(self) -> Held:
        """Counts of the queue and of its dead-letter queue. Raises `Unreadable`."""
        ...


@dataclass(frozen=True, slots=True)
class Probing:
    """How probes leave."""

    transports: Transports
    tagger: Tagger


@dataclass(frozen=True, slots=True)
class DoubtDesk:
    """All that resolving needs. `probing` is None while sending is off: then nothing leaves, and absence is not proven."""

    store: DoubtStore
    feed: CountedFeed
    inbox: EventInbox
    events: EventStore
    tags: TagReader
    lookups: EvidenceLookups
    probing: Probing | None
    policy: DoubtPolicy = field(default_factory=DoubtPolicy)
    boot: Callable[[], float] = boot_seconds


@dataclass(slots=True)
class ResolvedDoubt:
    """What became of one tenant's doubt, and a sentence for each thing that a person should know."""

    tenant: TenantId
    outcomes: Counter[str] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)


async def resolve_doubt(desk: DoubtDesk, tenants: Sequence[TenantId]) -> list[ResolvedDoubt]:
    """One round over all tenants. Safe to repeat and to run twice at once; without doubt no feed and nobody is asked."""
    try:
        books = {tenant: await asyncio.to_thread(desk.store.open_doubts, tenant) for tenant in tenants}
        queue = await asyncio.to_thread(watch_stream, desk) if _need_stream(books.values()) else _NOT_ASKED
        return [
            await _resolve_tenant(desk, tenant, queue, any_doubt=bool(books[tenant].attempts)) for tenant in tenants
        ]
    finally:
        await desk.lookups.close()
        if desk.probing is not None:
            await desk.probing.transports.close()


def watch_stream(desk: DoubtDesk) -> QueueLook:
    """Read the feed to its end and count what it holds then; clean, that raises the watermarks of probes at home."""
    try:
        ingested = ingest_events(desk.feed, desk.inbox, desk.tags, most=MOST_EVENTS, wait_seconds=_WAIT_SECONDS)
        if ingested.received >= MOST_EVENTS:
            return NotDrained(f"more than {MOST_EVENTS} events came at once")
        before = desk.store.machine_now()
        held = desk.feed.held()
    except Unreadable as fault:
        return NotDrained(str(fault))
    if held.clean:
        desk.store.believe_probes(before)
    return held


_NOT_ASKED = NotDrained("it was not asked")


def _need_stream(books: Iterable[DoubtBook]) -> bool:
    return any(each.doubt.rule is EvidenceRule.EVENTS for book in books for each in book.attempts)


async def _resolve_tenant(desk: DoubtDesk, tenant: TenantId, queue: QueueLook, *, any_doubt: bool) -> ResolvedDoubt:
    done = ResolvedDoubt(tenant)
    if any_doubt:
        await asyncio.to_thread(record_events, desk.events, tenant=tenant)
        book = await asyncio.to_thread(desk.store.open_doubts, tenant)
        verdicts = [
            (each, judge_doubt(each.doubt, now=book.now, queue=queue, policy=desk.policy)) for each in book.attempts
        ]
        await _act(desk, tenant, book.now, verdicts, done)
        done.alarms += _old_doubt(book)
    twice = await asyncio.to_thread(desk.store.accepted_twice, tenant, within=timedelta(days=1))
    done.alarms += [
        f"message {each.plan_day}/{each.message} was accepted twice (attempt {each.attempt})" for each in twice
    ]
    return done


async def _act(
    desk: DoubtDesk,
    tenant: TenantId,
    now: datetime,
    verdicts: Sequence[tuple[DoubtedAttempt, DoubtVerdict]],
    done: ResolvedDoubt,
) -> None:
    looks, probed = [], set()
    for attempt, verdict in verdicts:
        match verdict:
            case Wait():
                done.outcomes["waiting"] += 1
            case LookNow():
                looks.append(attempt)
            case SendProbe():
                probed.add(attempt.account)
                done.outcomes["waiting"] += 1
            case Absent(sentence):
                most = desk.policy.most_releases
                release = await asyncio.to_thread(desk.store.release, attempt.about, sentence, most_releases=most)
                done.outcomes[release] += 1
            case GiveUp(reason):
                done.outcomes["unknown"] += await asyncio.to_thread(desk.store.give_up, attempt.about, reason)
            case _:
                assert_never(verdict)
    await _look(desk, tenant, looks[:MOST_LOOKS], now, done)
    done.outcomes["probes"] += sum([await _probe(desk, tenant, account, now) for account in sorted(probed)])


async def _look(
    desk: DoubtDesk, tenant: TenantId, attempts: Sequence[DoubtedAttempt], now: datetime, done: ResolvedDoubt
) -> None:
    room = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def look(attempt: DoubtedAttempt) -> None:
        async with room:
            found = await _found(desk, tenant, attempt)
        await asyncio.to_thread(desk.store.record_look, attempt.about, found, looked_at=now)
        done.outcomes["seen" if isinstance(found, Seen) else "looked"] += 1

    await asyncio.gather(*(look(each) for each in attempts))


async def _found(desk: DoubtDesk, tenant: TenantId, attempt: DoubtedAttempt) -> LookUp:
    if attempt.sought is None:
        return CouldNotLook("the recipient was erased")
    try:
        lookup = desk.lookups.of(tenant, attempt.account)
    except OutreachError as fault:
        return CouldNotLook(str(fault))
    return CouldNotLook("this account has no look-up") if lookup is None else await lookup.look(attempt.sought)


async def _probe(desk: DoubtDesk, tenant: TenantId, account: AccountId, now: datetime) -> bool:
    if desk.probing is None:
        return False
    due = await asyncio.to_thread(desk.store.note_probe, tenant, account)
    if due is None:
        return False
    transports, tagger = desk.probing.transports, desk.probing.tagger
    return await send_probe(transports, tagger, tenant, due, now=now, deadline=desk.boot() + CALL_SECONDS)


def _old_doubt(book: DoubtBook) -> Sequence[str]:
    old = [each for each in book.attempts if book.now - each.doubt.intended_at > OLDEST_DOUBT]
    if not old:
        return []
    hours = OLDEST_DOUBT // timedelta(hours=1)
    first = old[0]
    since = f"{first.doubt.intended_at:%Y-%m-%d %H:%M} UTC"
    return [
        f"{len(old)} attempts in doubt for more than {hours} h, the oldest since {since}, through {first.account_name}"
    ]
