"""`outreach doctor`: what is missing to send, each with its cure."""

from datetime import UTC, datetime

import typer
from rich.console import Console

from outreach_pipelines.application.diagnose import Level, diagnose
from resources import database

console = Console()
_STYLE = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "red"}


def doctor() -> None:
    """Look at everything sending needs; exit code 1 when something keeps mail from leaving."""
    findings = diagnose(database.diagnosis_reader(), now=datetime.now(UTC))
    for finding in findings:
        console.print(f"[{_STYLE[finding.level]}]{finding.level.value:8}[/] {finding.what}", highlight=False)
        if finding.cure:
            console.print(f"         cure: {finding.cure}", highlight=False, markup=False)
    if any(finding.level is Level.FAULT for finding in findings):
        raise typer.Exit(1)
