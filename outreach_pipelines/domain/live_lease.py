"""The lease outside of the database without which nothing is sent to real people: who may write it, and who may rely on it.

Each renewal is a number that the database gives to the holder, committed before it is written to the lease. So a database
that did not give out the number in the lease is a copy, or was restored: it may neither renew nor rely on it. No two clocks are
ever compared: a lease lasts `LEASE_SECONDS` from the last moment at which it was seen *before* its renewal, and is given
up by its holder once a rival has seen it unchanged for longer than that, each by its own boot clock.

Belongs here: the values and both decisions. Does not: reading and writing (`application.live_lease`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import Final, NewType
from uuid import UUID

EnvironmentId = NewType("EnvironmentId", UUID)
"""Which installation a database belongs to; a copy keeps it."""

HolderId = NewType("HolderId", str)
"""One process that keeps the lease; new at each of its starts."""

LEASE_SECONDS: Final = 60.0
RENEW_SECONDS: Final = 15.0
NEEDED_SECONDS: Final = 35.0
"""What must be left of the lease when an intent begins: a call of 30 s, and what comes before its first byte."""

CALL_SECONDS: Final = 30.0
DRIFT_SECONDS: Final = 5.0
"""What a rival waits beyond the lease, since no two clocks run quite alike."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What the object holds. `serial` rises with each renewal; `renewed_at`, the holder's own time, is for people only."""

    environment: EnvironmentId
    holder: HolderId
    serial: int
    renewed_at: datetime


@dataclass(frozen=True, slots=True)
class DatabaseFences:
    """What the database says of itself and of a lease. `live`: a person opened it for real mail.

    `serial` is the newest number that it gave out, 0 before the first; `gave_out`: the lease's number, to that holder.
    """

    environment: EnvironmentId
    live: bool
    serial: int
    gave_out: bool


class FenceReason(StrEnum):
    """Why nothing may be begun, or why a lease cannot be taken."""

    OTHER_ENVIRONMENT = "other_environment"
    DATABASE_NOT_LIVE = "database_not_live"
    NO_LEASE = "no_lease"
    LEASE_GONE = "lease_gone"
    NOT_READ = "lease_not_read"
    DATABASE_IS_A_COPY = "database_is_a_copy_or_restored"
    NOT_SEEN_RENEWED = "lease_not_seen_renewed"
    TOO_LITTLE_LEFT = "lease_too_little_left"


IN_WORDS: Final[Mapping[FenceReason, tuple[str, str]]] = {
    FenceReason.OTHER_ENVIRONMENT: (
        "the settings, the database and the lease do not name the same environment",
        "set OUTREACH_ENVIRONMENT_ID to what `outreach fences show` prints for the database that is meant",
    ),
    FenceReason.DATABASE_NOT_LIVE: (
        "the database is not open for live sending",
        "once all else stands: outreach fences mode live --reason ...",
    ),
    FenceReason.NO_LEASE: (
        "nobody keeps the lease",
        "run `outreach keep-lease` as a service, one for this database",
    ),
    FenceReason.LEASE_GONE: (
        "this database has held a lease, and there is none in the store",
        "check OUTREACH_LEASE_STORE; if the object was deleted: outreach fences adopt --reason ...",
    ),
    FenceReason.NOT_READ: (
        "the lease, or what the database says of it, cannot be read",
        "check OUTREACH_LEASE_STORE, its credentials and the network; the object is fences/ENVIRONMENT.json",
    ),
    FenceReason.DATABASE_IS_A_COPY: (
        "the lease was renewed under a number that this database never gave out: it is a copy, or was restored",
        "a copy must not send; after a restore: outreach fences restored --to TIMESTAMP --reason ...",
    ),
    FenceReason.NOT_SEEN_RENEWED: (
        "the lease has not been seen renewed yet",
        "wait for 20 s; if it stays so, `outreach keep-lease` does not run",
    ),
    FenceReason.TOO_LITTLE_LEFT: (
        "the lease is about to end",
        "see why `outreach keep-lease` does not renew it: its log says so",
    ),
}
"""Each reason as a sentence, and its cure."""


