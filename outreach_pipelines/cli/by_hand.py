"""What commands share by which a person changes what may leave: who it is, what is meant, and their agreement."""

import getpass
from typing import Annotated

import typer
from rich.console import Console

from outreach_pipelines.application.acts_by_hand import Actor, ByHand
from outreach_pipelines.application.places import Place, find_place
from outreach_pipelines.cli.wiring import tenant_rows
from resources import database

console = Console()
Reason = Annotated[str, typer.Option(help="why; it is kept with your name")]
ActorName = Annotated[
    str | None, typer.Option("--actor", help="who does it; the user of this machine's account when left out")
]
OneTenant = Annotated[str | None, typer.Option(help="look only there")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask before it is done")]


def by_hand(actor: str | None, reason: str) -> ByHand:
    """Who acts. Raises `Refused` without a reason."""
    return ByHand(actor_of(actor), reason.strip())


def actor_of(given: str | None) -> Actor:
    """Who acts: who is named, or whose account of this machine it is."""
    return Actor(given or getpass.getuser())


def place_called(words: str, tenant: str | None) -> Place:
    """The one place of this name. Raises `NotFound`, and `Refused` where several are called so."""
    store = database.hands()
    return find_place(words, [place for row in tenant_rows(tenant) for place in store.places(row.ref)])


def agree(effect: str, *, yes: bool) -> None:
    """Show what will be done and go on only when that is agreed to."""
    say(effect)
    if not yes:
        typer.confirm("Do it?", abort=True)


def say(sentence: str) -> None:
    """Text that may hold names of others: it is no markup."""
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
