"""`outreach clock confirm`: a person has looked at the machine's time."""

import typer
from rich.console import Console

from resources import database

app = typer.Typer(no_args_is_help=True)
console = Console()


@app.callback()
def group() -> None:
    """The clock guard."""


@app.command()
def confirm() -> None:
    """After a jump of the machine's clock nothing is sent; confirm that its time is right now, and sending goes on."""
    database.maintenance().confirm_clock()
    console.print("confirmed: the time of this database's server counts from now on")
