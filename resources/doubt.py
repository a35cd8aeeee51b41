"""What settles doubt: the event queue, the look-ups, the probes."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from outreach_pipelines.adapters.postgres.doubt_store import PostgresDoubtStore
from outreach_pipelines.application.inbox_mail import InboxToRead
from outreach_pipelines.application.ports import EvidenceLookup, EvidenceLookups
from outreach_pipelines.application.resolve_doubt import DoubtDesk, Probing
from outreach_pipelines.domain.doubt import DoubtPolicy
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import ProviderKind
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.settings import SendingMode, Settings, load_settings
from resources.accounts import AccountBook, AccountLookups, account_book
from resources.database import app_engine, event_inbox, event_store, reply_store
from resources.feeds import event_feed, inbox_reader
from resources.keys import tagger
from resources.mail import AccountTransports


def doubts() -> PostgresDoubtStore:
    """Doubt in rows."""
    return PostgresDoubtStore(app_engine())


def doubt_desk() -> DoubtDesk:
    """All that resolving needs, made for one round. While sending is off no probe leaves."""
    settings = load_settings()
    book = account_book(settings)
    return DoubtDesk(
        store=doubts(),
        feed=event_feed(),
        inbox=event_inbox(),
        events=event_store(),
        tags=tagger(),
        lookups=DoubtLookups(AccountLookups(book), book),
        probing=None if settings.sending is SendingMode.OFF else Probing(AccountTransports(book), tagger()),
        policy=doubt_policy(settings),
    )


def doubt_policy(settings: Settings) -> DoubtPolicy:
    """With the horizon of this installation."""
    return DoubtPolicy.of_horizon(timedelta(seconds=settings.evidence_horizon_seconds))


@dataclass(frozen=True, slots=True)
class DoubtLookups:
    """`EvidenceLookups`: those of the providers' APIs, and the Sent folder for accounts by SMTP."""

    providers: EvidenceLookups
    book: AccountBook

    def of(self, tenant: TenantId, account: AccountId) -> EvidenceLookup | None:
        """See `EvidenceLookups.of`. Only those accounts are asked for that `app.evidence_rule` says to look up."""
        if self.book.row(tenant, account).kind == ProviderKind.SMTP:
            from outreach_pipelines.adapters.sent_folder import SentFolderLookup

            return SentFolderLookup(inbox_reader(), partial(_inbox_of, tenant))
        return self.providers.of(tenant, account)

    async def close(self) -> None:
        """See `EvidenceLookups.close`."""
        await self.providers.close()


def _inbox_of(tenant: TenantId, sender: str) -> InboxToRead | None:
    inbox = doubts().inbox_of(tenant, sender)
    return next((each for each in reply_store().inboxes(tenant) if each.inbox == inbox), None)
