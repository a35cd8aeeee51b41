"""The round of resolving over plain stores: who is asked, in what order, and what a failure is taken for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from event_feed import Inbox, Queue, Tags, tagged

from outreach_pipelines.application.ingest_events import CANARY_ATTEMPT
from outreach_pipelines.application.ports import EvidenceLookup
from outreach_pipelines.application.prove_accounts import AccountToProve
from outreach_pipelines.application.record_events import RecordedEvents
from outreach_pipelines.application.resolve_doubt import (
    DoubtBook,
    DoubtDesk,
    DoubtedAttempt,
    Release,
    ResolvedDoubt,
    resolve_doubt,
)
from outreach_pipelines.domain.doubt import (
    CouldNotLook,
    Doubt,
    EvidenceRule,
    GiveUpReason,
    Held,
    LookUp,
    NotSeen,
    Seen,
    Sought,
)
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import NotFound, Unreadable

ACME = TenantId(3)
NOW = datetime(2026, 11, 18, 15, tzinfo=UTC)
INTENT = NOW - timedelta(minutes=90)
ACCOUNT = AccountId(5)
CLEAN = Held(0, 0, 0, 0)


@dataclass
class CountedQueue(Queue):
    """`CountedFeed` in memory."""

    holds: Held | None = CLEAN

    def held(self) -> Held:
        if self.holds is None:
            message = "the queue is silent"
            raise Unreadable(message)
        return self.holds


@dataclass
class Doubts:
    """`DoubtStore` in memory: what is asked of it is its log."""

    attempts: tuple[DoubtedAttempt, ...]
    log: list[str] = field(default_factory=list)
    looks: list[LookUp] = field(default_factory=list)
    twice: tuple[MessageTag, ...] = ()

    def machine_now(self) -> datetime:
        return NOW

    def believe_probes(self, before: datetime) -> int:
        self.log.append("believed")
        return 1

    def open_doubts(self, tenant: TenantId) -> DoubtBook:
        return DoubtBook(NOW, self.attempts)

    def note_probe(self, tenant: TenantId, account: AccountId) -> AccountToProve | None:
        self.log.append("probe noted")
        return None

    def record_look(self, about: MessageTag, found: LookUp, *, looked_at: datetime) -> None:
        assert looked_at == NOW
        self.looks.append(found)

    def release(self, about: MessageTag, reason: str, *, most_releases: int) -> Release:
        self.log.append(f"released {about.message}")
        return Release.RELEASED

    def give_up(self, about: MessageTag, reason: GiveUpReason) -> bool:
        self.log.append(f"gave up {about.message}: {reason}")
        return True

    def accepted_twice(self, tenant: TenantId, *, within: timedelta) -> Sequence[MessageTag]:
        return self.twice


class NoEvents:
    """`EventStore` in which nothing waits."""

    def apply_next(self, tenant: TenantId, decide: object, *, most: int) -> RecordedEvents | None:
        return None


@dataclass
class Records:
    """`EvidenceLookups` and `EvidenceLookup` that find what they are told."""

    found: LookUp | None = None
    closed: int = 0

    def of(self, tenant: TenantId, account: AccountId) -> EvidenceLookup | None:
        if self.found is None:
            message = "the key leads nowhere"
            raise NotFound(message)
        return self

    async def look(self, attempt: Sought) -> LookUp:
        assert self.found is not None
        return self.found

    async def probe(self, sender: str) -> CouldNotLook | None:
        return None

    async def close(self) -> None:
        self.closed += 1


def attempt(doubt: Doubt, number: int = 1, *, erased: bool = False) -> DoubtedAttempt:
    sought = Sought(WireTag("t"), "<t@mail.example>", "bo@mail.example", "ada@people.example", doubt.intended_at)
    about = MessageTag(ACME, date(2026, 11, 18), MessageId(number), 1)
    return DoubtedAttempt(about, ACCOUNT, "ses-main", doubt, None if erased else sought)


ABSENT = Doubt(rule=EvidenceRule.EVENTS, intended_at=INTENT, watermark=NOW)
LOOKED_UP = Doubt(rule=EvidenceRule.LOOK_UP, intended_at=INTENT)


async def resolved(
    store: Doubts, queue: CountedQueue | None = None, records: Records | None = None, inbox: Inbox | None = None
) -> ResolvedDoubt:
    feed, tags = queue or CountedQueue([]), Tags()
    desk = DoubtDesk(store, feed, inbox or Inbox(), NoEvents(), tags, records or Records(), None)
    (done,) = await resolve_doubt(desk, [ACME])
    return done


async def test_without_doubt_nobody_is_asked() -> None:
    queue, store = CountedQueue([tagged(1)]), Doubts(())

    done = await resolved(store, queue)

    assert (queue.given, store.log, done.alarms) == (0, [], [])


async def test_the_queue_is_read_to_its_end_before_it_is_counted_and_probes_are_believed() -> None:
    queue, inbox = CountedQueue([tagged(9, attempt=CANARY_ATTEMPT), tagged(2)]), Inbox()
    store = Doubts((attempt(ABSENT),))

    done = await resolved(store, queue, inbox=inbox)

    assert queue.waiting == []
    assert [probe.message for probe in inbox.proven] == [9]
    assert store.log == ["believed", "released 1"]
    assert done.outcomes[Release.RELEASED] == 1


@pytest.mark.parametrize("holds", [Held(1, 0, 0, 0), Held(0, 0, 2, 0), None])
async def test_a_queue_that_may_hold_something_raises_no_watermark_and_releases_nothing(holds: Held | None) -> None:
    store = Doubts((attempt(ABSENT),))

    await resolved(store, CountedQueue([], holds=holds))

    assert store.log == []


@pytest.mark.parametrize("found", [Seen("id", "<id@mail.example>", NOW), NotSeen(), CouldNotLook("503")])
async def test_what_a_look_finds_is_kept_as_it_is(found: LookUp) -> None:
    store, records = Doubts((attempt(LOOKED_UP),)), Records(found)

    await resolved(store, records=records)

    assert (store.looks, store.log, records.closed) == ([found], [], 1)


async def test_an_account_that_cannot_be_asked_and_a_recipient_who_was_erased_are_no_absence() -> None:
    store = Doubts((attempt(LOOKED_UP), attempt(LOOKED_UP, 2, erased=True)))

    await resolved(store, records=Records(None))

    assert [type(each) for each in store.looks] == [CouldNotLook, CouldNotLook]


async def test_looks_alone_do_not_touch_the_event_queue() -> None:
    queue = CountedQueue([tagged(1)])

    await resolved(Doubts((attempt(LOOKED_UP),)), queue, Records(NotSeen()))

    assert queue.given == 0


async def test_what_nothing_will_tell_is_given_up() -> None:
    store = Doubts((attempt(Doubt(rule=EvidenceRule.NONE, intended_at=INTENT)),))

    done = await resolved(store)

    assert store.log == ["gave up 1: nothing_will_tell"]
    assert done.outcomes["unknown"] == 1


async def test_doubt_older_than_two_hours_and_second_acceptances_are_alarms() -> None:
    old = Doubt(rule=EvidenceRule.LOOK_UP, intended_at=NOW - timedelta(minutes=121))
    twice = (MessageTag(ACME, date(2026, 11, 17), MessageId(8), 2),)

    done = await resolved(Doubts((attempt(old),), twice=twice), records=Records(NotSeen()))

    assert len(done.alarms) == 2
    assert "1 attempts in doubt for more than 2 h" in done.alarms[0]
    assert "message 2026-11-17/8 was accepted twice (attempt 2)" in done.alarms[1]
