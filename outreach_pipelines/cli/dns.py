"""`outreach dns audit|fixes|spf-check`: the DNS of sending domains, asked now or read from stored answers. No database.

Belongs here: options and exit codes. Does not: layout (`dns_views`), reading what was typed (`dns_sources`).
"""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from outreach_pipelines.adapters.dns import NameServerAddress
from outreach_pipelines.application.audit_domains import AuditTarget, DomainAudit, answered, audit_domains
from outreach_pipelines.cli import dns_apply, dns_news, dns_reports
from outreach_pipelines.cli.dns_providers import desks_of, tell_not_asked, told_by_providers
from outreach_pipelines.cli.dns_sources import (
    Typed,
    all_inventories,
    asking,
    reaching,
    server_for,
    stored_answers,
    targets,
    typed_domain,
    typed_sender,
    typed_server,
)
from outreach_pipelines.cli.dns_views import (
    audit_json,
    drift_json,
    drift_lines,
    fixes_json,
    fixes_text,
    print_audit,
    spf_json,
    spf_lines,
    verdict,
)
from outreach_pipelines.cli.plan_sources import write_file
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Query
from outreach_pipelines.domain.dns_audit.answers_file import encode_answers
from outreach_pipelines.domain.dns_audit.drift import drift_between
from outreach_pipelines.domain.dns_audit.expectations import OF_THE_DNS, Extra
from outreach_pipelines.domain.dns_audit.lookups import together
from outreach_pipelines.domain.dns_audit.mail_status import MailStatus, mail_status
from outreach_pipelines.domain.dns_audit.spf_evaluation import SpfOutcome, SpfResult, check_host
from outreach_pipelines.domain.dns_audit.spf_expansion import SpfSender
from resources.domain_desks import InventoryDesks

app = typer.Typer(no_args_is_help=True)
console = Console()

