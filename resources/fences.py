"""The fences: whether this process may send, who keeps the lease, and what moves a fence."""

import os
import socket
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from uuid import uuid4

from sqlalchemy import Engine

from outreach_pipelines.adapters.object_store import swapped_objects_at
from outreach_pipelines.adapters.postgres.fence_store import PostgresFenceFacts, PostgresFenceStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.diagnose_fences import FenceSigns
from outreach_pipelines.application.live_lease import LeaseKeeper, LeasePlace, OpenFence, WatchedLease
from outreach_pipelines.application.ports import SendingFence
from outreach_pipelines.domain.live_lease import IN_WORDS, EnvironmentId, FenceReason, HolderId, lease_fault
from outreach_pipelines.domain.sending_mode import SendingMode
from outreach_pipelines.errors import OutreachError, Refused
from outreach_pipelines.settings import Settings, load_settings
from resources.database import app_engine, ops_engine


@cache
def fence_engine(url: str) -> Engine:
    """One connection that the fence alone uses: a look must not wait for those of the messages."""
    return connect(url, pool_size=1)


def sending_fence() -> SendingFence:
    """What a batch asks before each claim and intent.

    Raises `Refused` while sending is off, and where settings and database are not of the same mode: a lab that drains a
    live database's messages would lose each of them without a word.
    """
    settings = load_settings()
    if settings.sending is SendingMode.OFF:
        message = "OUTREACH_SENDING is off: nothing is sent"
        raise Refused(message)
    facts = PostgresFenceFacts(fence_engine(settings.database_url.get_secret_value()))
    mode = facts.mode()
    if mode is not settings.sending:
        message = (
            f"OUTREACH_SENDING is {settings.sending} and the database is for mode {mode}: change the setting, "
            f"or the database by: outreach fences mode {settings.sending} --reason ..."
        )
        raise Refused(message)
    return WatchedLease(lease_place(settings), facts) if mode is SendingMode.LIVE else OpenFence()


def refuse_a_copy() -> None:
    """Keep a copy's hands from what can be read only once, such as the event queue of the original.

    Raises `Refused` where the lease shows that this database is not the one it belongs to, `Unreadable` where it cannot
    be read. Without settings of a lease there is nothing to compare with, and nothing is refused.
    """
    settings = load_settings()
    if settings.environment_id is None or settings.lease_store is None:
        return
    place = lease_place(settings)
    lease, _ = place.look()
    # A database that is closed for sending still hears what comes back.
    database = replace(PostgresFenceFacts(app_engine()).fences(lease), live=True)
    fault = lease_fault(lease, database, place.environment)
    if fault is not None and fault is not FenceReason.NO_LEASE:
        sentence, cure = IN_WORDS[fault]
        message = f"{sentence}; {cure}"
        raise Refused(message)


def fence_store() -> PostgresFenceStore:
    """What moves a fence."""
    return PostgresFenceStore(ops_engine(), app_engine())


def lease_keeper() -> LeaseKeeper:
    """The lease as this process keeps it, under a name of its own. Raises `Refused` where nothing is to be kept."""
    settings = load_settings()
    if settings.sending is not SendingMode.LIVE:
        message = f"OUTREACH_SENDING is {settings.sending}: a lease is kept for live sending only"
        raise Refused(message)
    holder = HolderId(f"{socket.gethostname()}-{os.getpid()}-{uuid4()}")
    return LeaseKeeper(lease_place(settings), fence_store(), holder, lambda: datetime.now(UTC))


def fence_signs() -> FenceSigns:
    """What `outreach doctor` says of the fences. A lease that cannot be read is a sign, too."""
    settings, facts = load_settings(), PostgresFenceFacts(app_engine())
    lease, error = None, None
    try:
        if settings.sending is SendingMode.LIVE:
            lease, _ = lease_place(settings).look()
    except OutreachError as fault:
        error = str(fault)
    return FenceSigns(
        sending=settings.sending,
        database_mode=facts.mode(),
        environment_id=settings.environment_id,
        lease_store=settings.lease_store,
        database=facts.fences(lease),
        lease=lease,
        lease_error=error,
        now=datetime.now(UTC),
    )


def lease_place(settings: Settings) -> LeasePlace:
    """Where the lease lies. Raises `Refused` where settings do not say."""
    if settings.environment_id is None or settings.lease_store is None:
        message = "OUTREACH_ENVIRONMENT_ID and OUTREACH_LEASE_STORE say which lease and where; they are not set"
        raise Refused(message)
    objects = swapped_objects_at(
        settings.lease_store, endpoint_url=settings.aws_endpoint_url, region=settings.aws_region
    )
    return LeasePlace(objects, EnvironmentId(settings.environment_id))
