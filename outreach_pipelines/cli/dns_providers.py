"""What providers want of domains, asked before a command audits them.

Belongs here: whom to ask, and telling of whom was not. Does not: the questions (`application.ask_providers`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import typer

from outreach_pipelines.application.ask_providers import DomainDesk, ask_providers
from outreach_pipelines.application.audit_domains import AuditTarget
from outreach_pipelines.domain.dns_audit.provider_word import with_words
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.provider_account import AccountName
from resources.domain_desks import InventoryDesks, domain_desks


def desks_of(inventories: Iterable[TenantInventory]) -> InventoryDesks:
    """Desks of all accounts that the files name. An account of several tenants is one."""
    uses = (use for inventory in inventories for use in inventory.accounts)
    return InventoryDesks(domain_desks(), {use.account.name: use.account.connection for use in uses})


async def told_by_providers(
    wanted: Sequence[AuditTarget], desk_of: Callable[[AccountName], DomainDesk | None]
) -> Sequence[AuditTarget]:
    """Expect what the providers want published, and where one was not heard what the inventory says."""
    words = await ask_providers(desk_of, {each.domain: each.expectations for each in wanted})
    return [replace(each, expectations=with_words(each.expectations, words[each.domain])) for each in wanted]


def tell_not_asked(desks: InventoryDesks) -> None:
    """Say on standard error which providers were not asked, so that the output stays what it is."""
    for account, reason in sorted(desks.not_asked.items()):
        typer.echo(f"{account}: its provider was not asked ({reason}); the inventory says what is expected", err=True)
