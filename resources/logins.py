"""What tries logins: the book of what is due, and the doors.

Every run loads this package's modules, most to use none of this: adapters are imported where they are made.
"""

from typing import TYPE_CHECKING

from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import SmtpConnection
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import NotFound
from outreach_pipelines.settings import load_settings
from resources.accounts import AccountBook, account_book
from resources.database import app_engine, reply_store
from resources.feeds import inbox_reader

if TYPE_CHECKING:
    from outreach_pipelines.adapters.login_doors import MailLoginDoors
    from outreach_pipelines.adapters.postgres.login_book import PostgresLoginBook
    from outreach_pipelines.adapters.smtp_session import SmtpAccess


def login_book() -> "PostgresLoginBook":
    """Which logins are due."""
    from outreach_pipelines.adapters.postgres.login_book import PostgresLoginBook

    return PostgresLoginBook(app_engine(), reply_store())


def login_doors() -> "MailLoginDoors":
    """Logins by IMAP and SMTP. A lab reaches loopback only."""
    from outreach_pipelines.adapters.login_doors import MailLoginDoors

    book = account_book(load_settings())
    return MailLoginDoors(inbox_reader(), lambda tenant, account: _access(book, tenant, account))


def _access(book: AccountBook, tenant: TenantId, account: AccountId) -> "SmtpAccess":
    connection = book.row(tenant, account).connection
    if not isinstance(connection, SmtpConnection):
        message = f"account {account} has no login by SMTP"
        raise NotFound(message)
    return book.smtp(connection)