def write_lease(lease: Lease) -> bytes:
    """The object's content: JSON that a person can read."""
    record = {
        "environment": str(lease.environment),
        "holder": lease.holder,
        "serial": lease.serial,
        "renewed_at": lease.renewed_at.isoformat(),
    }
    return json.dumps(record, indent=1).encode()


def read_lease(body: bytes) -> Lease | None:
    """The lease in an object's content; None when it is not one, which is never the same as no object."""
    try:
        record = json.loads(body)
        return Lease(
            EnvironmentId(UUID(record["environment"])),
            HolderId(record["holder"]),
            int(record["serial"]),
            datetime.fromisoformat(record["renewed_at"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class LeaseView:
    """What a process that sends knows: the newest serial, when it looked (boot clock), until when the lease surely lasts."""

    serial: int | None = None
    looked_at: float = -inf
    ends: float = -inf
    closed: FenceReason | None = FenceReason.NOT_SEEN_RENEWED


def look_again(
    view: LeaseView, lease: Lease | None, database: DatabaseFences, *, expected: EnvironmentId, looked_at: float
) -> LeaseView:
    """What is known after a look that began at `looked_at`. `database` was read after the lease, and speaks of it."""
    fault = lease_fault(lease, database, expected)
    if fault is not None or lease is None:
        return LeaseView(closed=fault)
    renewed = view.serial is not None and lease.serial > view.serial
    ends = view.looked_at + LEASE_SECONDS if renewed else view.ends
    closed = FenceReason.NOT_SEEN_RENEWED if ends == -inf else None
    return LeaseView(lease.serial, looked_at, ends, closed)


def could_not_look(view: LeaseView, reason: FenceReason) -> LeaseView:
    """A store or a database that does not answer counts as a lost lease, until a look succeeds again."""
    return replace(view, closed=reason)


def why_not_begin(view: LeaseView, now: float) -> FenceReason | None:
    """None when an intent may begin at boot second `now`."""
    if view.closed is not None:
        return view.closed
    return FenceReason.TOO_LITTLE_LEFT if view.ends - now < NEEDED_SECONDS else None


def first_byte_by(view: LeaseView) -> float:
    """The boot second after which no call may start, so that even the longest ends within the lease."""
    return view.ends - CALL_SECONDS


def lease_fault(lease: Lease | None, database: DatabaseFences, expected: EnvironmentId) -> FenceReason | None:
    """What is wrong with lease and database whatever the time is; None when they stand behind each other."""
    if database.environment != expected or (lease is not None and lease.environment != expected):
        return FenceReason.OTHER_ENVIRONMENT
    if not database.live:
        return FenceReason.DATABASE_NOT_LIVE
    if lease is None:
        return FenceReason.LEASE_GONE if database.serial else FenceReason.NO_LEASE
    return None if database.gave_out else FenceReason.DATABASE_IS_A_COPY


@dataclass(frozen=True, slots=True)
class Renew:
    """Commit the next number, then write it."""


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Another process holds it; ask again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CannotHold:
    """This database must not hold the lease; only a person can change that."""

    reason: FenceReason


LeaseStep = Renew | WaitFor | CannotHold


def next_step(
    lease: Lease | None,
    database: DatabaseFences,
    *,
    mine: HolderId,
    expected: EnvironmentId,
    unchanged_for: float,
) -> LeaseStep:
    """What a keeper does next. `unchanged_for`: boot seconds for which it has seen this very lease."""
    match lease_fault(lease, database, expected):
        case None | FenceReason.NO_LEASE:
            pass
        case fault:
            return CannotHold(fault)
    if lease is None or lease.holder == mine:
        return Renew()
    left = LEASE_SECONDS + DRIFT_SECONDS - unchanged_for
    return WaitFor(left) if left > 0 else Renew()
