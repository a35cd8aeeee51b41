"""What a domain should publish, read from the inventory.

Here: which selector and return path belong to which account. Where
a provider's API tells more, that wins and comes from elsewhere.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.audit_policy import AuditPolicy
from outreach_pipelines.domain.dns_audit.expectations import (
    DkimExpectation,
    Expectations,
    IpNetwork,
    Region,
    SendingAccount,
    TrackingHost,
)
from outreach_pipelines.domain.inventory import Selector, SendingDomain
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind, SesConnection, TenantAccount

_EASY_DKIM_TOKEN = re.compile(r"[a-z0-9]{32}")


def expectations_of(
    domain: SendingDomain, accounts: Mapping[AccountName, TenantAccount], *, policy: AuditPolicy | None = None
) -> Expectations:
    """Read what a domain should publish for its accounts; raises `KeyError` for an account not among `accounts`."""
    uses, wishes = [accounts[name] for name in domain.accounts], policy or AuditPolicy()
    return Expectations(
        accounts=tuple(_sending_account(domain, use) for use in uses),
        tracking=TrackingHost(domain.tracking_host) if domain.tracking_host else None,
        reports_to=wishes.reports_to.of(domain.name) if wishes.reports_to else None,
        extras=wishes.extras,
        dedicated=tuple({each.ip: each for use in uses for each in use.addresses}.values()),
        blocklists=wishes.blocklists,
    )


def _sending_account(domain: SendingDomain, use: TenantAccount) -> SendingAccount:
    account, connection = use.account, use.account.connection
    return SendingAccount(
        name=account.name,
        kind=account.kind,
        region=Region(connection.region) if isinstance(connection, SesConnection) else None,
        dkim=tuple(_dkim(selector, account.kind) for selector in _selectors(domain, account.kind)),
        return_path=_return_path(domain, account.kind),
        spf_networks=_own_networks(use),
    )


def _own_networks(use: TenantAccount) -> tuple[IpNetwork, ...]:
    """Addresses that the owner's SPF must name: a provider's own include speaks for those that it lends."""
    if use.account.kind is not ProviderKind.SMTP:
        return ()
    return tuple(ip_network(each.ip) for each in use.addresses)


def _selectors(domain: SendingDomain, kind: ProviderKind) -> tuple[Selector, ...]:
    """Easy DKIM tokens are Amazon's; other selectors are Amazon's only where there are no tokens (BYODKIM)."""
    tokens = tuple(selector for selector in domain.dkim_selectors if _EASY_DKIM_TOKEN.fullmatch(selector))
    if kind is ProviderKind.SES and tokens:
        return tokens
    return tuple(selector for selector in domain.dkim_selectors if selector not in tokens)


def _dkim(selector: Selector, kind: ProviderKind) -> DkimExpectation:
    is_token = kind is ProviderKind.SES and _EASY_DKIM_TOKEN.fullmatch(selector) is not None
    return DkimExpectation(selector, DomainName(f"{selector}.dkim.amazonses.com") if is_token else None)


def _return_path(domain: SendingDomain, kind: ProviderKind) -> DomainName | None:
    match kind:
        case ProviderKind.SES | ProviderKind.POSTMARK:
            return domain.mail_from
        case ProviderKind.MAILGUN | ProviderKind.SMTP:
            return None
        case _:
            assert_never(kind)
