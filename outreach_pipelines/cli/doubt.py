"""`outreach doubt`: sends of which nobody knows yet whether they were taken, and a person's word on one."""

import getpass
from datetime import UTC, date, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from outreach_pipelines.application.resolve_doubt import CountedFeed, DoubtBook, DoubtedAttempt
from outreach_pipelines.application.rule_on_doubt import Ruling, attempt_to_rule, effect_of_ruling, rule_on_doubt
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.doubt import (
    Absent,
    GiveUp,
    LookNow,
    NotDrained,
    QueueLook,
    SendProbe,
    Wait,
    judge_doubt,
)
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import NotFound, Refused, Unreadable
from outreach_pipelines.settings import load_settings
from resources import doubt, feeds

app = typer.Typer(no_args_is_help=True)
console = Console()
_Tenant = Annotated[str | None, typer.Option(help="one tenant; all when left out")]


@app.callback()
def group() -> None:
    """Sends whose answer was lost: what they wait for, and a person's word."""


@app.command("list")
def show(tenant: _Tenant = None) -> None:
    """Every attempt in doubt, how old it is, and what it waits for."""
    queue = _held(feeds.event_feed())
    table = Table("tenant", "message", "attempt", "account", "age", "waits for", "next look (UTC)")
    for row in tenant_rows(tenant):
        book = doubt.doubts().open_doubts(row.ref.id)
        for each in book.attempts:
            table.add_row(*_line(row.ref.slug, book, each, queue))
    if not table.row_count:
        console.print("nothing is in doubt")
        return
    console.print(table)


@app.command()
def resolve(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="a message as NUMBER or YYYY-MM-DD/NUMBER")],
    reason: Annotated[str, typer.Option(help="how you know; it is kept with your name")],
    accepted: Annotated[bool, typer.Option("--accepted", help="the provider took it")] = False,
    not_sent: Annotated[bool, typer.Option("--not-sent", help="the provider never took it")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask before it is done")] = False,
    tenant: _Tenant = None,
) -> None:
    """Say what became of a message that no evidence settles. What that will do is shown first."""
    if accepted == not_sent:
        text = "say either --accepted or --not-sent"
        raise Refused(text)
    ruling = Ruling.ACCEPTED if accepted else Ruling.NOT_SENT
    day, number = _message(message)
    store = doubt.doubts()
    for row in tenant_rows(tenant):
        try:
            attempt = attempt_to_rule(store, row.ref.id, day, number)
        except NotFound:
            continue
        console.print(effect_of_ruling(attempt, ruling))
        if not yes and not typer.confirm("Do it?"):
            raise typer.Abort
        rule_on_doubt(store, attempt, ruling, reason=reason, by=getpass.getuser())
        console.print("done, and written down with your name and reason")
        return
    text = f"no attempt to send message {message} is known"
    raise NotFound(text)


def _message(text: str) -> tuple[date | None, MessageId]:
    day, _, number = text.rpartition("/")
    try:
        return date.fromisoformat(day) if day else None, MessageId(int(number))
    except ValueError:
        words = f"{text!r} is no message: write NUMBER or YYYY-MM-DD/NUMBER"
        raise NotFound(words) from None


def _held(feed: CountedFeed) -> QueueLook:
    try:
        return feed.held()
    except Unreadable as fault:
        return NotDrained(str(fault))


def _line(slug: TenantSlug, book: DoubtBook, attempt: DoubtedAttempt, queue: QueueLook) -> tuple[str, ...]:
    policy = doubt.doubt_policy(load_settings())
    verdict = judge_doubt(attempt.doubt, now=book.now, queue=queue, policy=policy)
    match verdict:
        case Wait(sentence, until):
            next_look = f"{until.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if until else "-"
        case LookNow(sentence) | SendProbe(sentence) | Absent(sentence) | GiveUp(_, sentence):
            next_look = "within a minute"
    about = attempt.about
    return (
        slug,
        f"{about.plan_day}/{about.message}",
        str(about.attempt),
        attempt.account_name,
        _age(book.now - attempt.doubt.intended_at),
        sentence,
        next_look,
    )


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
