"""`outreach`: the commands, each group in a file of its own. Errors meant for operators are printed as text, not as a trace."""

import sys
from importlib.metadata import version
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from outreach_pipelines.cli.deferred import DeferredCommand
from outreach_pipelines.errors import OutreachError

COMMANDS: Final = (
    ("up", "stack:up", "Start database, AWS's look-alike, lab, web edge and Dagster with its daemon; stop them all on Ctrl-C."),
    ("demo", "demo:demo", "Start everything on this machine, live one business day on the production code, and tell how it went."),
    ("clean", "stack:clean", "Forget the local system's data, also what lies outside of its folder; what a killed stack left running is ended."),
    ("explain", "explain:explain", "Why somebody was written to, or was not: file and line, plans, attempts, answers, events, suppressions."),
    ("doctor", "doctor:doctor", "Look at everything sending needs; exit code 1 when something keeps mail from leaving."),
    ("classify", "classify:classify", "What each message is and says, a JSON line a file. Exit code 1 if one could not be read."),
    ("prove", "prove:prove", "Live seeded schedules of crashes, pauses, lost answers, late news, and judge what was sent; exit code 1 on any fault."),
    ("pause", "pause:pause", "Nothing more leaves there from the next intent on, until `outreach resume`; what is with a provider finishes."),
    ("resume", "pause:resume", "End what persons have paused or held there. Automatic holds stay: `outreach hold release`."),
    ("keep-lease", "fences:keep_lease", "Keep the lease of live sending until stopped: one such process an installation, restarted when it ends."),
    ("hold", "holds:app", "What is slowed or stopped, by hand or by itself."),
    ("suppression", "suppression:app", "Who must not be written to."),
    ("clock", "clock:app", "The clock guard."),
    ("doubt", "doubt:app", "Sends whose answer was lost: what they wait for, and a person's word."),
    ("fences", "fences:app", "Who may send to real people: mode, epoch, lease, restores."),
    ("inventory", "inventory:app", "Load and check the tenants' inventory files."),
    ("leads", "leads:app", "Lead files and the people in them."),
    ("plan", "plans:app", "Plans: made, looked at, explained, checked, compared."),
    ("replies", "replies:app", "What came back: lists, threads, verdicts, intents."),
    ("message", "message:app", "Single messages against the rules for bulk senders. No database."),
    ("dns", "dns:app", "What sending domains publish: audits, fixes, SPF checks. Only `apply`, `news` and `reports --tenant` use the database."),
)  # fmt: skip


class _Commands(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, place, summary in COMMANDS:
            self.add_command(DeferredCommand(name, f"outreach_pipelines.cli.{place}", summary))


app = typer.Typer(
    name="outreach",
    cls=_Commands,
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


def main() -> None:
    """The console script."""
    try:
        app()
    except OutreachError as fault:
        _end_with(str(fault))
    except Exception as fault:
        # What only a fault of the database needs is loaded when there is one.
        from outreach_pipelines.cli.database_faults import told

        sentence = told(fault)
        if sentence is None:
            raise
        _end_with(sentence)


def _end_with(sentence: str) -> NoReturn:
    from rich.console import Console

    Console(stderr=True).print(sentence, style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
