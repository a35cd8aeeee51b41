import pytest
from lease_world import ANOTHER, ENVIRONMENT, NOON, Machine, MemoryDatabase, MemoryObjects, keeper_of, watcher_of

from outreach_pipelines.application.live_lease import Held, NotHeld, WatchedLease
from outreach_pipelines.application.stored_objects import ObjectKey
from outreach_pipelines.domain.live_lease import (
    CALL_SECONDS,
    DRIFT_SECONDS,
    IN_WORDS,
    LEASE_SECONDS,
    NEEDED_SECONDS,
    FenceReason,
    HolderId,
    Lease,
    read_lease,
    write_lease,
)

KEY = ObjectKey(f"fences/{ENVIRONMENT}.json")
SILENCE = LEASE_SECONDS + DRIFT_SECONDS


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def open_fence(objects: MemoryObjects, database: MemoryDatabase, machine: Machine) -> WatchedLease:
    """One that has seen a renewal just now; the look before it was 5 s ago."""
    keeper, fence = keeper_of(objects, database, "one", machine), watcher_of(objects, database, machine)
    keeper.step()
    fence.look()
    machine.seconds += 5
    keeper.step()
    fence.look()
    return fence


def test_what_is_written_is_read_back() -> None:
    lease = Lease(ENVIRONMENT, HolderId("one"), 7, NOON)

    assert read_lease(write_lease(lease)) == lease


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"7", b'{"environment": 7}', b"\xff"])
def test_what_is_no_lease_is_not_taken_for_one(body: bytes) -> None:
    assert read_lease(body) is None


def test_every_reason_has_a_sentence_and_a_cure() -> None:
    assert set(IN_WORDS) == set(FenceReason)


