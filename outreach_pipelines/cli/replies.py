"""`outreach replies list|show|assign`: what came back, the thread around it, and who answers.

Belongs here: options and layout. Does not: verdicts (`reply_review`), intents (`reply_intents`).
"""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.reply_list import (
    ANSWERS,
    ANYBODY,
    NO_INTENT,
    NOBODY,
    Assignment,
    ReplyFilter,
    ReplyRow,
    assign_reply,
)
from outreach_pipelines.application.reply_thread import Came, Sent, Thread, thread_of
from outreach_pipelines.application.reply_words import (
    decided_words,
    first_line,
    intent_words,
    moment,
    reply_document,
    review_words,
    thread_documents,
    words,
    work_words,
)
from outreach_pipelines.cli import reply_intents, reply_review
from outreach_pipelines.cli.by_hand import ActorName, OneTenant, actor_of, console, say
from outreach_pipelines.cli.reply_options import AsJson, ReplyNumber, print_json, tenant_and_reply
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.inbound.message import Intent, MessageKind
from outreach_pipelines.domain.reply_ruling import Ruled
from outreach_pipelines.errors import Refused
from resources import replies

app = typer.Typer(no_args_is_help=True)
app.add_typer(reply_review.app, name="review", help="What is uncertain, with why; a person's verdict on it.")
app.command("label")(reply_intents.label)
app.command("train")(reply_intents.train)
app.command("tend")(reply_intents.tend)


@app.callback()
def group() -> None:
    """What came back: lists, threads, verdicts, intents."""


@app.command("list")
def list_replies(
    intent: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(each.value for each in Intent)}, or {NO_INTENT}; may be given several times"),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="as `outreach classify` names it, or all; what people answered if left out")
    ] = None,
    assigned: Annotated[str | None, typer.Option(help="to whom; `nobody` and `anybody` are understood")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="only what is not done")] = False,
    done: Annotated[bool, typer.Option("--done", help="only what is done")] = False,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="UTC")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="so many of each tenant")] = 100,
    tenant: OneTenant = None,
    as_json: AsJson = False,
) -> None:
    """Replies of each tenant, newest first."""
    wanted = ReplyFilter(
        kinds=_kinds(kind),
        intents=_intents(intent),
        is_done=_only(only_open, done),
        since=since.replace(tzinfo=UTC) if since else None,
        most=most,
        assigned_to=None if assigned in _SOMEBODY else assigned,
        is_assigned=_SOMEBODY.get(assigned or ""),
    )
    table = Table("id", "tenant", "received (UTC)", "kind", "intent", "person", "campaign", "answered by", "says")
    for row in tenant_rows(tenant):
        for reply in replies.reply_book().find(row.ref.id, wanted):
            if as_json:
                print_json(reply_document(row.ref.slug, reply))
            else:
                table.add_row(*(Text(cell) for cell in _cells(row.ref.slug, reply)))
    if not as_json:
        console.print(table if table.row_count else Text("no reply is like that"))


@app.command()
def show(
    number: ReplyNumber,
    whole: Annotated[
        bool, typer.Option("--whole", help="with the history that mails quote, as the original has it")
    ] = False,
    tenant: OneTenant = None,
    as_json: AsJson = False,
) -> None:
    """One reply with its thread: what was sent, what came, in order of time, and what it was taken for and why."""
    row, reply = tenant_and_reply(number, tenant)
    thread = thread_of(replies.thread_desk(), row.ref.id, reply)
    if as_json:
        print_json(reply_document(row.ref.slug, reply) | {"thread": thread_documents(thread)})
        return
    _print_facts(row.ref.slug, reply)
    _print_thread(thread, whole=whole)


