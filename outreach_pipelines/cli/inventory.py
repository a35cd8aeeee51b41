"""`outreach inventory load|check`."""

from collections.abc import Sequence

import typer
from rich.console import Console

from outreach_pipelines.application.import_inventory import (
    FaultyInventory,
    InventoryFault,
    SoundInventory,
    import_inventory,
    located,
)
from outreach_pipelines.domain.inventory_check import Severity, misfits_between
from outreach_pipelines.errors import FilesFault
from resources import database, files, keys

app = typer.Typer(no_args_is_help=True)
console = Console()


@app.command()
def check() -> None:
    """Read all inventory files and name every fault with file, line and field; changes nothing."""
    source = files.inventory_files()
    loaded = [source.load(slug) for slug in source.tenants()]
    sound = [each for each in loaded if isinstance(each, SoundInventory)]
    between = misfits_between([each.inventory for each in sound])
    for each in sound:
        _tell((*located(between, each.places), *each.warnings))
        inventory = each.inventory
        sizes = f"{len(inventory.domains)} domains, {len(inventory.mailboxes)} mailboxes, {len(inventory.campaigns)} campaigns"
        console.print(f"{inventory.tenant.slug}: {sizes}")
    _refuse([each for each in loaded if isinstance(each, FaultyInventory)])


@app.command()
def load() -> None:
    """Apply the inventory files. A faulty tenant keeps its former state; loading again changes nothing."""
    imported = import_inventory(files.inventory_files(), database.inventory_store(), suppression_key=keys.address_key())
    for outcome in imported.tenants:
        if not isinstance(outcome, FaultyInventory):
            _tell(outcome.warnings)
            console.print(f"{outcome.tenant}: {len(outcome.changes)} changes")
    _refuse(imported.refused)


def _tell(faults: Sequence[InventoryFault]) -> None:
    for fault in faults:
        console.print(
            str(fault), style="yellow" if fault.severity is Severity.WARNING else "red", highlight=False, markup=False
        )


def _refuse(refused: Sequence[FaultyInventory]) -> None:
    if refused:
        lines = [str(fault) for each in refused for fault in each.faults]
        raise FilesFault(
            "\n".join(
                [
                    *lines,
                    f"{len(lines)} faults; nothing of these tenants was applied: {', '.join(each.tenant for each in refused)}",
                ]
            )
        )
