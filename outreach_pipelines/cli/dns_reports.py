"""`outreach dns reports`: what receivers say of mail in our domains' names, from files or from what was taken in."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console
from rich.table import Table

from outreach_pipelines.application.ingest_mail_reports import MOST_BYTES
from outreach_pipelines.application.present_mail_reports import JsonObject, alignment_report, found_reports
from outreach_pipelines.domain.mail_reports.reading import read_reports
from outreach_pipelines.domain.mail_reports.report import FaultyReport, MailReport, ReportFault
from outreach_pipelines.domain.mail_reports.streams import OwnDomain
from outreach_pipelines.errors import Refused

MOST_ROWS = 30
"""Of each report, in the table; JSON holds all."""
console = Console()


def reports(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="files or folders: XML, JSON, gzip, zip, raw messages; none: what was taken in"),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="judge by this tenant's domains and accounts")] = None,
    days: Annotated[int, typer.Option(min=1, max=400, help="without files: so many days back")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """DMARC aggregate and SMTP TLS reports: who sends in our names, and which of our streams fail alignment.

    Files are read and not kept. Ends with 1 where one of them could not be read.
    """
    if paths:
        found = found_reports(_read(paths), _owns(tenant))
        _show(found, as_json=as_json, table=_report_tables)
        if found["faults"]:
            raise typer.Exit(1)
    else:
        _show(alignment_report_of(tenant, days), as_json=as_json, table=_alignment_tables)


def _read(paths: Iterable[Path]) -> Iterator[MailReport | FaultyReport]:
    for path in paths:
        for file in sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]:
            try:
                with file.open("rb") as stream:
                    content = stream.read(MOST_BYTES + 1)
            except OSError as broken:
                yield FaultyReport(str(file), ReportFault.CLOSED, broken.strerror or "")
                continue
            if len(content) > MOST_BYTES:
                yield FaultyReport(str(file), ReportFault.TOO_LARGE, f"a file of more than {MOST_BYTES >> 20} MiB")
            else:
                yield from read_reports(str(file), content)


def _owns(tenant: str | None) -> Sequence[OwnDomain]:
    if tenant is None:
        return ()
    from outreach_pipelines.cli.wiring import tenant_rows
    from resources.mail_reports import mail_report_store

    (row,) = tenant_rows(tenant)
    return mail_report_store().domains(row.ref.id)


def alignment_report_of(tenant: str | None, days: int) -> JsonObject:
    """What was taken in of one tenant. Raises `Refused` without a tenant."""
    from outreach_pipelines.cli.wiring import tenant_rows
    from resources.database import clock
    from resources.mail_reports import mail_report_store

    if tenant is None:
        message = "name files or folders of reports, or a tenant: outreach dns reports --tenant NAME"
        raise Refused(message)
    (row,) = tenant_rows(tenant)
    today = clock().now().date()
    return alignment_report(mail_report_store().alignment(row.ref.id, since=today - timedelta(days=days), until=today))


def _show(found: JsonObject, *, as_json: bool, table: Callable[[JsonObject], None]) -> None:
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        table(found)


def _report_tables(found: JsonObject) -> None:
    for report in _listed(found, "reports"):
        title = f"{report['kind']}  {report['domain']}  {report['begins_at']} to {report['ends_at']}  by {report['reporter']}"
        _say(title)
        for remark in cast("Sequence[str]", report["remarks"]):
            _say(f"  {remark}")
        if report["kind"] == "dmarc":
            _rows(report)
        else:
            _print(_listed(report, "policies"), ("domain", "type", "sessions", "failed_sessions"))
    for fault in cast("Sequence[str]", found["faults"]):
        _say(f"not read: {fault}")


def _rows(report: Mapping[str, object]) -> None:
    rows = _listed(report, "rows")
    columns = ("source", "messages", "disposition", "dkim_aligned", "spf_aligned", "header_from", "stream", "account")
    _print(rows[:MOST_ROWS], [name for name in columns if rows and name in rows[0]])
    if len(rows) > MOST_ROWS:
        _say(f"  and {len(rows) - MOST_ROWS} more sources: --json")


def _alignment_tables(found: JsonObject) -> None:
    for fault in cast("Sequence[str]", found["faults"]):
        _say(f"fails: {fault}")
    for name, title in _ALIGNMENT:
        rows = _listed(found, name)
        _say(f"{title}:" if rows else f"{title}: none reported")
        _print(rows, list(rows[0]) if rows else ())


_ALIGNMENT = (
    ("streams", "our streams"),
    ("strangers", "others in our names"),
    ("sent", "sent from here"),
    ("tls", "sessions to our mail hosts, by TLS reports"),
)


def _listed(found: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", found[name])


def _print(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    if not rows:
        return
    table = Table(*(column.replace("_", " ") for column in columns))
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    console.print(table, markup=False)


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value).replace("[", "\\[")


def _say(sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
