"""Who is asked how a provider stands with our domains.

Every run loads this module, most to use none of it: adapters are imported where they are made.
"""

from dataclasses import dataclass

from outreach_pipelines.adapters.postgres.account_reader import AccountRow
from outreach_pipelines.application.ask_providers import DomainDesk
from outreach_pipelines.domain.provider_account import (
    AccountName,
    MailgunConnection,
    PostmarkConnection,
    SesConnection,
    SmtpConnection,
)
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.settings import SendingMode, load_settings
from resources.accounts import AccountBook, account_book


@dataclass(slots=True)
class ProviderDesks:
    """`DomainDesks` of this installation. A lab asks nobody: its providers keep no domains."""

    book: AccountBook

    def of(self, tenant: TenantId, account: AccountName) -> DomainDesk | None:
        """See `DomainDesks.of`."""
        return None if self.book.mode is SendingMode.LAB else self.make(self.book.named(tenant, account))

    def make(self, row: AccountRow) -> DomainDesk | None:
        """The desk of this account, if its provider has one and we have its key."""
        match row.connection:
            case SesConnection() as ses:
                return _ses_desk(self.book, ses)
            case MailgunConnection() as mailgun:
                return _mailgun_desk(self.book, mailgun)
            case PostmarkConnection() as postmark:
                return _postmark_desk(self.book, postmark)
            case SmtpConnection():
                return None


def domain_desks() -> ProviderDesks:
    """Desks of this installation's accounts."""
    return ProviderDesks(account_book(load_settings()))


def _ses_desk(book: AccountBook, connection: SesConnection) -> DomainDesk:
    from outreach_pipelines.adapters.ses import ses_clients
    from outreach_pipelines.adapters.ses_domains import SesDomains

    return SesDomains(ses_clients(book.ses(connection)))


def _mailgun_desk(book: AccountBook, connection: MailgunConnection) -> DomainDesk:
    from outreach_pipelines.adapters.http_api import HttpApi
    from outreach_pipelines.adapters.mailgun_domains import MailgunDomains

    return MailgunDomains(HttpApi(book.mailgun(connection), timeout=10.0, connections=1))


def _postmark_desk(book: AccountBook, connection: PostmarkConnection) -> DomainDesk | None:
    from outreach_pipelines.adapters.http_api import HttpApi
    from outreach_pipelines.adapters.postmark_domains import PostmarkDomains

    access = book.postmark_account(connection)
    return PostmarkDomains(HttpApi(access, timeout=10.0, connections=1)) if access else None
