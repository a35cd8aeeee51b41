"""The inboxes of all tenants, one tenant after the other, for as long as a tick may last: who did not get a turn is next.

Belongs here: whose turn it is. Does not: reading (`sync_replies`), effects (`record_events`).
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from outreach_pipelines.application.read_mail import OpenReading, reading_here
from outreach_pipelines.application.record_events import EventStore, record_events
from outreach_pipelines.application.sync_replies import InboxReader, ReplyStore, SyncedReplies, sync_replies
from outreach_pipelines.application.tenants import TenantRow, in_turn

SECONDS_A_TICK = 20.0
"""Well below the minute that Dagster gives a sensor, since what is being read when it is over is still read to its next batch."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A tenant, and what its inboxes gave."""

    row: TenantRow
    synced: SyncedReplies


def read_in_turn(
    reader: InboxReader,
    store: ReplyStore,
    events: EventStore,
    rows: Sequence[TenantRow],
    *,
    after: str | None,
    reading: OpenReading = reading_here,
    seconds: float = SECONDS_A_TICK,
) -> Iterator[Turn]:
    """Tenants by slug, from the one behind `after` on; at least one. Each turn is written down before it is told.

    `reading` is opened once for all of them.
    """
    until = time.monotonic() + seconds
    with reading() as read:
        for row in in_turn(rows, after=after):
            left = max(0.0, until - time.monotonic())
            synced = sync_replies(reader, store, tenant=row.ref.id, read=read, seconds=left)
            record_events(events, tenant=row.ref.id)
            yield Turn(row, synced)
            if time.monotonic() >= until:
                return
