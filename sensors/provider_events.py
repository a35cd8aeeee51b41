"""Events of the providers: read, committed, acknowledged, applied. Bounded in count; no run is needed for it."""

import dagster as dg

from assets.content_version import FEED_TAGS
from assets.feeds import delivery_events
from outreach_pipelines.application.ingest_events import EventFeed, EventInbox, ingest_events
from outreach_pipelines.application.ports import TagReader
from outreach_pipelines.application.record_events import EventStore, record_events
from outreach_pipelines.application.tenants import TenantDirectory
from sensors.watching import watching

MOST_EVENTS = 2000


@watching(seconds=15)
def provider_events(
    event_feed: dg.ResourceParam[EventFeed],
    event_inbox: dg.ResourceParam[EventInbox],
    event_store: dg.ResourceParam[EventStore],
    tag_reader: dg.ResourceParam[TagReader],
    tenants: dg.ResourceParam[TenantDirectory],
) -> dg.SensorResult | dg.SkipReason:
    """Takes what the queue holds and applies it, tenant by tenant; what a crash leaves behind is there again next time."""
    ingested = ingest_events(event_feed, event_inbox, tag_reader, most=MOST_EVENTS)
    events = []
    for row in tenants.all():
        done = record_events(event_store, tenant=row.ref.id)
        if done.applied:
            metadata = {
                "events": sum(done.applied.values()),
                "repeated": done.repeated,
                "suppressed": done.suppressed,
                **dict(done.applied),
            }
            events.append(
                dg.AssetMaterialization(delivery_events.key, partition=row.ref.slug, metadata=metadata, tags=FEED_TAGS)
            )
    if not events:
        return dg.SkipReason(
            f"{ingested.received} read ({ingested.canaries} probes, {ingested.parked} parked), none to apply"
        )
    return dg.SensorResult(asset_events=events)
