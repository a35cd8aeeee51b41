"""`outreach dns apply`: the fixes of a domain's audit, shown as changes of its zone and made there when that is wanted."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from outreach_pipelines.application.apply_fixes import Applied, Prepared, carry_out, prepare
from outreach_pipelines.application.ask_providers import ask_providers
from outreach_pipelines.application.audit_domains import AuditTarget, DomainAudit, audit_domains
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.cli.by_hand import ActorName, OneTenant, by_hand, say
from outreach_pipelines.cli.dns_sources import asking, reaching, server_for, typed_domain
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.findings import ResourceRecord
from outreach_pipelines.domain.dns_audit.fix_list import FixList, fix_list
from outreach_pipelines.domain.dns_audit.news import AuditMemory
from outreach_pipelines.domain.dns_audit.provider_word import recalled, with_words
from outreach_pipelines.domain.dns_changes import AUTOMATIC_TTL, Change
from outreach_pipelines.errors import NotFound, Refused
from resources import database
from resources.dns_hosts import cloudflare, dns_change_log
from resources.domain_desks import domain_desks

USUAL_TOKEN = "env:CLOUDFLARE_API_TOKEN"  # noqa: S105 - a reference to the token


def apply(
    domain: Annotated[str, typer.Option(help="the sending domain")],
    yes: Annotated[bool, typer.Option("--yes", help="make the changes; without it they are only shown")] = False,
    reason: Annotated[str, typer.Option(help="why; it is kept with your name")] = "fixes of the DNS audit",
    tenant: OneTenant = None,
    actor: ActorName = None,
    token: Annotated[
        str | None,
        typer.Option(help=f"reference to an API token: Zone, DNS, Edit; the tenant's own, else {USUAL_TOKEN}"),
    ] = None,
    api: Annotated[str, typer.Option(envvar="OUTREACH_CLOUDFLARE_URL", help="where Cloudflare's API answers")] = (
        "https://api.cloudflare.com"
    ),
    resolver: Annotated[
        str | None, typer.Option("--resolver", metavar="HOST:PORT", help="the installation's when left out")
    ] = None,
) -> None:
    """Audit, show what would change at Cloudflare, and with --yes change it. Only records that a fix names are touched.

    Ends with 1 where something that is shown is not done, or not seen afterwards.
    """
    by, name = by_hand(actor, reason), typed_domain(domain)
    row, by_inventory = _target(name, tenant)
    target = _as_providers_want(row, by_inventory)
    fixes = fix_list(_audited(target, resolver).findings.findings)
    host = cloudflare(token or _token_of(row), api)
    try:
        prepared = prepare(host, name, fixes)
        _show(prepared)
        if not prepared.changes:
            say("nothing to change at Cloudflare")
        elif not yes:
            say("Nothing was changed. --yes makes these changes.")
        else:
            applied = carry_out(host, dns_change_log(), prepared, tenant=row.ref.id, by=by, wait=time.sleep)
            _tell(applied)
            _look_again(target, fixes, resolver)
            if applied.failed or applied.unseen:
                raise typer.Exit(1)
        if prepared.obstacles or prepared.unreached:
            raise typer.Exit(1)
    finally:
        host.close()


def _target(name: DomainName, tenant: str | None) -> tuple[TenantRow, AuditTarget]:
    store = database.audits()
    found = [(row, each) for row in tenant_rows(tenant) for each in store.targets(row.ref.id) if each.domain == name]
    if not found:
        message = f"no tenant sends from {name}: outreach inventory load"
        raise NotFound(message)
    if len(found) > 1:
        message = f"{name} is a sending domain of {', '.join(row.ref.slug for row, _ in found)}: name one by --tenant"
        raise Refused(message)
    return found[0]


def _as_providers_want(row: TenantRow, target: AuditTarget) -> AuditTarget:
    """As in audits by the clock, with what a silent provider last said: a zone must not be changed after an older guess."""
    asked = ask_providers(partial(domain_desks().of, row.ref.id), {target.domain: target.expectations})
    memory = database.audits().memories(row.ref.id).get(target.domain, AuditMemory())
    words = recalled(asyncio.run(asked)[target.domain], memory.words, now=database.clock().now())
    return replace(target, expectations=with_words(target.expectations, words))


def _token_of(row: TenantRow) -> str:
    return str(database.audits().policy(row.ref.id).cloudflare_token or USUAL_TOKEN)


def _audited(target: AuditTarget, resolver: str | None) -> DomainAudit:
    async def audited() -> DomainAudit:
        async with asking(server_for(resolver, inventory=True), None, reach=reaching([target])) as open_resolver:
            return (await audit_domains(open_resolver, [target]))[0]

    return asyncio.run(audited())


def _show(prepared: Prepared) -> None:
    for each in prepared.zones:
        say(f"zone {each.zone.name}")
        for change in each.plan.changes:
            for line in _lines(change):
                say(line)
        for record in each.plan.standing:
            say(f"  stands already: {_line(record)}")
        for obstacle in each.plan.obstacles:
            say(f"  not done: {_line(obstacle.record)}")
            say(f"            {obstacle.reason}")
    for record in prepared.unreached:
        what = "withdraw" if record in prepared.fixes.withdraw else "publish"
        say(f"in no zone that this token reaches, {what} it by hand: {_line(record)}")
    for served in prepared.fixes.serve:
        say(f"to be served by a web server, not done here: {served.url}")
    for finding in prepared.fixes.by_hand:
        say(f"by hand: {finding.check} of {finding.name}: {finding.evidence}")


def _lines(change: Change) -> Iterator[str]:
    if change.before is not None:
        yield f"  - {_line(change.before)}"
    if change.after is not None:
        yield f"  + {_line(change.after)}"


def _line(record: ResourceRecord) -> str:
    line = record.zone_line
    return line.replace(f" {AUTOMATIC_TTL} IN ", " auto IN ", 1) if record.ttl == AUTOMATIC_TTL else line


def _tell(applied: Applied) -> None:
    say(f"{len(applied.done)} changed at Cloudflare")
    for change, fault in applied.failed:
        say(f"failed: {fault}")
        for line in _lines(change):
            say(line)
    for change in applied.unseen:
        say("Cloudflare does not show yet:")
        for line in _lines(change):
            say(line)


def _look_again(target: AuditTarget, fixes: FixList, resolver: str | None) -> None:
    """What the audit says now. A resolver may remember the old records for as long as they live."""
    left = {finding.key for finding in _audited(target, resolver).findings.findings}
    still = [finding for finding in fixes.mended if finding.key in left]
    say(f"audited again: {len(fixes.mended) - len(still)} of {len(fixes.mended)} faults are mended")
    for finding in still:
        say(f"  still seen, it may be remembered from before: {finding.check} of {finding.name}")
