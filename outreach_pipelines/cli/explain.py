"""`outreach explain`: from the line of a file to the last event, for a person or for one message."""

from datetime import date
from typing import Annotated

import typer
from rich.console import Console

from outreach_pipelines.application.explain import Story, explain_address, explain_message
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.cli.story import print_story
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.address import Address, address_hmac, parse_address
from outreach_pipelines.domain.address_keys import tenant_address_key
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.errors import NotFound
from resources import database, keys

console = Console()


def explain(
    what: Annotated[
        str, typer.Argument(metavar="ADDRESS|MESSAGE", help="an address, or a message as NUMBER or YYYY-MM-DD/NUMBER")
    ],
    tenant: Annotated[str | None, typer.Option(help="one tenant; all when left out")] = None,
) -> None:
    """Why somebody was written to, or was not: file and line, plans, attempts, answers, events, suppressions."""
    stories = [story for row in tenant_rows(tenant) if (story := _story(row, what)) is not None]
    if not stories:
        message = f"nothing is known of {what!r}: no lead, no refused row, no message. Files refused whole: outreach leads import"
        raise NotFound(message)
    for story in stories:
        print_story(story, console)


def _story(row: TenantRow, what: str) -> Story | None:
    reader = database.story_reader()
    match parse_address(what):
        case Address() as address:
            hmac = address_hmac(address, tenant_address_key(keys.address_key(), row.ref.slug))
            story = explain_address(reader, row.ref.id, hmac, address=address.canonical)
            return story if story.chapters else None
    day, _, number = what.rpartition("/")
    try:
        return explain_message(reader, row.ref.id, date.fromisoformat(day) if day else None, MessageId(int(number)))
    except (NotFound, ValueError):
        return None
