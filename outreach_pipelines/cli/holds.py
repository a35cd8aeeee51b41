"""`outreach hold`: what is slowed or stopped, by hand or by itself; setting such a hold, and releasing one."""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Annotated

import typer
from rich.table import Table

from outreach_pipelines.application import operate
from outreach_pipelines.application.acts_by_hand import HoldLine
from outreach_pipelines.application.places import names_of, words_of
from outreach_pipelines.cli.by_hand import (
    ActorName,
    OneTenant,
    Reason,
    Yes,
    agree,
    by_hand,
    console,
    place_called,
    say,
)
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.errors import Refused
from resources import database

app = typer.Typer(no_args_is_help=True)
_Scope = Annotated[
    str,
    typer.Argument(
        help="tenant, mailbox, domain, campaign, lead-file or account as KIND:NAME; path:MAILBOX:ACCOUNT; "
        "provider:MAILBOX:NAME; shared-account:NAME. The list shows them so"
    ),
]


@app.callback()
def group() -> None:
    """What is slowed or stopped, by hand or by itself."""


@app.command("list")
def show(tenant: OneTenant = None) -> None:
    """Every hold in force, what it leaves of the cap, and why."""
    store = database.hands()
    table = Table("tenant", "scope", "leaves", "by", "since (UTC)", "until (UTC)", "why")
    for row in tenant_rows(tenant):
        lines = store.in_force(row.ref)
        names = names_of(store.places(row.ref)) if lines else {}
        for line in lines:
            table.add_row(row.ref.slug, words_of(line.scope, names), *_cells(line))
    if not table.row_count:
        say("nothing is held")
        return
    console.print(table)


@app.command("set")
def set_hold(
    scope: _Scope,
    reason: Reason,
    factor: Annotated[str, typer.Option(help="the share of the cap that is left: 0 stops, 0.5 or 1/2 halves")] = "0",
    until: Annotated[datetime | None, typer.Option(help="its end, UTC; until released when left out")] = None,
    tenant: OneTenant = None,
    actor: ActorName = None,
    yes: Yes = False,
) -> None:
    """Slow down or stop by hand, in force at the next intent. A hold by hand that stands there is replaced."""
    by, place, store, share = by_hand(actor, reason), place_called(scope, tenant), database.hands(), _share(factor)
    end = until.replace(tzinfo=UTC) if until else None
    agree(operate.effect_of_hold(store, place, share, end), yes=yes)
    say(operate.hold_by_hand(store, place, share, until=end, by=by))


@app.command()
def release(scope: _Scope, reason: Reason, tenant: OneTenant = None, actor: ActorName = None, yes: Yes = False) -> None:
    """End every hold on this scope. One by hand ends at full pace; an automatic one comes back in steps."""
    by, place, store = by_hand(actor, reason), place_called(scope, tenant), database.hands()
    agree(operate.effect_of_release(store, place), yes=yes)
    say(operate.release_by_hand(store, place, by))


def _share(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        message = f"--factor {text!r} is no share: write 0, 0.5 or 1/2"
        raise Refused(message) from None


def _cells(line: HoldLine) -> tuple[str, ...]:
    by = {"manual": "hand", "paused": "hand", "answer": "provider's refusal"}.get(line.signal, "itself")
    since, until = (f"{moment:%Y-%m-%d %H:%M}" if moment else "-" for moment in (_utc(line.since), _utc(line.until)))
    return f"{line.factor:.0%}", by, since, until, line.sentence


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None
