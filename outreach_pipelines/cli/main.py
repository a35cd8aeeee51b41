"""`outreach`: the commands, each group in a file of its own. Errors meant for operators are printed as text, not as a trace."""

import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from sqlalchemy.exc import OperationalError

from outreach_pipelines.cli import (
    classify,
    clock,
    demo,
    dns,
    doctor,
    doubt,
    explain,
    fences,
    holds,
    inventory,
    leads,
    message,
    pause,
    plans,
    prove,
    replies,
    stack,
    suppression,
)
from outreach_pipelines.cli.database_faults import is_unreachable, unreachable
from outreach_pipelines.errors import OutreachError
from outreach_pipelines.settings import load_settings

app = typer.Typer(
    name="outreach",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"outreach {version('outreach-pipelines')}")
        raise typer.Exit


@app.callback()
def outreach(
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="the version, and nothing else")
    ] = False,
) -> None:
    """E-mail outreach: never twice, never lost, every send explained."""


app.command("up")(stack.up)
app.command("demo")(demo.demo)
app.command("clean")(stack.clean)
app.command("explain")(explain.explain)
app.command("doctor")(doctor.doctor)
app.command("classify")(classify.classify)
app.command("prove")(prove.prove)
app.command("pause")(pause.pause)
app.command("resume")(pause.resume)
app.add_typer(holds.app, name="hold", help="What is slowed or stopped, by hand or by itself.")
app.add_typer(suppression.app, name="suppression", help="Who must not be written to.")
app.add_typer(clock.app, name="clock", help="The clock guard.")
app.add_typer(doubt.app, name="doubt", help="Sends whose answer was lost: what they wait for, and a person's word.")
app.add_typer(fences.app, name="fences", help="Who may send to real people: mode, epoch, lease, restores.")
app.command("keep-lease")(fences.keep_lease)
app.add_typer(inventory.app, name="inventory", help="Load and check the tenants' inventory files.")
app.add_typer(leads.app, name="leads", help="Import lead files.")
app.add_typer(plans.app, name="plan", help="Look at plans.")
app.add_typer(replies.app, name="replies", help="What came back: lists, threads, verdicts, intents.")
app.add_typer(message.app, name="message", help="Single messages against the rules for bulk senders. No database.")
app.add_typer(
    dns.app,
    name="dns",
    help="What sending domains publish: audits, fixes, SPF checks. Only `apply` and `reports --tenant` use the database.",
)


def main() -> None:
    """The console script."""
    try:
        app()
    except OutreachError as fault:
        _end_with(str(fault))
    except OperationalError as fault:
        if not is_unreachable(fault):
            raise
        _end_with(unreachable(fault, load_settings().database_url.get_secret_value()))


def _end_with(sentence: str) -> NoReturn:
    Console(stderr=True).print(sentence, style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(1)
