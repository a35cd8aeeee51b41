"""`outreach fences ...` and `outreach keep-lease`: who may send to real people, and what a person may move.

Every change takes its reason and is written down with who made it.
"""

import getpass
import signal
import threading
from datetime import UTC, datetime
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from outreach_pipelines.application.live_lease import Held, NotHeld
from outreach_pipelines.application.recover import Recovered, Restore, recover
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.live_lease import IN_WORDS, Lease
from outreach_pipelines.domain.sending_mode import SendingMode
from outreach_pipelines.settings import load_settings
from resources import files, keys
from resources.fences import fence_store, lease_keeper, lease_place

app = typer.Typer(no_args_is_help=True)
console = Console()

_Reason = Annotated[str, typer.Option(help="why; it is kept")]
_MOST_CHANGES = 10


@app.callback()
def group() -> None:
    """Who may send to real people: mode, epoch, lease, restores."""


@app.command()
def show() -> None:
    """Which environment this is, who keeps its lease, and who moved a fence lately."""
    store = fence_store()
    facts, settings = store.fences(None), load_settings()
    console.print(f"environment {facts.environment}; open for live sending: {'yes' if facts.live else 'no'}")
    console.print(f"OUTREACH_SENDING={settings.sending}; number of the last renewal here: {facts.serial}")
    if settings.sending is SendingMode.LIVE:
        lease, _ = lease_place(settings).look()
        console.print(_lease_line(lease), markup=False)
    table = Table("when", "what", "detail", "who", "why")
    for change in store.changes(_MOST_CHANGES):
        when = f"{change.changed_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(when, change.kind, change.detail, change.changed_by, change.reason)
    console.print(table)


@app.command()
def mode(wanted: Annotated[SendingMode, typer.Argument(help="off, lab or live")], reason: _Reason) -> None:
    """What the database may be used for. Processes of another mode stop at their next intent."""
    epoch = fence_store().change_mode(wanted, reason, by=getpass.getuser())
    console.print(f"the database is for mode {wanted}; epoch {epoch}. Set OUTREACH_SENDING={wanted} for its processes.")


@app.command("raise-epoch")
def raise_epoch(reason: _Reason) -> None:
    """Stop every process that runs now at its next intent; new ones go on. Calls under way finish."""
    epoch = fence_store().raise_epoch(reason, by=getpass.getuser())
    console.print(f"epoch {epoch}: whatever began before it sends nothing more")


@app.command()
def adopt(
    reason: _Reason,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Say that this database is the one that goes on where the lease stands. Never on a copy: the other one would stop."""
    lease, _ = lease_place(load_settings()).look()
    console.print(_lease_line(lease), markup=False)
    if not yes:
        typer.confirm("Is this database the one and only that shall send from now on?", abort=True)
    store, who = fence_store(), getpass.getuser()
    store.raise_epoch(f"lease adopted: {reason}", by=who)
    store.adopt(lease, reason, by=who)
    console.print("adopted: `outreach keep-lease` takes the lease once it has been silent for a minute")


@app.command()
def restored(
    to: Annotated[datetime, typer.Option("--to", help="the recovery target, UTC: what was committed later is lost")],
    reason: _Reason,
    until: Annotated[
        datetime | None, typer.Option(help="when the last process of the lost time stopped, UTC; now when left out")
    ] = None,
) -> None:
    """After a restore to a point in time: raises the epoch and doubts whatever may have been sent in the lost time."""
    settings = load_settings()
    lease = lease_place(settings).look()[0] if settings.environment_id and settings.lease_store else None
    end = until.replace(tzinfo=UTC) if until else datetime.now(UTC)
    restore = Restore(restored_to=to.replace(tzinfo=UTC), until=end, reason=reason, by=getpass.getuser())
    done = recover(fence_store(), files.object_store(), tenant_rows(None), keys.tagger().tag, restore, lease=lease)
    _tell(done)


def _tell(done: Recovered) -> None:
    console.print(f"epoch {done.epoch}; sends after {done.restored_to:%Y-%m-%d %H:%M:%S} UTC are not known here")
    for tenant in done.tenants:
        console.print(f"{tenant.tenant}: {len(tenant.in_doubt)} messages in doubt until evidence or a ruling")
        for key in tenant.lost_plans:
            console.print(f"  held: the plan {key} was made in the lost time; what it sent is not known", style="red")
    console.print(
        "Next: outreach doubt list. Suppressions and erasures of the lost time are lost as well: "
        "enter them again before sending (docs/operations.md, Restoring)."
    )


def _lease_line(lease: Lease | None) -> str:
    if lease is None:
        return "lease: there is none"
    return f"lease: number {lease.serial} of {lease.holder}, written at {lease.renewed_at:%Y-%m-%d %H:%M:%S} UTC"


def keep_lease() -> None:
    """Keep the lease of live sending until stopped: one such process an installation, restarted when it ends."""
    keeper, stop = lease_keeper(), threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    said: list[object] = [None]

    def tell(done: Held | NotHeld) -> None:
        news = type(done), getattr(done, "sentence", "")
        if said != [news]:
            console.print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {_step_line(done)}", markup=False, highlight=False)
        said[:] = [news]

    keeper.run(stop, tell)


def _step_line(done: Held | NotHeld) -> str:
    if isinstance(done, Held):
        return f"the lease is kept, number {done.serial}"
    if done.reason is None:
        return done.sentence
    fault, cure = IN_WORDS[done.reason]
    return f"cannot be kept: {fault}; {cure}"
