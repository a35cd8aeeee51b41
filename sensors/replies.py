"""Mail in the inboxes: read to the end, routed or parked, applied."""

import dagster as dg

from assets.content_version import FEED_TAGS
from assets.feeds import replies
from outreach_pipelines.application.read_mail import OpenReading
from outreach_pipelines.application.record_events import EventStore
from outreach_pipelines.application.replies_in_turn import Turn, read_in_turn
from outreach_pipelines.application.sync_replies import InboxReader, ReplyStore
from outreach_pipelines.application.tenants import TenantDirectory
from sensors.watching import watching


@watching(seconds=30)
def replies_in_inboxes(
    context: dg.SensorEvaluationContext,
    inbox_reader: dg.ResourceParam[InboxReader],
    reply_store: dg.ResourceParam[ReplyStore],
    event_store: dg.ResourceParam[EventStore],
    open_reading: dg.ResourceParam[OpenReading],
    tenants: dg.ResourceParam[TenantDirectory],
) -> dg.SensorResult | dg.SkipReason:
    """Asks every inbox of every tenant for news, and takes it. A login that fails is that mailbox's signal, never an empty inbox.

    Its cursor is the tenant that was read last: a tick that runs out of time goes on behind it.
    """
    rows = tenants.all()
    turns = list(read_in_turn(inbox_reader, reply_store, event_store, rows, after=context.cursor, reading=open_reading))
    if turns:
        context.update_cursor(turns[-1].row.ref.slug)
    told = [_told(turn) for turn in turns if turn.synced.has_news]
    return dg.SensorResult(asset_events=told) if told else dg.SkipReason("no news in any inbox")


def _told(turn: Turn) -> dg.AssetMaterialization:
    synced = turn.synced
    metadata = {
        "messages": synced.messages,
        "parked": synced.parked,
        "unreadable inboxes": synced.unreadable_inboxes,
        **dict(synced.by_class),
    }
    return dg.AssetMaterialization(replies.key, partition=turn.row.ref.slug, metadata=metadata, tags=FEED_TAGS)
