"""What the commands about replies share: their options, finding one reply among the tenants, and lines of JSON."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.reply_list import ReplyFilter, ReplyRow
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.errors import NotFound
from resources import replies

ReplyNumber = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="as `outreach replies list` shows it")
]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line")]


def tenant_and_reply(number: int, tenant: str | None) -> tuple[TenantRow, ReplyRow]:
    """The mail of this number and whose it is: numbers are given once over all tenants. Raises `NotFound`."""
    wanted = ReplyFilter(kinds=None, inbound=InboundId(number), most=1)
    for row in tenant_rows(tenant):
        for found in replies.reply_book().find(row.ref.id, wanted):
            return row, found
    message = f"there is no mail {number}; outreach replies list --kind all shows them"
    raise NotFound(message)


def print_json(document: Mapping[str, object]) -> None:
    """One line."""
    typer.echo(json.dumps(document, ensure_ascii=True))
