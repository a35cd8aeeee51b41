"""How mail leaves: the desk of a batch with its transports, templates and tags.

A transport's adapter is imported where the first account of its kind is met, as in `accounts`.
"""

from dataclasses import dataclass, field

from outreach_pipelines.adapters.postgres.account_reader import AccountRow
from outreach_pipelines.adapters.postgres.call_log import PostgresCallLog
from outreach_pipelines.adapters.postgres.record_proofs import PostgresRecordProofs
from outreach_pipelines.adapters.postgres.step_calendar import StepCalendar
from outreach_pipelines.adapters.templates import TemplateStore
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.application.prove_accounts import RecordDesk
from outreach_pipelines.application.send_batch import SendDesk
from outreach_pipelines.application.watch_accounts import AccountWatch
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import (
    MailgunConnection,
    PostmarkConnection,
    SesConnection,
    SmtpConnection,
)
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.settings import load_settings
from resources.accounts import AccountBook, AccountLookups, account_book
from resources.database import app_engine, clock, messages
from resources.fences import sending_fence
from resources.files import object_store
from resources.keys import tagger


def desk() -> SendDesk:
    """All that a batch needs, made for one run. Raises as `fences.sending_fence` does."""
    settings = load_settings()
    fence = sending_fence()
    store, book = messages(), account_book(settings)
    return SendDesk(
        messages=store,
        proofs=store,
        transports=AccountTransports(book),
        renderer=TemplateStore(object_store()),
        tagger=tagger(),
        next_step_day=StepCalendar(app_engine()),
        clock=clock(),
        epoch=store.epoch(),
        calls=AccountWatch(PostgresCallLog(app_engine())),
        fence=fence,
        records=RecordDesk(PostgresRecordProofs(app_engine()), AccountLookups(book)),
    )


@dataclass(slots=True)
class AccountTransports:
    """`Transports`: one per tenant and account, made when first used, on the loop that uses it."""

    book: AccountBook
    _made: dict[tuple[TenantId, AccountId], MailTransport] = field(default_factory=dict)

    def of(self, tenant: TenantId, account: AccountId) -> MailTransport:
        """See `Transports.of`."""
        if (tenant, account) not in self._made:
            self._made[tenant, account] = self.make(self.book.row(tenant, account))
        return self._made[tenant, account]

    def kind(self, tenant: TenantId, account: AccountId) -> str:
        """See `Transports.kind`."""
        return self.book.row(tenant, account).kind

    async def close(self) -> None:
        """See `Transports.close`."""
        made, self._made = self._made, {}
        for transport in made.values():
            await transport.close()

    def make(self, row: AccountRow) -> MailTransport:
        """The transport of this account. Raises `OutreachError` for a reference or an address that cannot be used."""
        match row.connection:
            case SesConnection() as ses:
                return _by_ses(self.book, ses, row)
            case SmtpConnection() as smtp:
                return _by_smtp(self.book, smtp)
            case MailgunConnection() as mailgun:
                return _by_mailgun(self.book, mailgun)
            case PostmarkConnection() as postmark:
                return _by_postmark(self.book, postmark)


def _by_ses(book: AccountBook, connection: SesConnection, row: AccountRow) -> MailTransport:
    from outreach_pipelines.adapters.ses import SesPath, SesTransport
    from outreach_pipelines.adapters.ses_client import ses_clients

    path = SesPath(row.configuration_set or None, row.ses_tenant)
    return SesTransport(ses_clients(book.ses(connection)), region=connection.region, path=path)


def _by_smtp(book: AccountBook, connection: SmtpConnection) -> MailTransport:
    from outreach_pipelines.adapters.smtp import SmtpTransport

    limits, access = connection.limits, book.smtp(connection)
    each = limits.messages_per_connection
    made = SmtpTransport(access, pool_size=limits.connections, messages_per_connection=each)
    signer = book.signer(connection)
    if signer is None:
        return made
    from outreach_pipelines.adapters.dkim_signing import SigningTransport

    return SigningTransport(signer, made)


def _by_mailgun(book: AccountBook, connection: MailgunConnection) -> MailTransport:
    from outreach_pipelines.adapters.http_api import HttpApi
    from outreach_pipelines.adapters.mailgun import MailgunPath, MailgunTransport

    return MailgunTransport(HttpApi(book.mailgun(connection)), path=MailgunPath(connection.require_tls))


def _by_postmark(book: AccountBook, connection: PostmarkConnection) -> MailTransport:
    from outreach_pipelines.adapters.http_api import HttpApi
    from outreach_pipelines.adapters.postmark import PostmarkTransport

    return PostmarkTransport(HttpApi(book.postmark(connection)), stream=connection.stream)
