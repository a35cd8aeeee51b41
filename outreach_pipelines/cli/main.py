"""`outreach`: the commands, each group in a file of its own. Errors meant for operators are printed as text, not as a trace."""

import sys

import typer
from rich.console import Console

from outreach_pipelines.cli import clock, demo, doctor, explain, inventory, leads, plans, stack
from outreach_pipelines.errors import OutreachError

app = typer.Typer(
    name="outreach",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="E-mail outreach: never twice, never lost, every send explained.",
)
app.command("up")(stack.up)
app.command("demo")(demo.demo)
app.command("clean")(stack.clean)
app.command("explain")(explain.explain)
app.command("doctor")(doctor.doctor)
app.add_typer(clock.app, name="clock", help="The clock guard.")
app.add_typer(inventory.app, name="inventory", help="Load and check the tenants' inventory files.")
app.add_typer(leads.app, name="leads", help="Import lead files.")
app.add_typer(plans.app, name="plan", help="Look at plans.")


def main() -> None:
    """The console script."""
    try:
        app()
    except OutreachError as fault:
        Console(stderr=True).print(str(fault), style="red", highlight=False, markup=False)
        sys.exit(1)
