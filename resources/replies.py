"""What people's work on replies needs: the book of replies, their threads, intents, notices.

Few processes load it: the commands, and the sensor that looks after replies. What only some installations use is
imported where it is made.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from outreach_pipelines.adapters.notify import AppriseNotifier
from outreach_pipelines.adapters.postgres.reply_intents import PostgresIntentBook
from outreach_pipelines.adapters.postgres.reply_list import PostgresReplyBook
from outreach_pipelines.adapters.postgres.reply_notices import PostgresNoticeBook
from outreach_pipelines.adapters.postgres.reply_rulings import PostgresRulingBook
from outreach_pipelines.adapters.templates import TemplateStore
from outreach_pipelines.application.decide_intents import IntentDesk, IntentEndpoint
from outreach_pipelines.application.notify_replies import NoticePolicy
from outreach_pipelines.application.reply_thread import ThreadDesk
from outreach_pipelines.application.tend_replies import NoticePolicies, ReplyDesk
from outreach_pipelines.domain.reference import SecretRef, parse_secret_ref
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import SettingsFault
from outreach_pipelines.settings import Settings, load_settings
from resources.accounts import secret_source
from resources.database import app_engine
from resources.files import object_store

if TYPE_CHECKING:
    from outreach_pipelines.adapters.intent_training import ScikitTrainer

EVERY_TENANT = "*"


def reply_book() -> PostgresReplyBook:
    """Replies and assignments."""
    return PostgresReplyBook(app_engine())


def ruling_book() -> PostgresRulingBook:
    """Verdicts on mail."""
    return PostgresRulingBook(app_engine())


def intent_book() -> PostgresIntentBook:
    """Intents, labels, models."""
    return PostgresIntentBook(app_engine())


def thread_desk() -> ThreadDesk:
    """What threads are read from."""
    objects = object_store()
    return ThreadDesk(reply_book(), objects, TemplateStore(objects))


def reply_desk() -> ReplyDesk:
    """Intents, notices and pages of replies. Raises `SettingsFault` where an endpoint is set up by halves."""
    settings = load_settings()
    intents = IntentDesk(intent_book(), object_store(), _endpoint(settings))
    notifier = AppriseNotifier(secret_source(settings))
    notices = PostgresNoticeBook(app_engine())
    return ReplyDesk(intents, notices, notifier, notice_policies(settings), thread_desk())


def trainer() -> "ScikitTrainer":
    """Learns from labels."""
    from outreach_pipelines.adapters.intent_training import ScikitTrainer

    return ScikitTrainer()


def notice_policies(settings: Settings) -> NoticePolicies:
    """Whom each tenant's replies are told to."""
    targets = notice_targets(settings.notify)
    intents = tuple(name.strip() for name in settings.notify_of.split(","))
    return lambda tenant: NoticePolicy(targets(tenant), intents, with_excerpt=settings.notify_excerpt)


def notice_targets(text: str | None) -> Callable[[TenantSlug], tuple[SecretRef, ...]]:
    """Whom each tenant's news are told to, from TENANT=REFERENCE,... as settings hold it."""
    pairs = [part.strip().partition("=") for part in (text or "").split(",") if part.strip()]
    targets = [(name.strip(), reference) for name, _, where in pairs if (reference := parse_secret_ref(where.strip()))]

    def of(tenant: TenantSlug) -> tuple[SecretRef, ...]:
        return tuple(dict.fromkeys(reference for name, reference in targets if name in (EVERY_TENANT, tenant)))

    return of


def _endpoint(settings: Settings) -> IntentEndpoint | None:
    given = (settings.intent_url, settings.intent_model, settings.intent_key)
    if not any(given):
        return None
    url, model, key = given
    reference = parse_secret_ref(key or "")
    if not url or not model or reference is None:
        message = (
            "OUTREACH_INTENT_URL, OUTREACH_INTENT_MODEL and OUTREACH_INTENT_KEY belong together: set all three, or none"
        )
        raise SettingsFault(message)
    from outreach_pipelines.adapters.intent_endpoint import ChatIntentEndpoint, EndpointAccess

    return ChatIntentEndpoint(EndpointAccess(url, model, secret_source(settings).resolve(reference)))
