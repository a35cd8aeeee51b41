"""What a hold holds: from one mailbox at one recipient provider up to a whole provider account.

Belongs here: the scopes and which of them only a person reopens. Not here: when a hold is set (`judgement`).
"""

from dataclasses import dataclass
from typing import NewType, assert_never

from outreach_pipelines.domain.ids import AccountId, CampaignId, DomainId, MailboxId
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.tenant import TenantId

LeadFileId = NewType("LeadFileId", int)


@dataclass(frozen=True, slots=True)
class MailboxScope:
    """All sends of a mailbox."""

    mailbox: MailboxId


@dataclass(frozen=True, slots=True)
class DomainScope:
    """All sends of a sending domain."""

    domain: DomainId


@dataclass(frozen=True, slots=True)
class LeadFileScope:
    """All sends to the leads of one file."""

    lead_file: LeadFileId


@dataclass(frozen=True, slots=True)
class CampaignScope:
    """All sends of a campaign."""

    campaign: CampaignId


@dataclass(frozen=True, slots=True)
class TenantScope:
    """All sends of a tenant."""

    tenant: TenantId


@dataclass(frozen=True, slots=True)
class RecipientProviderScope:
    """Sends of a mailbox to the recipients of one provider."""

    mailbox: MailboxId
    provider: RecipientProvider


@dataclass(frozen=True, slots=True)
class PathScope:
    """Sends of a mailbox through one provider account."""

    mailbox: MailboxId
    account: AccountId


@dataclass(frozen=True, slots=True)
class TenantAccountScope:
    """Sends of a tenant through one provider account: one bad tenant must not stop the others."""

    tenant: TenantId
    account: AccountId


@dataclass(frozen=True, slots=True)
class AccountScope:
    """All sends of all tenants through a provider account."""

    account: AccountId


Scope = (
    MailboxScope
    | DomainScope
    | LeadFileScope
    | CampaignScope
    | TenantScope
    | RecipientProviderScope
    | PathScope
    | TenantAccountScope
    | AccountScope
)


def needs_a_person(scope: Scope) -> bool:
    """Whether a stop for bounces or complaints lasts until someone releases it: a bad list does not heal with time."""
    match scope:
        case LeadFileScope() | CampaignScope() | TenantScope() | AccountScope():
            return True
        case MailboxScope() | DomainScope() | RecipientProviderScope() | PathScope() | TenantAccountScope():
            return False
        case _:
            assert_never(scope)
