"""What keeps live mail from leaving, each with its cure: the fences' part of `outreach doctor`.

Belongs here: which fact about a fence is a fault. Does not: reading facts, nor what holds without live sending (`diagnose`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from outreach_pipelines.application.findings import Finding, Level
from outreach_pipelines.domain.live_lease import (
    IN_WORDS,
    DatabaseFences,
    EnvironmentId,
    FenceReason,
    Lease,
    lease_fault,
)
from outreach_pipelines.domain.sending_mode import SendingMode

QUIET_LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceSigns:
    """`lease_error` tells why the lease could not be read. `now` is the machine's own time, as the holder wrote its."""

    sending: SendingMode
    database_mode: SendingMode
    environment_id: UUID | None
    lease_store: str | None
    database: DatabaseFences
    lease: Lease | None
    lease_error: str | None
    now: datetime


def about_fences(signs: FenceSigns) -> Iterator[Finding]:
    """Every fence that stands between this installation and real mail; all that is missing at once."""
    if signs.sending is SendingMode.OFF:
        yield Finding(Level.FAULT, "OUTREACH_SENDING is off: nothing is sent", "set it to lab or live")
    elif signs.sending is not signs.database_mode:
        what = f"OUTREACH_SENDING is {signs.sending} and the database is for mode {signs.database_mode}"
        yield Finding(Level.FAULT, what, f"change the one, or: outreach fences mode {signs.sending} --reason ...")
    if signs.sending is SendingMode.LIVE:
        yield from _about_lease(signs)
    elif signs.sending is signs.database_mode:
        yield Finding(Level.OK, "sending reaches the lab on this machine only")


def _about_lease(signs: FenceSigns) -> Iterator[Finding]:
    if signs.lease_store is not None and not signs.lease_store.startswith("s3://"):
        what = f"the lease lies in a folder ({signs.lease_store}): whoever copies this machine copies it too"
        yield Finding(Level.WARNING, what, "set OUTREACH_LEASE_STORE to s3://bucket/prefix")
    if signs.environment_id is None or signs.lease_error is not None:
        error = signs.lease_error or "OUTREACH_ENVIRONMENT_ID is not set"
        yield Finding(Level.FAULT, f"{IN_WORDS[FenceReason.NOT_READ][0]}: {error}", IN_WORDS[FenceReason.NOT_READ][1])
        return
    fault = lease_fault(signs.lease, signs.database, EnvironmentId(signs.environment_id))
    if fault is not None:
        yield Finding(Level.FAULT, *IN_WORDS[fault])
    if signs.lease is None or fault is not None:
        return
    if abs(signs.now - signs.lease.renewed_at) > QUIET_LEASE:
        what = f"the lease was last renewed at {signs.lease.renewed_at:%Y-%m-%d %H:%M:%S} UTC by {signs.lease.holder}"
        yield Finding(Level.FAULT, what, IN_WORDS[FenceReason.NO_LEASE][1])
    else:
        yield Finding(
            Level.OK, f"the lease of live sending is kept by {signs.lease.holder}, number {signs.lease.serial}"
        )
