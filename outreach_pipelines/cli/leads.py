"""`outreach leads import|probe`."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from outreach_pipelines.application.enroll_leads import enroll_leads
from outreach_pipelines.application.findings import counted
from outreach_pipelines.application.import_leads import import_leads
from outreach_pipelines.application.probe_recipients import (
    MOST_AN_HOUR,
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
    most: Annotated[int, typer.Option(min=1, max=1000, help="people of a tenant and hour")] = MOST_AN_HOUR,
) -> None:
    """Ask servers of recipients whether they know new leads: by RCPT TO, never with DATA, and only where tenant and host allow it."""
    caller, store = recipient_probe.rcpt_caller(), recipient_probe.probes()
    asyncio.run(_probe(caller, store, tenant_rows(tenant), most))


async def _probe(caller: RecipientCaller, store: ProbeStore, rows: Sequence[TenantRow], most: int) -> None:
    async with feeds.open_resolver()() as resolver:
        for row in rows:
            done = await probe_recipients(resolver, caller, store, tenant=row.ref.id, most_an_hour=most)
            console.print(f"{row.ref.slug}: {', '.join(probed_in_words(done))}", soft_wrap=True)


def probed_in_words(done: Probed) -> Iterator[str]:
    """What a run did, for one tenant."""
    yield counted(done.calls, "call")
    yield from (f"{result.value} {count}" for result, count in sorted(done.results.items()))
    if done.put_off:
        yield f"{counted(done.put_off, 'domain')} put off (it, or whoever runs its server, was called within the hour)"
    if done.no_host:
        yield f"{counted(done.no_host, 'domain')} without a mail host"
    if done.unresolved:
        yield f"{counted(done.unresolved, 'domain')} of which the DNS said nothing"
    if done == Probed():
        yield "nobody is to be asked about (that takes `dns: probe_recipients: true` in tenant.yaml, and new leads)"


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
