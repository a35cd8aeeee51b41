"""`outreach leads import`."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from outreach_pipelines.application.enroll_leads import enroll_leads
from outreach_pipelines.application.import_leads import import_leads
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.lead_file import FileKnown, FileOutcome, FileRefused
from outreach_pipelines.domain.tenant import TenantSlug
from resources import database, files

app = typer.Typer(no_args_is_help=True)
console = Console()


@app.callback()
def group() -> None:
    """Lead files."""


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
