"""What each provider's documentation asks a sending domain to publish.

Here: the records by kind of provider. Not here: how they are checked.
Amazon SES: "Using a custom MAIL FROM domain" and "Easy DKIM"; Mailgun: "Domain verification setup guide";
Postmark: "Return-Path".
"""

from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import RecordType
from outreach_pipelines.domain.dns_audit.expectations import MailHost, SendingAccount
from outreach_pipelines.domain.dns_audit.findings import ResourceRecord
from outreach_pipelines.domain.dns_audit.names import absolute
from outreach_pipelines.domain.provider_account import ProviderKind

POSTMARK_RETURN_PATH = DomainName("pm.mtasv.net")


def spf_includes(account: SendingAccount) -> tuple[DomainName, ...]:
    """Name the includes that the account's envelope domain must hold."""
    if account.spf_includes:
        return account.spf_includes
    match account.kind:
        case ProviderKind.SES:
            return (DomainName("amazonses.com"),)
        case ProviderKind.MAILGUN:
            return (DomainName("mailgun.org"),)
        case ProviderKind.POSTMARK | ProviderKind.SMTP:
            return ()
        case _:
            assert_never(account.kind)


def envelope_domain(account: SendingAccount, domain: DomainName) -> DomainName | None:
    """Name the envelope sender's domain; None where it is the provider's own and SPF says nothing about ours."""
    if account.return_path is not None:
        return account.return_path
    match account.kind:
        case ProviderKind.SES | ProviderKind.POSTMARK:
            return None
        case ProviderKind.MAILGUN | ProviderKind.SMTP:
            return domain
        case _:
            assert_never(account.kind)


def return_path_alias(account: SendingAccount) -> DomainName | None:
    """Name where the return path's CNAME must lead, for providers that publish its records themselves."""
    if account.kind is not ProviderKind.POSTMARK or account.return_path is None:
        return None
    return account.return_path_alias or POSTMARK_RETURN_PATH


def return_path_exchanger(account: SendingAccount) -> MailHost | None:
    """Name the one MX of the return path (SES: exactly one, in the account's region); None where none is asked for."""
    if account.kind is not ProviderKind.SES or account.return_path is None or account.region is None:
        return None
    return MailHost(preference=10, host=DomainName(f"feedback-smtp.{account.region}.amazonses.com"))


def mx_record(name: DomainName, exchanger: MailHost) -> ResourceRecord:
    """Write an expected MX as a record."""
    return ResourceRecord(name, RecordType.MX, f"{exchanger.preference} {absolute(exchanger.host)}")


def alias_record(name: DomainName, target: DomainName) -> ResourceRecord:
    """Write an expected CNAME as a record."""
    return ResourceRecord(name, RecordType.CNAME, absolute(target))
