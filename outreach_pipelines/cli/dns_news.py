"""`outreach dns news`: what audits saw change, from the database."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer

from outreach_pipelines.application.judge_domains import DatedNews
from outreach_pipelines.application.notify_dns import news_line
from outreach_pipelines.cli.by_hand import OneTenant, say
from outreach_pipelines.cli.wiring import tenant_rows
from resources import database
from resources.dns_news import domain_states


def news(
    tenant: OneTenant = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="how far back")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a change and line")] = False,
) -> None:
    """What changed from audit to audit: readiness, grave faults, records. Each change stands once."""
    since = database.clock().now() - timedelta(days=days)
    shown = 0
    for row in tenant_rows(tenant):
        for each in domain_states().news(row.ref.id, since=since):
            shown += 1
            for line in [json.dumps(_json(row.ref.slug, each))] if as_json else _lines(row.ref.slug, each):
                typer.echo(line)
    if not shown and not as_json:
        say(f"nothing changed in {days} days")


def _json(slug: str, dated: DatedNews) -> dict[str, object]:
    told = dated.news
    return {
        "tenant": slug,
        "seen_at": dated.seen_at.isoformat(),
        "domain": told.domain,
        "kind": told.kind.value,
        "subject": told.subject,
        "sentence": told.sentence,
        "gone": list(told.gone),
        "come": list(told.come),
    }


def _lines(slug: str, dated: DatedNews) -> Iterator[str]:
    yield f"{dated.seen_at:%Y-%m-%d %H:%M} {slug} {news_line(dated.news)}"
    yield from (f"  - {record}" for record in dated.news.gone)
    yield from (f"  + {record}" for record in dated.news.come)
