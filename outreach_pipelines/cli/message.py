"""`outreach message check`: one message against the rules for bulk senders. No database.

Belongs here: options, layout, exit codes. Does not: the rules (`domain.message_check`).
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from outreach_pipelines.application.audit_domains import answered
from outreach_pipelines.cli.dns_sources import asking, typed_blocklist, typed_sender, typed_server
from outreach_pipelines.cli.plan_sources import file_bytes, write_file
from outreach_pipelines.domain.dns_audit.answers import Answers
from outreach_pipelines.domain.dns_audit.answers_file import encode_answers
from outreach_pipelines.domain.message_check.check import Circumstances, check_message
from outreach_pipelines.domain.message_check.reading import LARGEST, ReadMessage, TooLarge, read_message
from outreach_pipelines.domain.message_check.rules import Outcome, RuleReport
from outreach_pipelines.errors import FilesFault

app = typer.Typer(no_args_is_help=True)
console = Console()
_STYLE = {Outcome.HOLDS: "green", Outcome.BROKEN: "red", Outcome.WEAK: "yellow", Outcome.UNKNOWN: "cyan"}


@app.callback()
def message() -> None:
    """Single messages against the rules for bulk senders. No database."""


@app.command()
def check(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="a message as it leaves, with its headers; - is standard input")
    ],
    ip: Annotated[str | None, typer.Option(help="the address that hands it in; SPF and reverse DNS need it")] = None,
    sender: Annotated[str, typer.Option(help="MAIL FROM; Return-Path when left out")] = "",
    helo: Annotated[str, typer.Option(help="the name in HELO; the sender's domain when left out")] = "",
    blocklist: Annotated[
        list[str] | None, typer.Option(metavar="domain:ZONE", help="a list of domains; repeatable")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    resolver: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="the machine's own when left out")] = None,
    answers: Annotated[Path | None, typer.Option(help="stored answers in place of a DNS server")] = None,
    save_answers: Annotated[Path | None, typer.Option(help="where to store what was answered")] = None,
) -> None:
    """Hold a message against Gmail's, Yahoo's and Outlook's rules; exit code 1 with a broken one, 3 with an unknown."""
    read = _read(file)
    who = None if ip is None else typed_sender(ip, sender or _return_path(read), helo)
    around = Circumstances(sender=who, lists=tuple(map(typed_blocklist, blocklist or ())), now=int(time.time()))
    reports, told = asyncio.run(_checked(read, around, resolver, answers))
    if save_answers is not None:
        write_file(save_answers, encode_answers(told))
    if as_json:
        typer.echo(json.dumps({"rules": [_json(report) for report in reports]}))
    else:
        console.print(_table(reports))
    outcomes = {report.outcome for report in reports}
    raise typer.Exit(1 if Outcome.BROKEN in outcomes else 3 if Outcome.UNKNOWN in outcomes else 0)


async def _checked(
    read: ReadMessage, around: Circumstances, resolver: str | None, answers: Path | None
) -> tuple[tuple[RuleReport, ...], Answers]:
    async with asking(typed_server(resolver), answers) as open_resolver:
        return await answered(open_resolver, check_message(read, around))


def _read(file: str) -> ReadMessage:
    raw = sys.stdin.buffer.read(LARGEST + 1) if file == "-" else file_bytes(Path(file))
    try:
        return read_message(raw)
    except TooLarge as fault:
        message = f"{file}: {fault}"
        raise FilesFault(message) from fault


def _return_path(read: ReadMessage) -> str:
    return next((value.strip("<> ") for value in read.values("return-path")), "")


def _json(report: RuleReport) -> dict[str, str]:
    return {"rule": report.rule.value, "outcome": report.outcome.value, "evidence": report.evidence}


def _table(reports: tuple[RuleReport, ...]) -> Table:
    table = Table(show_header=False, box=None)
    for report in reports:
        style = _STYLE.get(report.outcome, "dim")
        table.add_row(
            Text(report.outcome.value, style=style), Text(report.rule.value), Text(report.evidence, overflow="fold")
        )
    return table
