"""Whether the parts of an inventory fit together: references that lead nowhere, doubles, pools out of shape.

The form of single values is checked where files are read; what campaigns may say is `campaign.faults_of`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from outreach_pipelines.domain.address import Address, parse_address
from outreach_pipelines.domain.audit_policy import ReportsAddress
from outreach_pipelines.domain.campaign import faults_of
from outreach_pipelines.domain.inventory import Mailbox, MailboxState, Pool, SendingDomain, TenantInventory
from outreach_pipelines.domain.inventory_item import ItemKey, ItemKind
from outreach_pipelines.domain.sending_policy import PoolShape

STEADY_CAP: Final = 50
SHORT_GAP: Final = 120


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong with one field of one part. Whoever read the files knows the line."""

    item: ItemKey
    field: str
    sentence: str
    severity: Severity = Severity.ERROR


def misfits(inventory: TenantInventory) -> Sequence[Misfit]:
    """Everything that does not fit within one tenant, errors and warnings, all at once."""
    return [
        *_doubles(inventory),
        *_domain_misfits(inventory),
        *_mailbox_misfits(inventory),
        *_campaign_misfits(inventory),
        *_shape_misfits(inventory),
        *_audit_misfits(inventory),
    ]


def misfits_between(inventories: Sequence[TenantInventory]) -> Sequence[Misfit]:
    """What does not fit between tenants: a domain with two owners, an account with two meanings or given out twice."""
    return [*_foreign_domains(inventories), *_account_misfits(inventories)]


def _item(kind: ItemKind, name: str) -> ItemKey:
    return ItemKey(kind, name)


def _doubles(inventory: TenantInventory) -> Iterable[Misfit]:
    names = [
        *(_item(ItemKind.ACCOUNT, account.account.name) for account in inventory.accounts),
        *(_item(ItemKind.INBOX, inbox.name) for inbox in inventory.inboxes),
        *(_item(ItemKind.DOMAIN, domain.name) for domain in inventory.domains),
        *(_item(ItemKind.MAILBOX, mailbox.address.canonical) for mailbox in inventory.mailboxes),
        *(_item(ItemKind.CAMPAIGN, campaign.name) for campaign in inventory.campaigns),
    ]
    for item, count in Counter(names).items():
        if count > 1:
            yield Misfit(item, _NAME_FIELD[item.kind], f"{item.name} stands {count} times in the inventory.")


_NAME_FIELD: Final = {
    ItemKind.ACCOUNT: "name",
    ItemKind.INBOX: "name",
    ItemKind.DOMAIN: "domain",
    ItemKind.MAILBOX: "address",
    ItemKind.CAMPAIGN: "name",
}


def _domain_misfits(inventory: TenantInventory) -> Iterable[Misfit]:
    accounts = {account.account.name for account in inventory.accounts}
    directions = {pool.name: pool.direction for pool in inventory.pools}
    for domain in inventory.domains:
        item = _item(ItemKind.DOMAIN, domain.name)
        yield from _unknown(item, "accounts", "account", domain.accounts, accounts)
        if not domain.accounts:
            yield Misfit(item, "accounts", "A domain needs an account to send through.")
        if domain.direction != directions[domain.pool]:
            sentence = f"Pool {domain.pool} goes in the direction {directions[domain.pool]}, not {domain.direction}."
            yield Misfit(item, "direction", sentence)


def _mailbox_misfits(inventory: TenantInventory) -> Iterable[Misfit]:
    domains = {domain.name: domain for domain in inventory.domains}
    for mailbox in inventory.mailboxes:
        item = _item(ItemKind.MAILBOX, mailbox.address.canonical)
        yield from _home_misfits(item, mailbox, domains.get(mailbox.domain))
        yield from _inbox_misfits(item, mailbox, inventory)
        yield from _pace_misfits(item, mailbox)


def _home_misfits(item: ItemKey, mailbox: Mailbox, domain: SendingDomain | None) -> Iterable[Misfit]:
    if mailbox.address.domain != mailbox.domain:
        yield Misfit(item, "domain", f"The address is at {mailbox.address.domain}, the column says {mailbox.domain}.")
    if domain is None:
        yield Misfit(item, "domain", f"{mailbox.domain} is not in domains.csv.")
        return
    yield from _unknown(item, "accounts", "account of its domain", mailbox.accounts, domain.accounts)


def _inbox_misfits(item: ItemKey, mailbox: Mailbox, inventory: TenantInventory) -> Iterable[Misfit]:
    inbox = next((inbox for inbox in inventory.inboxes if inbox.name == mailbox.inbox), None)
    if inbox is None:
        yield Misfit(item, "inbox", f"There is no inbox {mailbox.inbox}.")
    elif not inbox.takes(mailbox.address):
        sentence = f"Inbox {inbox.name} does not receive {mailbox.address.canonical}: replies would be lost."
        yield Misfit(item, "inbox", sentence)


