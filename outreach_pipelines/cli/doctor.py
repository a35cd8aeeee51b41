"""`outreach doctor`: what is missing to send, each with its cure."""

from typing import Annotated

import typer
from rich.console import Console

from outreach_pipelines.application.diagnose import Level, diagnose
from outreach_pipelines.domain.tenant import TenantSlug
from resources import database

console = Console()
_STYLE = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "red"}


def doctor(tenant: Annotated[str | None, typer.Option(help="one tenant; all when left out")] = None) -> None:
    """Look at everything sending needs; exit code 1 when something keeps mail from leaving."""
    findings = diagnose(
        database.diagnosis_reader(), now=database.clock().now(), only=TenantSlug(tenant) if tenant else None
    )
    for finding in findings:
        console.print(
            f"{finding.level.value:8} {finding.what}", style=_STYLE[finding.level], highlight=False, markup=False
        )
        if finding.cure:
            console.print(f"         cure: {finding.cure}", highlight=False, markup=False)
    if any(finding.level is Level.FAULT for finding in findings):
        raise typer.Exit(1)
