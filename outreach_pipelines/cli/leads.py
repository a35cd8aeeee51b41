"""`outreach leads import|probe`."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from outreach_pipelines.application.enroll_leads import enroll_leads
from outreach_pipelines.application.import_leads import import_leads
from outreach_pipelines.application.probe_recipients import (
    MOST_A_RUN,
    Probed,
    ProbeStore,
    RecipientCaller,
    probe_recipients,
)
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.lead_file import FileKnown, FileOutcome, FileRefused
from outreach_pipelines.domain.tenant import TenantSlug
from resources import database, feeds, files, recipient_probe

app = typer.Typer(no_args_is_help=True)
console = Console()


@app.callback()
def group() -> None:
    """Lead files and the people in them."""


@app.command("import")
def import_(tenant: Annotated[str | None, typer.Argument(help="one tenant; all when left out")] = None) -> None:
    """Import what is new below uploads/TENANT/, and enroll. Each row is accepted or refused with its line and reason."""
    for row in tenant_rows(tenant):
        summary = import_leads(files.lead_files(), database.lead_store(), row.ref)
        table = Table(
            Column("file", overflow="fold"),
            "read",
            "accepted",
            "known",
            "rejected",
            "why",
            title=TenantSlug(row.ref.slug),
        )
        for outcome in summary.files:
            table.add_row(*_cells(outcome))
        console.print(table)
        enrolled = enroll_leads(database.enrollments(), tenant=row.ref.id)
        console.print(f"newly enrolled: {sum(enrolled.by_campaign.values())}")


@app.command()
def probe(
    tenant: Annotated[str | None, typer.Argument(help="one tenant; all when left out")] = None,
    most: Annotated[int, typer.Option(min=1, max=1000, help="people of a tenant that are asked about")] = MOST_A_RUN,
) -> None:
    """Ask servers of recipients whether they know new leads: by RCPT TO, never with DATA, and only where tenant and host allow it."""
    caller, store = recipient_probe.rcpt_caller(), recipient_probe.probes()
    for row in tenant_rows(tenant):
        done = asyncio.run(_probed(caller, store, row, most))
        said = ", ".join(f"{result.value} {count}" for result, count in sorted(done.results.items()))
        console.print(f"{row.ref.slug}: {done.calls} calls, {said or 'nobody is to be asked about'}")


async def _probed(caller: RecipientCaller, store: ProbeStore, row: TenantRow, most: int) -> Probed:
    async with feeds.open_resolver()() as resolver:
        return await probe_recipients(resolver, caller, store, tenant=row.ref.id, most=most)


def _cells(outcome: FileOutcome) -> tuple[str, ...]:
    match outcome:
        case FileKnown(file):
            return (file.name, "-", "-", "-", "-", "content imported before")
        case FileRefused(file, line, sentence):
            return (file.name, "-", "-", "-", "-", f"refused at line {line}: {sentence}")
    reasons = ", ".join(f"{reason.value} {count}" for reason, count in sorted(outcome.rejected.items()))
    reasons = reasons if outcome.read else "a header and no rows: nothing to import"
    return (
        outcome.file.name,
        str(outcome.read),
        str(outcome.accepted),
        str(outcome.already_known),
        str(sum(outcome.rejected.values())),
        reasons,
    )
