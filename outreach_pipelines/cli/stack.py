"""`outreach up` and `outreach clean`: the whole system on this machine, until Ctrl-C; and forgetting it."""

import os
import shutil
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from typer.models import OptionInfo

from outreach_pipelines.local_stack.folder_lock import FolderLock
from outreach_pipelines.local_stack.ports import PortSetting
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres
from outreach_pipelines.local_stack.process_record import clear_stale
from outreach_pipelines.local_stack.stack import LocalStack, Part, StackAddresses, StackPorts
from outreach_pipelines.local_stack.system import Folders, LocalSystem

CHECKOUT = Path(__file__).resolve().parents[2]
BASE = Path("var/demo")
LOCK = "stack.lock"
LAST_PORT = 65535

console = Console()


def _port(wanted: str | int) -> int:
    text = str(wanted)  # Typer sends the default through here too
    if not (text.isascii() and text.isdecimal() and int(text) <= LAST_PORT):
        message = f"{text!r} is no port: a whole number from 0 to {LAST_PORT}, where 0 takes any free one"
        raise typer.BadParameter(message)
    return int(text)


def _port_option(what: str, setting: PortSetting) -> OptionInfo:
    option: OptionInfo = typer.Option(help=what, envvar=setting.value, parser=_port, metavar="PORT")
    return option


def up(
    port: Annotated[int, _port_option("Dagster UI", PortSetting.DAGSTER)] = 3000,
    pg_port: Annotated[int, _port_option("PostgreSQL; 0 takes a free one", PortSetting.POSTGRES)] = 0,
    aws_port: Annotated[int, _port_option("S3, SQS, SNS; 0 takes a free one", PortSetting.AWS)] = 0,
    web_port: Annotated[int, _port_option("web edge; 0 takes a free one", PortSetting.WEB)] = 0,
    base: Annotated[Path, typer.Option(help="folder of all data", envvar="OUTREACH_BASE")] = BASE,
) -> None:
    """Start database, AWS's look-alike, lab, web edge and Dagster with its daemon; stop them all on Ctrl-C."""
    system = LocalSystem(Folders(base.absolute(), CHECKOUT), stepped=False)
    stack = LocalStack(system.config(StackPorts(pg_port, aws_port, web_port, port), frozenset(Part)), system.wiring())
    end_by_exception(signal.SIGTERM)
    started_at = datetime.now(UTC)
    with console.status("starting ..."):
        addresses = stack.__enter__()
    try:
        for leftover in stack.cleared:
            console.print(f"[yellow]ended what a killed stack had left behind: {leftover.name}[/]")
        os.environ.update(system.environment(addresses))
        _fail_orphans(started_at)
        _show(addresses, system.folders)
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("stopping ...")
    finally:
        stack.__exit__(None, None, None)


def _fail_orphans(started_at: datetime) -> None:
    # Dagster costs two seconds to import and reads its home from the environment set just now.
    from dagster import DagsterInstance

    from schedules.orphans import fail_orphaned_runs

    with DagsterInstance.get() as instance:
        orphans = fail_orphaned_runs(instance, created_before=started_at)
    if orphans:
        console.print(f"[yellow]runs that ended with an earlier stack: {len(orphans)}[/]")


def end_by_exception(number: signal.Signals) -> None:
    """Turn a signal into KeyboardInterrupt, so that what was started is stopped in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(number, interrupt)


def _show(addresses: StackAddresses, folders: Folders) -> None:
    table = Table(title="outreach is up; Ctrl-C stops it", show_header=False)
    table.add_row("Dagster", addresses.dagster_url or "-")
    table.add_row("web edge", addresses.web_url or "-")
    table.add_row("PostgreSQL", f"127.0.0.1:{addresses.postgres.port}")
    table.add_row(
        "uploads", f"{folders.files}/uploads/TENANT/*.csv  (a file dropped there is imported within a minute)"
    )
    table.add_row("other commands", "outreach doctor, outreach plan show, outreach explain ADDRESS")
    console.print(table)


def clean(base: Annotated[Path, typer.Option(help="folder of all data", envvar="OUTREACH_BASE")] = BASE) -> None:
    """Forget the local system's data, also what lies outside of its folder; what a killed stack left running is ended."""
    forget(Folders(base.absolute(), CHECKOUT))


def forget(folders: Folders) -> None:
    """Empty `folders.base`. Raises `LocalStackError` while a stack runs there."""
    folders.base.mkdir(parents=True, exist_ok=True)
    with FolderLock(folders.base / LOCK):
        clear_stale(folders.base / "run")
        EmbeddedPostgres(folders.base).remove()
        for path in folders.base.iterdir():
            if path.name != LOCK:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