Domains = Annotated[list[str] | None, typer.Argument(metavar="DOMAIN...", help="all of the inventory when left out")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a domain and line")]
Resolver = Annotated[
    str | None,
    typer.Option(
        "--resolver", metavar="HOST:PORT", help="when left out the machine's, or the installation's for --inventory"
    ),
]
Answers = Annotated[Path | None, typer.Option("--answers", help="stored answers in place of a DNS server")]
SaveAnswers = Annotated[Path | None, typer.Option("--save-answers", help="where to store what was answered")]
Selectors = Annotated[list[str] | None, typer.Option("--selector", help="a DKIM selector to check; may be repeated")]
ReportsTo = Annotated[str | None, typer.Option(help="the mailbox for reports that proposed records name")]
Includes = Annotated[list[str] | None, typer.Option("--include", help="a name that SPF must include; may be repeated")]
Addresses = Annotated[
    list[str] | None,
    typer.Option(
        "--ip", metavar="IP[=HELO]", help="a dedicated address that sends, with its HELO name; may be repeated"
    ),
]
Lists = Annotated[
    list[str] | None,
    typer.Option("--blocklist", metavar="ZONE", help="a DNS blocklist of addresses, or domain:ZONE; may be repeated"),
]
Every = Annotated[bool, typer.Option("--all", help="CAA, BIMI and each name server by itself too")]
Reach = Annotated[bool, typer.Option("--reach", help="call the web server of the policy and the mail servers too")]
FromInventory = Annotated[bool, typer.Option("--inventory", help="expect what the inventory files say")]
Providers = Annotated[
    bool,
    typer.Option(
        "--providers/--no-providers",
        help="with --inventory: ask the providers too what they want (SES: a call a second)",
    ),
]


@app.command("audit")
def audit_command(
    domains: Domains = None,
    as_json: AsJson = False,
    resolver: Resolver = None,
    answers: Answers = None,
    save_answers: SaveAnswers = None,
    selector: Selectors = None,
    include: Includes = None,
    ip: Addresses = None,
    blocklist: Lists = None,
    reports_to: ReportsTo = None,
    inventory: FromInventory = False,
    every: Every = False,
    reach: Reach = False,
    providers: Providers = True,
) -> None:
    """Check domains; exit code 1 with a definite fault, 3 where nothing is wrong but not all could be found out."""
    typed = _typed(selector, include, ip, blocklist, reports_to, every=every, reach=reach)
    audits = _audits(domains, typed, resolver, answers, inventory=inventory, providers=providers)
    if save_answers is not None:
        _save(save_answers, audits)
    for one in audits:
        if as_json:
            typer.echo(json.dumps(audit_json(one)))
        else:
            print_audit(console, one)
    _end_by([verdict(one) for one in audits])


@app.command()
def fixes(
    domains: Domains = None,
    as_json: AsJson = False,
    resolver: Resolver = None,
    answers: Answers = None,
    selector: Selectors = None,
    include: Includes = None,
    ip: Addresses = None,
    reports_to: ReportsTo = None,
    inventory: FromInventory = False,
    providers: Providers = True,
) -> None:
    """Print what to publish and withdraw, each domain's as one piece of zone file; changes nothing."""
    typed = _typed(selector, include, ip, None, reports_to, every=False, reach=False)
    for one in _audits(domains, typed, resolver, answers, inventory=inventory, providers=providers):
        typer.echo(json.dumps(fixes_json(one)) if as_json else fixes_text(one), nl=as_json)


@app.command("mx")
def mail_states(
    domains: Annotated[
        list[str], typer.Argument(metavar="DOMAIN...", help="recipients' domains; - reads them from standard input")
    ],
    as_json: AsJson = False,
    resolver: Resolver = None,
    answers: Answers = None,
) -> None:
    """Whether domains take mail: valid, implicit (an address and no MX), no_mx, null_mx, no_domain, unknown."""
    names = sys.stdin.read().split() if domains == ["-"] else domains
    wanted = list(dict.fromkeys(map(typed_domain, names)))
    states = asyncio.run(_states(wanted, resolver, answers))
    for name, state in zip(wanted, states, strict=True):
        typer.echo(json.dumps({"domain": name, "status": state.value}) if as_json else f"{name} {state}")


async def _states(wanted: Sequence[DomainName], resolver: str | None, answers: Path | None) -> Sequence[MailStatus]:
    async with asking(typed_server(resolver), answers) as open_resolver:
        return (await answered(open_resolver, together(map(mail_status, wanted))))[0]


@app.command()
def drift(
    before: Annotated[Path, typer.Argument(help="stored answers of an earlier day")],
    after: Annotated[Path, typer.Argument(help="stored answers of a later day")],
    as_json: AsJson = False,
) -> None:
    """What changed between two audits; what one of them could not find out is no change. Exit code 1 with any."""
    changes = drift_between(stored_answers(before).answers, stored_answers(after).answers)
    for change in changes:
        typer.echo(json.dumps(drift_json(change)) if as_json else "\n".join(drift_lines(change)))
    if changes:
        raise typer.Exit(1)


def _typed(
    selectors: list[str] | None,
    includes: list[str] | None,
    addresses: list[str] | None,
    lists: list[str] | None,
    reports_to: str | None,
    *,
    every: bool,
    reach: bool,
) -> Typed:
    extras = OF_THE_DNS
    if every:
        extras |= {Extra.AUTHORITIES, Extra.BRAND, Extra.SECONDARIES}
    if reach:
        extras |= {Extra.POLICY, Extra.GREETING}
    return Typed(
        selectors=selectors or (),
        includes=includes or (),
        addresses=addresses or (),
        lists=lists or (),
        reports_to=reports_to,
        extras=extras,
    )


def _audits(
    domains: list[str] | None,
    typed: Typed,
    resolver: str | None,
    answers: Path | None,
    *,
    inventory: bool,
    providers: bool,
) -> Sequence[DomainAudit]:
    """Audit what was named. Stored answers stand alone: no provider is asked beside them."""
    if not domains and not inventory:
        message = "name a domain, or take all of --inventory"
        raise typer.BadParameter(message)
    inventories = all_inventories() if inventory else None
    wanted, server = targets(domains or (), typed, inventories), server_for(resolver, inventory=inventory)
    desks = desks_of(inventories) if inventories and providers and answers is None else None
    audits = asyncio.run(_audited(wanted, server, answers, desks))
    if desks is not None:
        tell_not_asked(desks)
    return audits


async def _audited(
    wanted: Sequence[AuditTarget], server: NameServerAddress | None, answers: Path | None, desks: InventoryDesks | None
) -> Sequence[DomainAudit]:
    if desks is not None:
        wanted = await told_by_providers(wanted, desks.of)
    async with asking(server, answers, reach=reaching(wanted)) as open_resolver:
        return await audit_domains(open_resolver, wanted)


def _save(path: Path, audits: Sequence[DomainAudit]) -> None:
    told: dict[Query, Answer] = {}
    for one in audits:
        told.update(one.answers)
    write_file(path, encode_answers(told))


def _end_by(verdicts: Sequence[str]) -> None:
    if "faulty" in verdicts:
        raise typer.Exit(1)
    if "unknown" in verdicts:
        raise typer.Exit(3)


@app.command("spf-check")
def spf_check(
    ip: Annotated[str, typer.Option(help="the address that hands the message in")],
    sender: Annotated[str, typer.Option(help="MAIL FROM, empty for a bounce")] = "",
    helo: Annotated[str, typer.Option(help="the name in HELO; the sender's domain when left out")] = "",
    as_json: AsJson = False,
    resolver: Resolver = None,
    answers: Answers = None,
    save_answers: SaveAnswers = None,
) -> None:
    """What SPF says of one message (RFC 7208), with each look-up; exit code 1 unless it passes."""
    who = typed_sender(ip, sender, helo)
    outcome, told = asyncio.run(_checked(who, resolver, answers))
    if save_answers is not None:
        write_file(save_answers, encode_answers(told))
    if as_json:
        typer.echo(json.dumps(spf_json(outcome)))
    else:
        typer.echo("\n".join(spf_lines(outcome)))
    if outcome.result is not SpfResult.PASS:
        raise typer.Exit(1)


async def _checked(
    who: SpfSender, resolver: str | None, answers: Path | None
) -> tuple[SpfOutcome, Mapping[Query, Answer]]:
    async with asking(typed_server(resolver), answers) as open_resolver:
        return await answered(open_resolver, check_host(who))


app.command("reports")(dns_reports.reports)
app.command("apply")(dns_apply.apply)
app.command("news")(dns_news.news)
