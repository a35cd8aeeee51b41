"""`outreach pause` and `outreach resume`: stop a tenant, mailbox, domain or campaign by hand, and let it go on."""

from fractions import Fraction
from typing import Annotated

import typer

from outreach_pipelines.application import operate
from outreach_pipelines.cli.by_hand import ActorName, OneTenant, Reason, Yes, agree, by_hand, place_called, say
from resources import database

_What = Annotated[
    str,
    typer.Argument(metavar="TENANT|MAILBOX|DOMAIN|CAMPAIGN", help="by its name, or as KIND:NAME where names are alike"),
]


def pause(what: _What, reason: Reason, tenant: OneTenant = None, actor: ActorName = None, yes: Yes = False) -> None:
    """Nothing more leaves there from the next intent on, until `outreach resume`; what is with a provider finishes."""
    by, place, store = by_hand(actor, reason), place_called(what, tenant), database.hands()
    agree(operate.effect_of_hold(store, place, Fraction(0), None), yes=yes)
    say(operate.pause(store, place, by))


def resume(what: _What, reason: Reason, tenant: OneTenant = None, actor: ActorName = None, yes: Yes = False) -> None:
    """End what persons have paused or held there. Automatic holds stay: `outreach hold release`."""
    by, place, store = by_hand(actor, reason), place_called(what, tenant), database.hands()
    agree(operate.effect_of_resume(store, place), yes=yes)
    say(operate.resume(store, place, by))
