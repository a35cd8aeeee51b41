"""Who is asked how we stand with our providers."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from outreach_pipelines.adapters.postgres.standing_store import PostgresStandingStore
from outreach_pipelines.application.read_standings import AccountControl
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import SesConnection
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.settings import load_settings
from resources.accounts import AccountBook, account_book
from resources.database import app_engine

if TYPE_CHECKING:
    from outreach_pipelines.adapters.ses_account import SesAccountControl


@dataclass(slots=True)
class SesControls:
    """`AccountControls`: one an account, whoever of its tenants asks, since SES counts calls by account."""

    book: AccountBook
    _made: "dict[AccountId, SesAccountControl]" = field(default_factory=dict)

    def of(self, tenant: TenantId, account: AccountId) -> AccountControl | None:
        """See `AccountControls.of`."""
        connection = self.book.row(tenant, account).connection
        if not isinstance(connection, SesConnection):
            return None
        if account not in self._made:
            # boto3 is loaded where an account of SES is met: every run loads this module.
            from outreach_pipelines.adapters.ses_account import SesAccountControl
            from outreach_pipelines.adapters.ses_client import ses_clients

            self._made[account] = SesAccountControl(ses_clients(self.book.ses(connection)))
        return self._made[account]


def standings() -> PostgresStandingStore:
    """What is known of standings."""
    return PostgresStandingStore(app_engine())


def account_controls() -> SesControls:
    """Controls of this installation's SES accounts."""
    return SesControls(account_book(load_settings()))
