"""What a tenant sends with: domains in pools, mailboxes, inboxes, provider accounts, campaigns.

What is true of them today (ready, healthy, held) is kept elsewhere; whether the parts fit is `inventory_check`'s.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from outreach_pipelines.domain.address import Address, DomainName
from outreach_pipelines.domain.audit_policy import AuditPolicy
from outreach_pipelines.domain.campaign import Campaign, PoolName
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.provider_account import AccountName, MailTokens, TenantAccount
from outreach_pipelines.domain.reference import SecretRef, Setting
from outreach_pipelines.domain.sending_policy import Hours, PoolShape, SendingPolicy
from outreach_pipelines.domain.suppression import ListedSuppression
from outreach_pipelines.domain.tenant import Tenant

InboxName = NewType("InboxName", str)
Direction = NewType("Direction", str)
"""What a pool's mail is about, such as `partners`: a person knows a pool by its direction."""
Selector = NewType("Selector", str)
"""The name of a DKIM key, a label before `._domainkey` (RFC 6376 section 3.1)."""


class MailboxState(StrEnum):
    RAMPING = "ramping"
    ACTIVE = "active"
    RESTING = "resting"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class SendingDomain:
    """`accounts` in the order of preference. `mail_from` is the envelope sender's domain, where it has one."""

    name: DomainName
    pool: PoolName
    direction: Direction
    region: str
    tracking_host: DomainName | None
    dkim_selectors: tuple[Selector, ...]
    mail_from: DomainName | None
    accounts: tuple[AccountName, ...]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """`daily_cap` is the steady one, before ramp-up. Gaps in seconds. Without `accounts` its domain's are used."""

    address: Address
    display_name: str
    domain: DomainName
    zone: ZoneName
    daily_cap: int
    shortest_gap: int
    longest_gap: int
    hours: Hours | None
    state: MailboxState
    inbox: InboxName
    accounts: tuple[AccountName, ...]


@dataclass(frozen=True, slots=True)
class Inbox:
    """One IMAP login that many mailboxes may share. `receives` are addresses, or `*@domain` for all of a domain.

    With `tokens` the login is by access token, and `password` leads to what tokens are issued for. `authserv_ids` are the
    names by which its server signs `Authentication-Results`, in lower case; empty: the topmost field is believed.
    """

    name: InboxName
    host: Setting
    port: Setting
    tls: bool
    username: Setting
    password: SecretRef
    receives: tuple[str, ...]
    tokens: MailTokens | None = None
    authserv_ids: tuple[str, ...] = ()

    def takes(self, address: Address) -> bool:
        return address.canonical in self.receives or f"*@{address.domain}" in self.receives


@dataclass(frozen=True, slots=True)
class Pool:
    name: PoolName
    direction: Direction
    domains: tuple[SendingDomain, ...]


@dataclass(frozen=True, slots=True)
class TenantInventory:
    """All of one tenant. `suppressions` are in clear: they are hashed before they are stored and never logged."""

    tenant: Tenant
    policy: SendingPolicy
    shape: PoolShape
    accounts: tuple[TenantAccount, ...]
    domains: tuple[SendingDomain, ...]
    mailboxes: tuple[Mailbox, ...]
    inboxes: tuple[Inbox, ...]
    campaigns: tuple[Campaign, ...]
    suppressions: tuple[ListedSuppression, ...] = ()
    audit: AuditPolicy = field(default_factory=AuditPolicy)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """By name. A pool's direction is that of its first domain; others in the same pool are a fault."""
        names = sorted({domain.pool for domain in self.domains})
        members = {name: tuple(d for d in self.domains if d.pool == name) for name in names}
        return tuple(Pool(name, domains[0].direction, domains) for name, domains in members.items())
