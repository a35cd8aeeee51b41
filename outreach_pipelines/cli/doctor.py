"""`outreach doctor`: what is missing to send, each with its cure."""

from collections import Counter
from typing import Annotated

import typer
from rich.console import Console

from outreach_pipelines.application.diagnose import diagnose
from outreach_pipelines.application.diagnose_fences import about_fences
from outreach_pipelines.application.findings import Level, counted
from outreach_pipelines.domain.tenant import TenantSlug
from resources import database
from resources.fences import fence_signs

console = Console()
_STYLE = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "red"}


def doctor(tenant: Annotated[str | None, typer.Option(help="one tenant; all when left out")] = None) -> None:
    """Look at everything sending needs; exit code 1 when something keeps mail from leaving."""
    only = TenantSlug(tenant) if tenant else None
    findings = (
        *about_fences(fence_signs()),
        *diagnose(database.diagnosis_reader(), now=database.clock().now(), only=only),
    )
    for finding in findings:
        console.print(
            f"{finding.level.value:8} {finding.what}", style=_STYLE[finding.level], highlight=False, markup=False
        )
        if finding.cure:
            console.print(f"         cure: {finding.cure}", highlight=False, markup=False)
    levels = Counter(finding.level for finding in findings)
    console.print(
        f"{counted(levels[Level.FAULT], 'fault')}, {counted(levels[Level.WARNING], 'warning')}, {levels[Level.OK]} fine",
        style=_STYLE[Level.FAULT if levels[Level.FAULT] else Level.WARNING if levels[Level.WARNING] else Level.OK],
    )
    if levels[Level.FAULT]:
        raise typer.Exit(1)