def test_the_first_keeper_takes_the_lease_and_renews_it(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    keeper = keeper_of(objects, database, "one", machine)

    taken = [keeper.step() for _ in range(3)]

    assert taken == [Held(1), Held(2), Held(3)]


def test_a_renewal_stands_in_the_database_before_it_stands_in_the_lease(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    keeper = keeper_of(objects, database, "one", machine)
    keeper.step()
    objects.reachable = False
    keeper.step()
    objects.reachable, objects.loses_answers = True, True

    keeper.step()

    lease = read_lease(objects.held[KEY][0])
    assert lease is not None
    assert database.serial >= lease.serial == 2


def test_an_answer_that_was_lost_costs_nothing_but_a_number(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    keeper = keeper_of(objects, database, "one", machine)
    objects.loses_answers = True
    lost = keeper.step()
    objects.loses_answers = False

    assert isinstance(lost, NotHeld)
    assert keeper.step() == Held(2)


def test_a_keeper_that_starts_anew_waits_until_the_lease_has_been_silent(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    keeper_of(objects, database, "one", machine).step()
    other = keeper_of(objects, database, "two", machine)

    at_once = other.step()
    machine.seconds += SILENCE - 0.1
    early = other.step()
    machine.seconds += 0.2
    late = other.step()

    assert (type(at_once), type(early), late) == (NotHeld, NotHeld, Held(2))


def test_a_holder_that_renews_is_never_replaced(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    holder, other = keeper_of(objects, database, "one", machine), keeper_of(objects, database, "two", machine)

    for _ in range(20):
        assert isinstance(holder.step(), Held)
        assert isinstance(other.step(), NotHeld)
        machine.seconds += 15


def test_a_copy_of_the_database_never_gets_the_lease_however_long_it_waits(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    holder = keeper_of(objects, database, "one", machine)
    holder.step()
    copied = database.copy()
    holder.step()
    thief = keeper_of(objects, copied, "two", machine)
    thief.step()
    machine.seconds += 100 * SILENCE

    refused = thief.step()

    assert isinstance(refused, NotHeld)
    assert refused.reason is FenceReason.DATABASE_IS_A_COPY


def test_of_a_database_and_its_copy_of_this_very_moment_the_one_that_goes_on_shuts_the_other_out(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    holder = keeper_of(objects, database, "one", machine)
    holder.step()
    heir = keeper_of(objects, database.copy(), "two", machine)
    heir.step()
    machine.seconds += SILENCE

    taken = heir.step()
    refused = holder.step()

    assert taken == Held(2)
    assert isinstance(refused, NotHeld)
    assert refused.reason is FenceReason.DATABASE_IS_A_COPY


def test_numbers_of_renewals_that_never_reached_the_lease_do_not_make_a_copy_know_it(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    holder = keeper_of(objects, database, "one", machine)
    holder.step()
    copied = database.copy()
    heir, fence = keeper_of(objects, copied, "two", machine), watcher_of(objects, copied, machine)
    heir.step()
    machine.seconds += SILENCE
    objects.drops_writes = True
    for _ in range(5):
        heir.step()
    objects.drops_writes = False

    for _ in range(5):
        machine.seconds += 5
        holder.step()
        fence.look()
        assert fence.may_begin() == FenceReason.DATABASE_IS_A_COPY
    refused = heir.step()

    assert isinstance(refused, NotHeld)
    assert refused.reason is FenceReason.DATABASE_IS_A_COPY


def test_a_lease_that_is_gone_is_not_made_anew(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    keeper = keeper_of(objects, database, "one", machine)
    keeper.step()
    objects.held.clear()

    refused = keeper.step()

    assert isinstance(refused, NotHeld)
    assert refused.reason is FenceReason.LEASE_GONE


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("environment", FenceReason.OTHER_ENVIRONMENT),
        ("mode", FenceReason.DATABASE_NOT_LIVE),
        ("store", None),
        ("database", None),
        ("content", None),
    ],
)
def test_a_keeper_that_cannot_or_must_not_renew_says_so_and_does_not_end(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine, spoil: str, reason: FenceReason | None
) -> None:
    keeper = keeper_of(objects, database, "one", machine)
    keeper.step()
    match spoil:
        case "environment":
            database.environment = ANOTHER
        case "mode":
            database.live = False
        case "store":
            objects.reachable = False
        case "database":
            database.answers = False
        case _:
            objects.held[KEY] = (b"something else", 99)

    done = keeper.step()

    assert isinstance(done, NotHeld)
    assert done.reason is reason


def test_nothing_begins_before_a_renewal_was_seen(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    keeper_of(objects, database, "one", machine).step()
    fence = watcher_of(objects, database, machine)

    fence.look()
    fence.look()

    assert fence.may_begin() == FenceReason.NOT_SEEN_RENEWED


def test_the_lease_lasts_from_the_look_before_its_renewal_and_needs_the_time_of_a_call(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    fence = open_fence(objects, database, machine)
    seen_before_renewal = machine.seconds - 5
    machine.seconds = seen_before_renewal + LEASE_SECONDS - NEEDED_SECONDS

    enough = fence.may_begin()
    machine.seconds += 0.1
    too_little = fence.may_begin()

    assert (enough, too_little) == (None, FenceReason.TOO_LITTLE_LEFT)
    assert fence.first_byte_by() == seen_before_renewal + LEASE_SECONDS - CALL_SECONDS


def test_a_machine_that_slept_finds_its_lease_over(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    fence = open_fence(objects, database, machine)

    machine.seconds += 3600

    assert fence.may_begin() == FenceReason.TOO_LITTLE_LEFT


@pytest.mark.parametrize("silent", ["store", "database"])
def test_what_does_not_answer_counts_as_a_lost_lease_until_it_answers_again(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine, silent: str
) -> None:
    fence = open_fence(objects, database, machine)
    objects.reachable, database.answers = silent != "store", silent != "database"
    fence.look()
    lost = fence.may_begin()
    objects.reachable = database.answers = True
    fence.look()

    assert (lost, fence.may_begin()) == (FenceReason.NOT_READ, None)


def test_a_copy_cannot_rely_on_the_lease_that_another_database_keeps(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    keeper = keeper_of(objects, database, "one", machine)
    keeper.step()
    fence = watcher_of(objects, database.copy(), machine)
    fence.look()
    for _ in range(5):
        machine.seconds += 5
        keeper.step()
        fence.look()

        assert fence.may_begin() == FenceReason.DATABASE_IS_A_COPY


def test_a_setting_copied_to_another_database_opens_nothing(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    open_fence(objects, database, machine)
    elsewhere = watcher_of(objects, MemoryDatabase(environment=ANOTHER), machine)

    elsewhere.look()

    assert elsewhere.may_begin() == FenceReason.OTHER_ENVIRONMENT


def test_a_database_that_is_closed_for_live_sending_stops_what_runs(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    fence = open_fence(objects, database, machine)
    database.live = False

    fence.look()

    assert fence.may_begin() == FenceReason.DATABASE_NOT_LIVE


def test_the_watch_looks_at_once_and_ends_with_its_block(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine
) -> None:
    database.live = False
    fence = watcher_of(objects, database, machine)

    with fence.watching():
        pass

    assert fence.may_begin() == FenceReason.DATABASE_NOT_LIVE
