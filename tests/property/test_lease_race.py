"""Keepers and senders of a database and its copies, in any order and with any pauses: never two of them send at once."""

from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st
from lease_world import Machine, MemoryDatabase, MemoryObjects, keeper_of, watcher_of

from outreach_pipelines.application.live_lease import LeaseKeeper, WatchedLease
from outreach_pipelines.domain.live_lease import CALL_SECONDS

Act = tuple[str, int, float]

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["keep", "look", "send", "pass", "pass", "copy", "restart", "lose", "drop", "cut"]),
        st.integers(0, 3),
        st.floats(0.1, 40),
    ),
    min_size=10,
    max_size=150,
)


@dataclass(slots=True)
class Copy:
    """One database with its keeper and one process that sends; their machine's clock began at a time of its own."""

    database: MemoryDatabase
    machine: Machine
    keeper: LeaseKeeper
    fence: WatchedLease


@dataclass(slots=True)
class World:
    """`ledger`: when each begun call began and by when it must have ended, and by which database. Only added to."""

    objects: MemoryObjects = field(default_factory=MemoryObjects)
    now: float = 0.0
    copies: list[Copy] = field(default_factory=list)
    ledger: list[tuple[float, float, int]] = field(default_factory=list)
    names: int = 0

    def add(self, database: MemoryDatabase) -> None:
        machine = Machine(self.now + 1000 * len(self.copies))
        self.copies.append(
            Copy(database, machine, self.keeper(database, machine), watcher_of(self.objects, database, machine))
        )

    def keeper(self, database: MemoryDatabase, machine: Machine) -> LeaseKeeper:
        self.names += 1
        return keeper_of(self.objects, database, f"keeper {self.names}", machine)

    def act(self, act: Act) -> None:
        what, number, seconds = act
        copy = self.copies[number % len(self.copies)]
        match what:
            case "keep":
                copy.keeper.step()
            case "look":
                copy.fence.look()
            case "send":
                self.send(copy, number % len(self.copies))
            case "copy" if len(self.copies) < 4:
                self.add(copy.database.copy())
            case "restart":
                copy.keeper = self.keeper(copy.database, copy.machine)
            case "lose":
                self.objects.loses_answers = not self.objects.loses_answers
            case "drop":
                self.objects.drops_writes = not self.objects.drops_writes
            case "cut":
                self.objects.reachable = not self.objects.reachable
            case _:
                self.now += seconds
                for each in self.copies:
                    each.machine.seconds += seconds

    def send(self, copy: Copy, number: int) -> None:
        if copy.fence.may_begin() is None:
            # As late as a call may start, and as long as one may last.
            latest = self.now + copy.fence.first_byte_by() - copy.machine.seconds + CALL_SECONDS
            self.ledger.append((self.now, latest, number))


def rounds(world: World, *turns: int) -> None:
    """Some regular minutes, so that leases are held and calls are made at all."""
    for turn in turns:
        for what in ("keep", "look", "send", "pass"):
            world.act((what, turn, 7.0))


@settings(max_examples=400, deadline=None)
@given(ACTS, st.lists(st.integers(0, 3), max_size=40))
# A copy of this very moment that takes the lease while a call of the original is under way.
@example([("copy", 0, 1.0), ("send", 0, 1.0), ("pass", 0, 1.0)], [1, 1])
def test_a_database_and_its_copies_never_send_at_the_same_time(acts: list[Act], turns: list[int]) -> None:
    world = World()
    world.add(MemoryDatabase())
    rounds(world, 0, 0, 0)

    for at, act in enumerate(acts):
        world.act(act)
        if at < len(turns):
            rounds(world, turns[at])

    for began, ended, number in world.ledger:
        for other_began, _, other in world.ledger:
            assert other == number or not began <= other_began < ended, world.ledger


def test_the_world_of_this_property_does_send() -> None:
    world = World()
    world.add(MemoryDatabase())

    rounds(world, 0, 0, 0, 0)

    assert world.ledger


def test_the_world_of_this_property_can_hand_the_lease_to_a_copy_of_the_same_moment() -> None:
    world = World()
    world.add(MemoryDatabase())
    rounds(world, 0, 0, 0)
    world.act(("copy", 0, 0.0))

    rounds(world, *[1] * 20)

    assert {number for _, _, number in world.ledger} == {0, 1}
