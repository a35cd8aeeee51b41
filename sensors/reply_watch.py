"""After mail was read: what replies want, who is told, and the page that shows them. The reading waits for none of it."""

import json
import time
from dataclasses import asdict, dataclass, field

import dagster as dg

from assets.analytics import reply_page, reply_page_metadata
from assets.content_version import FEED_TAGS
from outreach_pipelines.application.reply_page.present import page_key, present_replies
from outreach_pipelines.application.tenants import TenantDirectory, TenantRow, in_turn
from outreach_pipelines.application.tend_replies import ReplyDesk, tend_replies
from outreach_pipelines.errors import OutreachError
from sensors.watching import watching

SECONDS_A_TICK = 15.0
"""After which no further tenant is begun: an endpoint that is asked then (20 s) and a service that is told (15 s) end within Dagster's minute."""


@dataclass(slots=True)
class _Seen:
    """The cursor: of what each tenant's page is, and who had the last turn."""

    pages: dict[str, str] = field(default_factory=dict)
    after: str | None = None


@watching(seconds=60)
def reply_watch(
    context: dg.SensorEvaluationContext,
    tenants: dg.ResourceParam[TenantDirectory],
    reply_desk: dg.ResourceParam[ReplyDesk],
) -> dg.SensorResult | dg.SkipReason:
    """Decides intents, tells people of replies that want more, and writes the tenant's page anew when something changed."""
    seen, ends = _seen(context.cursor), time.monotonic() + SECONDS_A_TICK
    events = []
    for row in in_turn(tenants.all(), after=seen.after):
        try:
            events += _tended(context, reply_desk, row, seen.pages, ends - time.monotonic())
        except OutreachError as fault:
            context.log.error("%s: %s", row.ref.slug, fault)
        seen.after = row.ref.slug
        if time.monotonic() >= ends:
            break
    context.update_cursor(json.dumps(asdict(seen)))
    return dg.SensorResult(asset_events=events) if events else dg.SkipReason("nothing changed about any reply")


def _seen(cursor: str | None) -> _Seen:
    stored = json.loads(cursor or "{}")
    # One of before tenants had turns knows pages of another form: they are written once more.
    return _Seen(**stored) if "pages" in stored else _Seen()


def _tended(
    context: dg.SensorEvaluationContext, desk: ReplyDesk, row: TenantRow, pages: dict[str, str], seconds: float
) -> list[dg.AssetMaterialization]:
    slug, done = row.ref.slug, tend_replies(desk, tenant=row.ref, seconds=seconds)
    if done.notified.given_up:
        context.log.warning("%s: %d notices were given up", slug, done.notified.given_up)
    if done.decided.model_fault:
        context.log.warning("%s: %s", slug, done.decided.model_fault)
    key = page_key(desk.threads.book, row.ref.id)
    if pages.get(slug) == key:
        return []
    metadata = reply_page_metadata(present_replies(desk.threads, tenant=row.ref))
    pages.pop(slug, None)
    pages |= {} if key is None else {slug: key}
    return [dg.AssetMaterialization(reply_page.key, partition=slug, metadata=metadata, tags=FEED_TAGS)]
