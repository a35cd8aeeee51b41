"""What the inventory lets a domain's audit expect."""

from decimal import Decimal

import pytest

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.campaign import PoolName
from outreach_pipelines.domain.dns_audit.from_inventory import expectations_of
from outreach_pipelines.domain.inventory import Direction, Selector, SendingDomain
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.provider_account import (
    AccountName,
    PostmarkConnection,
    ProviderAccount,
    ProviderKind,
    SesConnection,
    TenantAccount,
)
from outreach_pipelines.domain.reference import SecretRef, SecretScheme

TOKEN = Selector("k" * 32)
OWN = Selector("mail2026")
SES = ProviderAccount(
    AccountName("ses-eu"), ProviderKind.SES, SesConnection("eu-west-1", None, None, None), tuple(LawfulBasis)
)
POSTMARK = ProviderAccount(
    AccountName("postmark"),
    ProviderKind.POSTMARK,
    PostmarkConnection(SecretRef(SecretScheme.ENVIRONMENT, "TOKEN"), "outreach"),
    tuple(LawfulBasis),
)
ACCOUNTS = {account.name: TenantAccount(account, Decimal(1), "") for account in (SES, POSTMARK)}


def sending_domain(*accounts: AccountName) -> SendingDomain:
    return SendingDomain(
        name=DomainName("acme.example"),
        pool=PoolName("partners"),
        direction=Direction("partners"),
        region="eu-west-1",
        tracking_host=DomainName("links.acme.example"),
        dkim_selectors=(TOKEN, OWN),
        mail_from=DomainName("bounce.acme.example"),
        accounts=accounts,
    )


def test_easy_dkim_tokens_are_amazons_and_lead_to_amazon() -> None:
    (account,) = expectations_of(sending_domain(SES.name), ACCOUNTS).accounts

    assert [(key.selector, key.alias) for key in account.dkim] == [(TOKEN, f"{TOKEN}.dkim.amazonses.com")]
    assert (account.region, account.return_path) == ("eu-west-1", "bounce.acme.example")


def test_other_selectors_belong_to_the_other_accounts() -> None:
    _, account = expectations_of(sending_domain(SES.name, POSTMARK.name), ACCOUNTS).accounts

    assert [(key.selector, key.alias) for key in account.dkim] == [(OWN, None)]


def test_an_account_that_is_not_known_is_an_error_and_not_left_out() -> None:
    with pytest.raises(KeyError):
        expectations_of(sending_domain(AccountName("forgotten")), ACCOUNTS)
