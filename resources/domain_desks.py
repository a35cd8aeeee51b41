"""Who is asked how a provider stands with our domains.

Every run loads this module, most to use none of it: adapters are imported where they are made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from outreach_pipelines.application.ask_providers import DomainDesk
from outreach_pipelines.domain.provider_account import (
    AccountName,
    Connection,
    MailgunConnection,
    PostmarkConnection,
    SesConnection,
    SmtpConnection,
)
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import OutreachError
from outreach_pipelines.settings import SendingMode, load_settings
from resources.accounts import AccountBook, account_book


@dataclass(slots=True)
class ProviderDesks:
    """`DomainDesks` of this installation. A lab asks nobody: its providers keep no domains."""

    book: AccountBook

    def of(self, tenant: TenantId, account: AccountName) -> DomainDesk | None:
        """See `DomainDesks.of`."""
        return None if self.book.mode is SendingMode.LAB else self.make(self.book.named(tenant, account).connection)

    def make(self, connection: Connection) -> DomainDesk | None:
        """The desk of an account, if its provider has one and we have its key."""
        match connection:
            case SesConnection() as ses:
                return _ses_desk(self.book, ses)
            case MailgunConnection() as mailgun:
                return _mailgun_desk(self.book, mailgun)
            case PostmarkConnection() as postmark:
                return _postmark_desk(self.book, postmark)
            case SmtpConnection():
                return None


@dataclass(slots=True)
class InventoryDesks:
    """Desks of accounts as inventory files name them, without a database. `not_asked`: who was not, and why."""

    desks: ProviderDesks
    connections: Mapping[AccountName, Connection]
    not_asked: dict[AccountName, str] = field(default_factory=dict)

    def of(self, account: AccountName) -> DomainDesk | None:
        """The desk; None, with the reason kept, where nobody is to be asked or there is nothing to prove who asks."""
        connection = self.connections.get(account)
        if connection is None or isinstance(connection, SmtpConnection):
            return None
        reason = self._hindrance(connection)
        try:
            made = None if reason else self.desks.make(connection)
        except OutreachError as fault:
            made, reason = None, str(fault)
        if made is None:
            self.not_asked[account] = reason
        return made

    def _hindrance(self, connection: Connection) -> str:
        if self.desks.book.mode is SendingMode.LAB:
            return "OUTREACH_SENDING=lab reaches no provider"
        if isinstance(connection, PostmarkConnection) and connection.account_token is None:
            return "it has no account_token, which alone opens the Domains API"
        if isinstance(connection, SesConnection) and not _has_keys(self.desks.book, connection):
            return "there are no keys for AWS"
        return ""


def domain_desks() -> ProviderDesks:
    """Desks of this installation's accounts."""
    return ProviderDesks(account_book(load_settings()))


def _has_keys(book: AccountBook, connection: SesConnection) -> bool:
    from outreach_pipelines.adapters.ses_client import has_keys

    return connection.access_key_id is not None or has_keys(book.ses(connection))


def _ses_desk(book: AccountBook, connection: SesConnection) -> DomainDesk:
    from outreach_pipelines.adapters.ses_client import ses_clients
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
