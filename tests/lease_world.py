"""An object store and databases of one environment in memory, and time that only the test moves."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from outreach_pipelines.application.live_lease import LeaseKeeper, LeasePlace, WatchedLease
from outreach_pipelines.application.stored_objects import (
    AlreadyThere,
    ETag,
    ObjectKey,
    ObjectStoreUnreachable,
    Overtaken,
    Read,
    Stored,
)
from outreach_pipelines.domain.live_lease import DatabaseFences, EnvironmentId, HolderId, Lease
from outreach_pipelines.errors import Unreadable

ENVIRONMENT = EnvironmentId(UUID("00000000-0000-4000-8000-000000000001"))
ANOTHER = EnvironmentId(UUID("00000000-0000-4000-8000-000000000002"))
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


@dataclass(slots=True)
class MemoryObjects:
    """`SwappedObjects`. A write whose answer is lost happens; one that is dropped does not; both look the same."""

    reachable: bool = True
    loses_answers: bool = False
    drops_writes: bool = False
    held: dict[ObjectKey, tuple[bytes, int]] = field(default_factory=dict)
    writes: int = 0

    def read(self, key: ObjectKey) -> Read | None:
        self._reach()
        found = self.held.get(key)
        return None if found is None else Read(found[0], ETag(str(found[1])))

    def put(self, key: ObjectKey, body: bytes, *, only_if_absent: bool = False) -> Stored | AlreadyThere:
        self._reach()
        if only_if_absent and key in self.held:
            return AlreadyThere()
        return self._write(key, body)

    def swap(self, key: ObjectKey, body: bytes, *, etag: ETag) -> Stored | Overtaken:
        self._reach()
        if key not in self.held or str(self.held[key][1]) != etag:
            return Overtaken()
        return self._write(key, body)

    def _write(self, key: ObjectKey, body: bytes) -> Stored:
        if self.drops_writes:
            raise ObjectStoreUnreachable(key)
        self.writes += 1
        self.held[key] = (body, self.writes)
        if self.loses_answers:
            raise ObjectStoreUnreachable(key)
        return Stored(ETag(str(self.writes)))

    def _reach(self) -> None:
        if not self.reachable:
            raise ObjectStoreUnreachable


@dataclass(slots=True)
class MemoryDatabase:
    """`LeaseNumbers` of one database."""

    environment: EnvironmentId = ENVIRONMENT
    live: bool = True
    serial: int = 0
    given: dict[int, HolderId] = field(default_factory=dict)
    answers: bool = True

    def copy(self) -> "MemoryDatabase":
        """As a snapshot or a restore has it."""
        return replace(self, given=dict(self.given))

    def fences(self, lease: Lease | None) -> DatabaseFences:
        if not self.answers:
            raise Unreadable
        gave_out = lease is not None and self.given.get(lease.serial) == lease.holder
        return DatabaseFences(self.environment, self.live, self.serial, gave_out)

    def next_number(self, holder: HolderId, *, after: int) -> int | None:
        if after != self.serial:
            return None
        self.serial += 1
        self.given[self.serial] = holder
        return self.serial


@dataclass(slots=True)
class Machine:
    """A boot clock of its own, which runs as fast as the others."""

    seconds: float = 0.0

    def boot(self) -> float:
        return self.seconds


def keeper_of(
    objects: MemoryObjects,
    database: MemoryDatabase,
    name: str,
    machine: Machine,
    environment: EnvironmentId = ENVIRONMENT,
) -> LeaseKeeper:
    return LeaseKeeper(LeasePlace(objects, environment), database, HolderId(name), lambda: NOON, machine.boot)


def watcher_of(
    objects: MemoryObjects, database: MemoryDatabase, machine: Machine, environment: EnvironmentId = ENVIRONMENT
) -> WatchedLease:
    return WatchedLease(LeasePlace(objects, environment), database, machine.boot)