@app.command()
def assign(
    number: ReplyNumber,
    to: Annotated[str | None, typer.Option(help=f"a person's name or mail address; {NOBODY} takes it back")] = None,
    note: Annotated[str | None, typer.Option(help="kept with the reply")] = None,
    done: Annotated[bool | None, typer.Option("--done/--open", help="whether it is answered")] = None,
    tenant: OneTenant = None,
    actor: ActorName = None,
    as_json: AsJson = False,
) -> None:
    """Give a reply to somebody, note something, or call it done."""
    row, _ = tenant_and_reply(number, tenant)
    change = Assignment(to, note, done)
    reply = assign_reply(replies.reply_book(), row.ref.id, InboundId(number), change, actor_of(actor))
    if as_json:
        print_json(reply_document(row.ref.slug, reply))
        return
    say(f"reply {number}: {work_words(reply)}")


def _kinds(given: list[str] | None) -> tuple[str, ...] | None:
    if not given:
        return ANSWERS
    if "all" in given:
        return None
    known = {*(kind.value for kind in MessageKind), *Ruled}
    if unknown := [name for name in given if name not in known]:
        message = f"there is no kind {unknown[0]!r}; there are all, {', '.join(sorted(known))}"
        raise Refused(message)
    return tuple(given)


def _intents(given: list[str] | None) -> tuple[str, ...] | None:
    if not given:
        return None
    known = [*(intent.value for intent in Intent), NO_INTENT]
    if unknown := [name for name in given if name not in known]:
        message = f"there is no intent {unknown[0]!r}; there are {', '.join(known)}"
        raise Refused(message)
    return tuple(given)


def _only(only_open: bool, done: bool) -> bool | None:
    if only_open and done:
        message = "--open and --done together ask for nothing; leave both out for all"
        raise Refused(message)
    return done if only_open or done else None


_SOMEBODY = {NOBODY: False, ANYBODY: True}


def _cells(slug: str, reply: ReplyRow) -> tuple[str, ...]:
    kind = words(reply.kind) + (" ?" if reply.review and reply.review.verdict is None else "")
    who = (reply.person or "-", reply.campaign or "-")
    told = (str(reply.inbound), slug, moment(reply.received_at), kind, intent_words(reply.intent))
    return (*told, *who, work_words(reply), first_line(reply.text))


def _print_facts(slug: str, reply: ReplyRow) -> None:
    table = Table(show_header=False, title=Text(f"mail {reply.inbound} of {slug}"))
    facts = {
        "received": f"{moment(reply.received_at)} UTC, in {reply.folder} of inbox {reply.inbox}",
        "kind": words(reply.kind),
        "read as": f"{words(reply.read_as)}, confidence {reply.confidence}: {reply.evidence}",
        "review": review_words(reply),
        "intent": decided_words(reply.intent),
        "about": f"{reply.person or 'nobody we know'} in {reply.campaign or 'no campaign'}, from {reply.mailbox or '-'}",
        "parked": reply.park_reason or "no",
        "away until": str(reply.away_until or "-"),
        "answered by": work_words(reply) + (f"; {reply.work.note}" if reply.work.note else ""),
        "original": reply.object_key,
    }
    for name, value in facts.items():
        table.add_row(name, Text(_printable(value)))
    console.print(table)


def _print_thread(thread: Thread, *, whole: bool) -> None:
    for each in thread:
        match each:
            case Sent():
                head = f"{moment(each.at)} UTC  we sent step {each.step} from {each.mailbox or '-'}: {each.subject}"
                body = each.text or f"({each.lacks})"
            case Came(row=row):
                head = f"{moment(each.at)} UTC  {each.sender or 'somebody'} ({words(row.kind)}): {each.subject or '-'}"
                body = (each.whole if whole else row.text) or "(no text of its own)"
                body += f"\n({each.lacks})" if each.lacks else ""
        console.print(Text(f"\n{_printable(head)}", style="bold"))
        console.print(Text(_printable(body.rstrip())), soft_wrap=True)


def _printable(text: str) -> str:
    # What others wrote: an escape sequence would speak to the terminal.
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
