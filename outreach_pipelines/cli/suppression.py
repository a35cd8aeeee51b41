"""`outreach suppression`: who must not be written to, and why; adding somebody, and lifting what may be lifted."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table

from outreach_pipelines.application import suppress_by_hand as suppressions
from outreach_pipelines.application.suppress_by_hand import Found, StoredSuppression, SuppressedBy
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.cli.by_hand import ActorName, OneTenant, Reason, Yes, agree, by_hand, console, say
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.address import Address, DomainName
from outreach_pipelines.errors import Refused
from resources import database, keys

app = typer.Typer(no_args_is_help=True)
_Subject = Annotated[str, typer.Argument(metavar="ADDRESS|@DOMAIN", help="a person, or everybody at a domain")]
_PersonAsked = Annotated[bool, typer.Option("--person-asked", help="the person themself has asked for it")]


@app.callback()
def group() -> None:
    """Who must not be written to."""


@app.command()
def show(subject: _Subject, tenant: OneTenant = None) -> None:
    """What stands and stood about somebody, tenant by tenant."""
    who, table = (
        suppressions.subject_called(subject),
        Table("tenant", "whom", "by", "holds for", "since", "until", "source"),
    )
    for row in tenant_rows(tenant):
        found = _find(row, who)
        for each in (*found.standing, *found.of_domain, *found.lifted):
            table.add_row(row.ref.slug, *_cells(each))
        if found.is_global:
            table.add_row(row.ref.slug, "address", "installation", "all tenants", "-", "-", "-")
    if not table.row_count:
        say("not suppressed")
        return
    console.print(table)


@app.command()
def add(
    subject: _Subject,
    reason: Reason,
    person_asked: _PersonAsked = False,
    tenant: OneTenant = None,
    actor: ActorName = None,
    yes: Yes = False,
) -> None:
    """Write to somebody no more, for every tenant or one. What the person has asked for is kept as their objection."""
    by, who, book = by_hand(actor, reason), suppressions.subject_called(subject), database.suppression_book()
    rows = tenant_rows(tenant)
    names = {row.ref: suppressions.named(who, row.ref.slug, keys.address_key()) for row in rows}
    agree("\n".join(suppressions.effect_of_adding(book, ref, name) for ref, name in names.items()), yes=yes)
    kind = SuppressedBy.OBJECTION if person_asked else SuppressedBy.MANUAL
    for ref, name in names.items():
        new = book.add(ref.id, name, kind, by)
        say(
            f"{ref.slug}: {'done' if new else 'was suppressed before'}, and no intent is under way that has not seen it"
        )


@app.command()
def lift(
    subject: _Subject,
    reason: Reason,
    person_asked: _PersonAsked = False,
    tenant: OneTenant = None,
    actor: ActorName = None,
    yes: Yes = False,
) -> None:
    """Let somebody be written to again. What they asked for themselves is lifted only when they ask for that too."""
    by, who, book = by_hand(actor, reason), suppressions.subject_called(subject), database.suppression_book()
    row, found = _one_that_suppresses(tenant_rows(tenant), who)
    suppressions.check_lift(found, person_asked=person_asked)
    agree(suppressions.effect_of_lifting(found), yes=yes)
    name = suppressions.named(who, row.ref.slug, keys.address_key())
    say(f"done: {book.lift(row.ref.id, name, by, own_too=person_asked)} lifted, and written down with your name")


def _one_that_suppresses(rows: list[TenantRow], who: Address | DomainName) -> tuple[TenantRow, Found]:
    found = [(row, _find(row, who)) for row in rows]
    standing = [(row, each) for row, each in found if each.standing]
    if len(standing) > 1:
        message = (
            f"suppressed for {', '.join(row.ref.slug for row, _ in standing)}: say for which it is lifted: --tenant"
        )
        raise Refused(message)
    return (standing or found)[0]


def _find(row: TenantRow, who: Address | DomainName) -> Found:
    return suppressions.find(database.suppression_book(), row.ref, who, keys.address_key())


def _cells(each: StoredSuppression) -> Iterable[str]:
    yield "domain" if each.is_domain else "address"
    yield each.kind.replace("_", " ")
    yield each.within
    yield f"{each.created_at:%Y-%m-%d}"
    if each.lifted_at is not None:
        yield f"lifted {each.lifted_at:%Y-%m-%d} ({each.lifted_reason})"
    else:
        yield f"{each.expires_at:%Y-%m-%d}" if each.expires_at else "-"
    yield each.source
