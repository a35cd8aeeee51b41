"""`outreach replies review`: mail that nothing certain was read from, and a person's verdict on it.

Belongs here: options and layout. Does not: what a verdict does (`application.review_replies`).
"""

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from outreach_pipelines.application.reply_list import ReplyFilter, ReplyRow
from outreach_pipelines.application.reply_words import (
    first_line,
    moment,
    reply_document,
    review_words,
    why_words,
    words,
)
from outreach_pipelines.application.review_replies import (
    effect_of_ruling,
    effect_of_taking_back,
    rule_on_reply,
    take_back_verdict,
)
from outreach_pipelines.cli.by_hand import ActorName, OneTenant, Yes, agree, by_hand, console, say
from outreach_pipelines.cli.reply_options import AsJson, ReplyNumber, print_json, tenant_and_reply
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.reply_ruling import NoSuchRulingError, Ruled, Ruling, parse_ruling
from outreach_pipelines.errors import Refused
from resources import database, replies

app = typer.Typer(invoke_without_command=True)


@app.callback()
def review(
    context: typer.Context,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="so many of each tenant")] = 100,
    tenant: OneTenant = None,
    as_json: AsJson = False,
) -> None:
    """Mail that waits for a person's verdict, newest first, with why. Nothing was done about it, and nothing is lost."""
    if context.invoked_subcommand is not None:
        return
    table = Table("id", "tenant", "received (UTC)", "read as", "confidence", "why", "person", "says")
    wanted = ReplyFilter(kinds=None, to_review=True, most=most)
    for row in tenant_rows(tenant):
        for reply in replies.reply_book().find(row.ref.id, wanted):
            if as_json:
                print_json(reply_document(row.ref.slug, reply))
                continue
            told = (str(reply.inbound), row.ref.slug, moment(reply.received_at), words(reply.read_as), reply.confidence)
            cells = (*told, why_words(reply), reply.person or "-", first_line(reply.text or reply.evidence))
            table.add_row(*(Text(cell) for cell in cells))
    if not as_json:
        console.print(table if table.row_count else Text("nothing waits for a verdict"))


@app.command()
def decide(
    number: ReplyNumber,
    ruled: Annotated[str, typer.Option("--as", help=f"CLASS or CLASS:CAUSE; {', '.join(Ruled)}")],
    reason: Annotated[str, typer.Option(help="why; it is kept with your name")],
    about: Annotated[
        str | None, typer.Option(help="whom it is about, where nothing in the mail ties it to a message")
    ] = None,
    back_on: Annotated[
        datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="the first day back, for out_of_office")
    ] = None,
    instead: Annotated[
        bool, typer.Option("--instead", help="take back the verdict that stands, with what followed from it")
    ] = False,
    tenant: OneTenant = None,
    actor: ActorName = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Say what a mail is. It then does what a mail that was certainly read so does. Twice is once."""
    ruling, by = _ruling(ruled, back_on), by_hand(actor, reason)
    row, reply = tenant_and_reply(number, tenant)
    _agree(effect_of_ruling(reply, ruling, about=about), yes=yes, as_json=as_json)
    book, events = replies.ruling_book(), database.event_store()
    told = rule_on_reply(book, events, tenant=row.ref.id, row=reply, ruling=ruling, by=by, about=about, instead=instead)
    _tell(told, number, tenant, as_json=as_json)


@app.command()
def undo(
    number: ReplyNumber,
    reason: Annotated[str, typer.Option(help="why; it is kept with your name")],
    tenant: OneTenant = None,
    actor: ActorName = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take a verdict back, with what followed from it as far as nothing else says the same. Twice is once."""
    by = by_hand(actor, reason)
    row, reply = tenant_and_reply(number, tenant)
    _agree(effect_of_taking_back(reply), yes=yes, as_json=as_json)
    told = take_back_verdict(replies.ruling_book(), database.event_store(), tenant=row.ref.id, row=reply, by=by)
    _tell(told, number, tenant, as_json=as_json)


def _agree(effect: str, *, yes: bool, as_json: bool) -> None:
    if as_json and not yes:
        message = "with --json nobody is asked: say --yes too"
        raise Refused(message)
    if not as_json:
        agree(effect, yes=yes)


def _tell(told: str, number: int, tenant: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json(reply_document(*_now(number, tenant)))
        return
    say(f"{told}; {review_words(_now(number, tenant)[1])}")


def _now(number: int, tenant: str | None) -> tuple[str, ReplyRow]:
    row, reply = tenant_and_reply(number, tenant)
    return row.ref.slug, reply


def _ruling(text: str, back_on: datetime | None) -> Ruling:
    try:
        return parse_ruling(text, back_on=back_on.date() if back_on else None)
    except NoSuchRulingError as fault:
        raise Refused(str(fault)) from None
