"""After an audit: who is told what changed. The audit waits for none of it."""

import dagster as dg

from outreach_pipelines.application.notify_dns import notify_dns
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.errors import OutreachError
from resources.dns_news import NewsDesk
from sensors.watching import watching


@watching(seconds=60)
def dns_news(
    context: dg.SensorEvaluationContext,
    tenants: dg.ResourceParam[TenantDirectory],
    news_desk: dg.ResourceParam[NewsDesk],
) -> dg.SkipReason:
    """Tells people of domains that became ready or not, and of grave faults that came or went: each audit's news once."""
    told = 0
    for row in tenants.all():
        try:
            done = notify_dns(news_desk.book, news_desk.notifier, news_desk.targets(row.ref.slug), tenant=row.ref)
        except OutreachError as fault:
            context.log.error("%s: %s", row.ref.slug, fault)
            continue
        told += done.told
        if done.given_up:
            context.log.warning("%s: %d notices of DNS news were given up", row.ref.slug, done.given_up)
    return dg.SkipReason(f"{told} notices were told" if told else "no audit brought news that are not told")
