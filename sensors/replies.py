"""Mail in the inboxes: read to the end, routed or parked, applied."""

import dagster as dg

from assets.content_version import FEED_TAGS
from assets.feeds import replies
from outreach_pipelines.application.record_events import EventStore, record_events
from outreach_pipelines.application.sync_replies import InboxReader, ReplyStore, sync_replies
from outreach_pipelines.application.tenants import TenantDirectory
from sensors.watching import watching


@watching(seconds=30)
def replies_in_inboxes(
    inbox_reader: dg.ResourceParam[InboxReader],
    reply_store: dg.ResourceParam[ReplyStore],
    event_store: dg.ResourceParam[EventStore],
    tenants: dg.ResourceParam[TenantDirectory],
) -> dg.SensorResult | dg.SkipReason:
    """Reads every inbox of every tenant. A login that fails is that mailbox's signal, never an empty inbox."""
    events = []
    for row in tenants.all():
        synced = sync_replies(inbox_reader, reply_store, tenant=row.ref.id)
        record_events(event_store, tenant=row.ref.id)
        if synced.messages or synced.unreadable_inboxes:
            metadata = {
                "messages": synced.messages,
                "parked": synced.parked,
                "unreadable inboxes": synced.unreadable_inboxes,
                **dict(synced.by_class),
            }
            events.append(
                dg.AssetMaterialization(replies.key, partition=row.ref.slug, metadata=metadata, tags=FEED_TAGS)
            )
    return dg.SensorResult(asset_events=events) if events else dg.SkipReason("no news in any inbox")
