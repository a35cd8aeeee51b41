"""What telling of DNS audits needs: their news, a way to people, and who they are. Configuration only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from outreach_pipelines.application.notify_dns import NewsBook
from outreach_pipelines.application.notify_replies import Notifier
from outreach_pipelines.domain.reference import SecretRef
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.settings import load_settings
from resources.accounts import secret_source
from resources.database import app_engine

if TYPE_CHECKING:
    from outreach_pipelines.adapters.postgres.dns_news_book import PostgresDnsNews


@dataclass(frozen=True, slots=True)
class NewsDesk:
    """What news are told with. `targets`: by tenant, references to secret addresses."""

    book: NewsBook
    notifier: Notifier
    targets: Callable[[TenantSlug], tuple[SecretRef, ...]]


def domain_states() -> "PostgresDnsNews":
    """What audits have settled and brought."""
    from outreach_pipelines.adapters.postgres.dns_news_book import PostgresDnsNews

    return PostgresDnsNews(app_engine())


def news_desk() -> NewsDesk:
    """News of DNS audits, and whom they are told to: OUTREACH_NOTIFY_DNS, else those who are told of replies."""
    from outreach_pipelines.adapters.notify import AppriseNotifier
    from resources.replies import notice_targets

    settings = load_settings()
    told = settings.notify if settings.notify_dns is None else settings.notify_dns
    return NewsDesk(domain_states(), AppriseNotifier(secret_source(settings)), notice_targets(told))
