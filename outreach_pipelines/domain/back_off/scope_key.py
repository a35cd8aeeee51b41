"""How a scope is spelled where it is stored, logged and shown.

Belongs here: the spelling, both ways. Not here: what a scope holds (`scope`).
"""

from collections.abc import Callable, Mapping
from typing import NewType, assert_never

from outreach_pipelines.domain.back_off.scope import (
    AccountScope,
    CampaignScope,
    DomainScope,
    LeadFileId,
    LeadFileScope,
    MailboxScope,
    PathScope,
    RecipientProviderScope,
    Scope,
    TenantAccountScope,
    TenantScope,
)
from outreach_pipelines.domain.ids import AccountId, CampaignId, DomainId, MailboxId
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.tenant import TenantId

ScopeKey = NewType("ScopeKey", str)


def scope_key(scope: Scope) -> ScopeKey:
    """The spelling of a scope; a tenant's own are told apart from other tenants' by where they stand."""
    match scope:
        case TenantScope():
            return ScopeKey("tenant")
        case MailboxScope(mailbox):
            return ScopeKey(f"mailbox:{mailbox}")
        case DomainScope(domain):
            return ScopeKey(f"domain:{domain}")
        case CampaignScope(campaign):
            return ScopeKey(f"campaign:{campaign}")
        case LeadFileScope(lead_file):
            return ScopeKey(f"lead_file:{lead_file}")
        case PathScope(mailbox, account):
            return ScopeKey(f"path:{mailbox}:{account}")
        case RecipientProviderScope(mailbox, provider):
            return ScopeKey(f"provider:{mailbox}:{provider.value}")
        case TenantAccountScope(_, account):
            return ScopeKey(f"account:{account}")
        case AccountScope(account):
            return ScopeKey(f"shared_account:{account}")
        case _:
            assert_never(scope)


def scope_of(key: ScopeKey, tenant: TenantId) -> Scope:
    """The scope that a key of this tenant spells. Raises ValueError for a key that `scope_key` never gives."""
    kind, *parts = key.split(":")
    try:
        return _SCOPES[kind, len(parts)](tenant, *parts)
    except KeyError:
        message = f"{key!r} spells no scope"
        raise ValueError(message) from None


_SCOPES: Mapping[tuple[str, int], Callable[..., Scope]] = {
    ("tenant", 0): TenantScope,
    ("mailbox", 1): lambda _, mailbox: MailboxScope(MailboxId(int(mailbox))),
    ("domain", 1): lambda _, domain: DomainScope(DomainId(int(domain))),
    ("campaign", 1): lambda _, campaign: CampaignScope(CampaignId(int(campaign))),
    ("lead_file", 1): lambda _, lead_file: LeadFileScope(LeadFileId(int(lead_file))),
    ("path", 2): lambda _, mailbox, account: PathScope(MailboxId(int(mailbox)), AccountId(int(account))),
    ("provider", 2): lambda _, mailbox, name: RecipientProviderScope(MailboxId(int(mailbox)), RecipientProvider(name)),
    ("account", 1): lambda tenant, account: TenantAccountScope(tenant, AccountId(int(account))),
    ("shared_account", 1): lambda _, account: AccountScope(AccountId(int(account))),
}