def _pace_misfits(item: ItemKey, mailbox: Mailbox) -> Iterable[Misfit]:
    if mailbox.longest_gap < mailbox.shortest_gap:
        yield Misfit(item, "max_gap_seconds", f"{mailbox.longest_gap} is less than min_gap_seconds.")
    if mailbox.shortest_gap < SHORT_GAP:
        sentence = f"{mailbox.shortest_gap} s between messages is less than the usual {SHORT_GAP}."
        yield Misfit(item, "min_gap_seconds", sentence, Severity.WARNING)
    if mailbox.daily_cap > STEADY_CAP:
        sentence = f"{mailbox.daily_cap} a day is more than the usual {STEADY_CAP}."
        yield Misfit(item, "daily_cap", sentence, Severity.WARNING)


def _campaign_misfits(inventory: TenantInventory) -> Iterable[Misfit]:
    pools = {pool.name for pool in inventory.pools}
    for campaign in inventory.campaigns:
        item = _item(ItemKind.CAMPAIGN, campaign.name)
        yield from _unknown(item, "pool", "pool", (campaign.pool,), pools)
        yield from (Misfit(item, fault.field, fault.sentence) for fault in faults_of(campaign))


def _shape_misfits(inventory: TenantInventory) -> Iterable[Misfit]:
    sizes = Counter(m.domain for m in inventory.mailboxes if m.state is not MailboxState.RETIRED)
    shape = inventory.shape
    for pool in inventory.pools:
        yield from _pool_size(pool, shape)
    for domain in inventory.domains:
        if not shape.fewest_mailboxes <= sizes[domain.name] <= shape.most_mailboxes:
            wanted = f"{shape.fewest_mailboxes} to {shape.most_mailboxes}"
            sentence = f"{sizes[domain.name]} mailboxes, the shape wants {wanted}; see shape: in tenant.yaml."
            yield Misfit(_item(ItemKind.DOMAIN, domain.name), "domain", sentence, Severity.WARNING)


def _pool_size(pool: Pool, shape: PoolShape) -> Iterable[Misfit]:
    if not shape.fewest_domains <= len(pool.domains) <= shape.most_domains:
        wanted = f"{shape.fewest_domains} to {shape.most_domains}"
        sentence = f"{len(pool.domains)} domains in {pool.name}, the shape wants {wanted}; see shape: in tenant.yaml."
        yield Misfit(_item(ItemKind.DOMAIN, pool.domains[0].name), "pool", sentence, Severity.WARNING)


def _audit_misfits(inventory: TenantInventory) -> Iterable[Misfit]:
    item, wishes = _item(ItemKind.AUDIT, inventory.tenant.slug), inventory.audit
    for use in inventory.accounts:
        for ip, count in Counter(each.ip for each in use.addresses).items():
            if count > 1:
                sentence = f"{ip} stands {count} times."
                yield Misfit(_item(ItemKind.ACCOUNT, use.account.name), "sending_addresses", sentence)
    if wishes.reports_to is not None:
        yield from _unread_reports(item, wishes.reports_to, inventory)
    of_addresses = [str(each) for each in wishes.blocklists if not each.lists_domains]
    if of_addresses and not any(use.addresses for use in inventory.accounts):
        sentence = f"{', '.join(of_addresses)} lists addresses, and no account names its sending_addresses."
        yield Misfit(item, "blocklists", sentence, Severity.WARNING)


def _unread_reports(item: ItemKey, reports_to: ReportsAddress, inventory: TenantInventory) -> Iterable[Misfit]:
    mailboxes = dict.fromkeys(reports_to.of(domain.name) for domain in inventory.domains)
    parsed = ((mailbox, parse_address(mailbox)) for mailbox in mailboxes)
    unread = [
        mailbox
        for mailbox, address in parsed
        if not isinstance(address, Address) or not any(inbox.takes(address) for inbox in inventory.inboxes)
    ]
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        sentence = f"No inbox receives {unread[0]}{more}: reports are read only where somebody puts them."
        yield Misfit(item, "reports_to", sentence, Severity.WARNING)


def _unknown(item: ItemKey, field: str, what: str, names: Iterable[str], known: Iterable[str]) -> Iterable[Misfit]:
    there = set(known)
    return [Misfit(item, field, f"There is no {what} {name}.") for name in names if name not in there]


def _foreign_domains(inventories: Sequence[TenantInventory]) -> Iterable[Misfit]:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for inventory in inventories:
        for domain in inventory.domains:
            owners[domain.name].append(inventory.tenant.slug)
    for name, slugs in owners.items():
        if len(set(slugs)) > 1:
            sentence = f"{name} belongs to {' and '.join(sorted(set(slugs)))}."
            yield Misfit(_item(ItemKind.DOMAIN, name), "domain", sentence)


def _account_misfits(inventories: Sequence[TenantInventory]) -> Iterable[Misfit]:
    uses = [account for inventory in inventories for account in inventory.accounts]
    for name in sorted({use.account.name for use in uses}):
        same_name = [use for use in uses if use.account.name == name]
        item = _item(ItemKind.ACCOUNT, name)
        if any(use.account != same_name[0].account for use in same_name):
            yield Misfit(item, "name", f"Account {name} is described differently by its tenants.")
        if (total := sum((use.share for use in same_name), Decimal(0))) > 1:
            yield Misfit(item, "share", f"The shares of account {name} add up to {total}, more than 1.")
