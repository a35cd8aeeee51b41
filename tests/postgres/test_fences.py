"""Mode, epoch and the lease's number on real PostgreSQL, and the clock guard at claim and intent."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from lease_world import ENVIRONMENT, MemoryObjects
from send_steps import begin, claim
from small_world import NOON, SmallWorld
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from outreach_pipelines.adapters.postgres.fence_store import PostgresFenceFacts, PostgresFenceStore
from outreach_pipelines.adapters.postgres.maintenance import PostgresMaintenance
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.live_lease import Held, LeaseKeeper, LeasePlace, WatchedLease
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.live_lease import FenceReason, HolderId, Lease
from outreach_pipelines.domain.sending_mode import SendingMode
from outreach_pipelines.errors import Refused, Unreadable


@pytest.fixture
def store(ops: Engine, engine: Engine) -> PostgresFenceStore:
    return PostgresFenceStore(ops, engine)


@pytest.fixture
def world(world: SmallWorld) -> Iterator[SmallWorld]:
    yield world
    world.sql("delete from app.lease_number")
    world.sql("update app.environment set mode = 'lab', lease_serial = 0, heartbeat_at = clock_timestamp()")


def make_live(world: SmallWorld) -> None:
    world.sql("delete from app.clock")
    world.sql("update app.environment set mode = 'live'")


def test_numbers_rise_by_one_for_whoever_knows_the_last_one(store: PostgresFenceStore, world: SmallWorld) -> None:
    make_live(world)

    first = store.next_number(HolderId("one"), after=0)
    late = store.next_number(HolderId("two"), after=0)
    second = store.next_number(HolderId("two"), after=1)

    assert (first, late, second) == (1, None, 2)
    assert store.fences(None).serial == 2
    assert [store.fences(Lease(ENVIRONMENT, HolderId(name), 2, NOON)).gave_out for name in ("one", "two")] == [
        False,
        True,
    ]


def test_a_database_that_is_not_live_gives_out_no_number(store: PostgresFenceStore, world: SmallWorld) -> None:
    assert store.next_number(HolderId("one"), after=0) is None


def test_a_process_that_sends_sees_the_lease_that_the_keeper_renews(
    store: PostgresFenceStore, engine: Engine, world: SmallWorld
) -> None:
    make_live(world)
    place = LeasePlace(MemoryObjects(), store.fences(None).environment)
    keeper = LeaseKeeper(place, store, HolderId("one"), lambda: NOON)
    fence = WatchedLease(place, PostgresFenceFacts(engine))

    kept = keeper.step()
    fence.look()
    unseen = fence.may_begin()
    keeper.step()
    fence.look()

    assert (kept, unseen, fence.may_begin()) == (Held(1), FenceReason.NOT_SEEN_RENEWED, None)


def test_a_database_restored_to_an_earlier_moment_is_known_by_the_lease(
    store: PostgresFenceStore, engine: Engine, world: SmallWorld
) -> None:
    make_live(world)
    place = LeasePlace(MemoryObjects(), store.fences(None).environment)
    keeper = LeaseKeeper(place, store, HolderId("one"), lambda: NOON)
    fence = WatchedLease(place, PostgresFenceFacts(engine))
    for _ in range(3):
        keeper.step()
        fence.look()
    world.sql("update app.environment set lease_serial = 2")
    world.sql("delete from app.lease_number where serial = 3")

    fence.look()
    refused = fence.may_begin()
    store.adopt(place.look()[0], "restored", by="ada")
    keeper.step()
    fence.look()
    keeper.step()
    fence.look()

    assert (refused, fence.may_begin()) == (FenceReason.DATABASE_IS_A_COPY, None)


def test_a_database_that_is_not_there_is_not_read_as_one_that_is_closed() -> None:
    nowhere = connect("postgresql+psycopg://nobody:nothing@127.0.0.1:9/nowhere")

    with pytest.raises(Unreadable):
        PostgresFenceFacts(nowhere).fences(None)


def test_a_database_with_a_stepped_clock_cannot_be_opened_for_live_sending(
    store: PostgresFenceStore, world: SmallWorld
) -> None:
    with pytest.raises(Refused, match="stepped"):
        store.change_mode(SendingMode.LIVE, "going live", by="ada")


def test_a_change_of_mode_stops_what_runs_and_is_kept_with_its_reason(
    store: PostgresFenceStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    (letter,) = claim(messages, world)
    before = messages.epoch()

    store.change_mode(SendingMode.OFF, "a bad day", by="ada")
    outcome = begin(messages, letter, epoch=before)

    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "epoch_raised"
    assert PostgresFenceFacts(store.app).mode() is SendingMode.OFF
    changed = store.changes(2)[1]
    assert (changed.kind, changed.detail, changed.reason, changed.changed_by) == (
        "mode_changed",
        "lab to off",
        "a bad day",
        "ada",
    )


def test_raising_the_epoch_waits_for_intents_under_way_and_stops_those_that_follow(
    store: PostgresFenceStore, messages: PostgresMessageStore, world: SmallWorld, outreach_admin_url: str
) -> None:
    world.message(1)
    (letter,) = claim(messages, world)
    before = messages.epoch()
    done = threading.Event()

    def raise_it() -> None:
        store.raise_epoch("fail-over", by="ada")
        done.set()

    with psycopg.connect(outreach_admin_url) as intent:
        intent.execute("select pg_advisory_xact_lock_shared(app.lock_key('global'))")
        raiser = threading.Thread(target=raise_it)
        raiser.start()
        waited = not done.wait(0.3)
    raiser.join(10)

    outcome = begin(messages, letter, epoch=before)
    assert (waited, done.is_set(), messages.epoch()) == (True, True, before + 1)
    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "epoch_raised"


@pytest.mark.parametrize(
    "statement", ["update app.epoch set number = 1", "insert into app.fence_change values (default)"]
)
def test_no_fence_is_moved_past_the_functions_that_write_it_down(
    ops: Engine, world: SmallWorld, statement: str
) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), ops.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("ago", [timedelta(hours=73), timedelta(minutes=-1)])
def test_nothing_is_claimed_while_the_machines_clock_is_not_trusted_and_all_is_once_a_person_confirms_it(
    messages: PostgresMessageStore, ops: Engine, world: SmallWorld, ago: timedelta
) -> None:
    message = world.message(1)
    world.sql("update app.environment set heartbeat_at = clock_timestamp() - %(ago)s", ago=ago)

    jumped = claim(messages, world)
    untouched = world.state(message)["state"]
    PostgresMaintenance(ops).confirm_clock()
    confirmed = claim(messages, world)

    assert (jumped, untouched) == ([], "planned")
    assert [letter.claim.message_id for letter in confirmed] == [message]
    assert isinstance(begin(messages, confirmed[0]), Begun)


def test_a_clock_that_is_not_trusted_expires_nothing(messages: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1, due_at=NOON - timedelta(hours=4))
    world.sql("update app.environment set heartbeat_at = clock_timestamp() - interval '73 hours'")

    jumped = messages.sweep(world.tenant, horizon_seconds=3600)
    world.sql("update app.environment set heartbeat_at = clock_timestamp()")
    trusted = messages.sweep(world.tenant, horizon_seconds=3600)

    assert (jumped.expired, trusted.expired) == (0, 1)
    assert world.state(message)["state"] == "expired"


@pytest.mark.parametrize("ago", [timedelta(hours=71), timedelta(seconds=-4), timedelta(0)])
def test_a_clock_within_its_bounds_stops_nothing(
    messages: PostgresMessageStore, world: SmallWorld, ago: timedelta
) -> None:
    world.message(1)
    world.sql("update app.environment set heartbeat_at = clock_timestamp() - %(ago)s", ago=ago)

    assert len(claim(messages, world)) == 1
