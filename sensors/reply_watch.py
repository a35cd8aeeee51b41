"""After mail was read: what replies want, who is told, and the page that shows them. The reading waits for none of it."""

import json

import dagster as dg

from assets.analytics import reply_page, reply_page_metadata
from assets.content_version import FEED_TAGS
from outreach_pipelines.application.reply_page.present import present_replies
from outreach_pipelines.application.tenants import TenantDirectory, TenantRow
from outreach_pipelines.application.tend_replies import ReplyDesk, tend_replies
from outreach_pipelines.errors import OutreachError
from sensors.watching import watching


@watching(seconds=60)
def reply_watch(
    context: dg.SensorEvaluationContext,
    tenants: dg.ResourceParam[TenantDirectory],
    reply_desk: dg.ResourceParam[ReplyDesk],
) -> dg.SensorResult | dg.SkipReason:
    """Decides intents, tells people of replies that want more, and writes the tenant's page anew when something changed."""
    seen: dict[str, str] = json.loads(context.cursor or "{}")
    events = []
    for row in tenants.all():
        try:
            events += _tended(context, reply_desk, row, seen)
        except OutreachError as fault:
            context.log.error("%s: %s", row.ref.slug, fault)
    context.update_cursor(json.dumps(seen))
    return dg.SensorResult(asset_events=events) if events else dg.SkipReason("nothing changed about any reply")


def _tended(
    context: dg.SensorEvaluationContext, desk: ReplyDesk, row: TenantRow, seen: dict[str, str]
) -> list[dg.AssetMaterialization]:
    done = tend_replies(desk, tenant=row.ref)
    if done.notified.given_up:
        context.log.warning("%s: %d notices were given up", row.ref.slug, done.notified.given_up)
    if done.decided.model_fault:
        context.log.warning("%s: %s", row.ref.slug, done.decided.model_fault)
    changed = desk.threads.book.last_change(row.ref.id)
    if changed is None or seen.get(row.ref.slug) == changed.isoformat():
        return []
    metadata = reply_page_metadata(present_replies(desk.threads, tenant=row.ref))
    seen[row.ref.slug] = changed.isoformat()
    return [dg.AssetMaterialization(reply_page.key, partition=row.ref.slug, metadata=metadata, tags=FEED_TAGS)]
