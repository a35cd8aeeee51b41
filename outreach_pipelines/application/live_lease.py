"""Keeping the lease of live sending, and watching it from each process that sends.

Belongs here: what is read and written, in which order. Does not: what follows from it (`domain.live_lease`).
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Final, Protocol, assert_never

from outreach_pipelines.application.boot_clock import boot_seconds
from outreach_pipelines.application.stored_objects import (
    ETag,
    ObjectKey,
    Read,
    Stored,
    SwappedObjects,
)
from outreach_pipelines.domain.live_lease import (
    RENEW_SECONDS,
    CannotHold,
    DatabaseFences,
    EnvironmentId,
    FenceReason,
    HolderId,
    Lease,
    LeaseView,
    Renew,
    WaitFor,
    could_not_look,
    first_byte_by,
    look_again,
    next_step,
    read_lease,
    why_not_begin,
    write_lease,
)
from outreach_pipelines.errors import Unreadable

LOOK_SECONDS: Final = 5.0
TRY_AGAIN_SECONDS: Final = 3.0

_log = logging.getLogger(__name__)


class FenceFacts(Protocol):
    """What the database says of itself."""

    def fences(self, lease: Lease | None) -> DatabaseFences:
        """Read now, with whether this database gave out the number of `lease`. Raises `Unreadable`."""
        ...


class LeaseNumbers(FenceFacts, Protocol):
    """The database's side of a renewal."""

    def next_number(self, holder: HolderId, *, after: int) -> int | None:
        """Commit the number after `after` as `holder`'s; None when it is not the newest any more. Raises `Unreadable`."""
        ...


@dataclass(frozen=True, slots=True)
class LeasePlace:
    """Where the lease of one environment lies."""

    objects: SwappedObjects
    environment: EnvironmentId

    @property
    def key(self) -> ObjectKey:
        """One object an environment."""
        return ObjectKey(f"fences/{self.environment}.json")

    def look(self) -> tuple[Lease | None, ETag | None]:
        """The lease and its etag; both None when there is none. Raises `Unreadable`, also for what is no lease."""
        found: Read | None = self.objects.read(self.key)
        if found is None:
            return None, None
        lease = read_lease(found.body)
        if lease is None:
            message = f"{self.key} holds no lease"
            raise Unreadable(message)
        return lease, found.etag


@dataclass(frozen=True, slots=True)
class Held:
    """Renewed under this number."""

    serial: int


@dataclass(frozen=True, slots=True)
class NotHeld:
    """Not now. `reason` is None while another process may still hold it; only a person cures the others."""

    sentence: str
    seconds: float
    reason: FenceReason | None = None


@dataclass(slots=True)
class LeaseKeeper:
    """One process that keeps the lease. `now` is only written down for people; `boot` measures."""

    place: LeasePlace
    numbers: LeaseNumbers
    holder: HolderId
    now: Callable[[], datetime]
    boot: Callable[[], float] = boot_seconds
    _seen: tuple[HolderId, int] | None = None
    _since: float = 0.0

    def step(self) -> Held | NotHeld:
        """Take or renew it, or say why not. Never raises for a store or a database that does not answer."""
        try:
            lease, etag = self.place.look()
            database = self.numbers.fences(lease)
            todo = next_step(
                lease,
                database,
                mine=self.holder,
                expected=self.place.environment,
                unchanged_for=self._unchanged_for(lease),
            )
            match todo:
                case Renew():
                    return self._renew(database.serial, etag)
                case WaitFor(seconds):
                    sentence = "another keeper holds it; it is taken over once that one has been silent long enough"
                    return NotHeld(sentence, min(seconds, TRY_AGAIN_SECONDS))
                case CannotHold(reason):
                    return NotHeld(reason.value, RENEW_SECONDS, reason)
                case _:
                    assert_never(todo)
        except Unreadable as fault:
            return NotHeld(f"could not be renewed: {fault}", TRY_AGAIN_SECONDS)

    def run(self, stop: threading.Event, tell: Callable[[Held | NotHeld], None]) -> None:
        """Step until `stop` is set, and `tell` what came of each step. A lease that is not renewed ends by itself."""
        while not stop.is_set():
            done = self.step()
            tell(done)
            stop.wait(RENEW_SECONDS if isinstance(done, Held) else done.seconds)

    def _unchanged_for(self, lease: Lease | None) -> float:
        seen = None if lease is None else (lease.holder, lease.serial)
        if seen != self._seen:
            # The clock is read after the look: what was written before it is older still.
            self._seen, self._since = seen, self.boot()
        return self.boot() - self._since

    def _renew(self, known: int, etag: ETag | None) -> Held | NotHeld:
        serial = self.numbers.next_number(self.holder, after=known)
        if serial is None:
            return NotHeld("another keeper of this database was faster", TRY_AGAIN_SECONDS)
        body = write_lease(Lease(self.place.environment, self.holder, serial, self.now()))
        match self._write(body, etag):
            case Stored():
                return Held(serial)
            case _:
                return NotHeld("another keeper wrote first", TRY_AGAIN_SECONDS)

    def _write(self, body: bytes, etag: ETag | None) -> object:
        if etag is None:
            return self.place.objects.put(self.place.key, body, only_if_absent=True)
        return self.place.objects.swap(self.place.key, body, etag=etag)


@dataclass(slots=True)
class WatchedLease:
    """`SendingFence` of live sending: `watching()` looks in the background, all else only reads what was seen last."""

    place: LeasePlace
    facts: FenceFacts
    boot: Callable[[], float] = boot_seconds
    _view: LeaseView = field(default_factory=LeaseView)

    def look(self) -> None:
        """Look at the lease and then at the database. One caller at a time."""
        looked_at = self.boot()
        try:
            lease, _ = self.place.look()
            database = self.facts.fences(lease)
        except Unreadable as fault:
            _log.warning("the lease of live sending could not be read: %s", fault)
            self._view = could_not_look(self._view, FenceReason.NOT_READ)
            return
        self._view = look_again(self._view, lease, database, expected=self.place.environment, looked_at=looked_at)

    def may_begin(self) -> str | None:
        """See `SendingFence.may_begin`."""
        return why_not_begin(self._view, self.boot())

    def first_byte_by(self) -> float:
        """See `SendingFence.first_byte_by`."""
        return first_byte_by(self._view)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look every `LOOK_SECONDS` in a thread of its own, from now to the end of the block."""
        stop = threading.Event()
        thread = threading.Thread(target=self._watch, args=(stop,), name="live-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _watch(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.look()
            stop.wait(LOOK_SECONDS)


class OpenFence:
    """`SendingFence` of a lab: nothing real can be reached, so no lease is needed."""

    def may_begin(self) -> str | None:
        """Always."""
        return None

    def first_byte_by(self) -> float:
        """No end."""
        return inf

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Nothing to watch."""
        yield
