"""What the page of replies is made of, and where it is written: one object a tenant, replaced each time.

Only the newest is kept: of a person who is erased the next page says nothing more. Belongs here: read -> write.
"""

from dataclasses import dataclass
from datetime import timedelta

from outreach_pipelines.application.reply_list import ReplyBook, ReplyFilter
from outreach_pipelines.application.reply_page.page import ReplyPageFacts, reply_page
from outreach_pipelines.application.reply_thread import ThreadDesk, threads_of
from outreach_pipelines.application.stored_objects import ObjectKey, object_key
from outreach_pipelines.domain.tenant import TenantId, TenantRef

DAYS_SHOWN = 30
MOST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class PresentedReplies:
    """Where the page lies, and its headlines."""

    page: ObjectKey
    replies: int
    open: int
    to_review: int
    by_intent: dict[str, int]


def page_key(book: ReplyBook, tenant: TenantId) -> str | None:
    """What a page is of: where it differs, the page is written anew. None where there is nothing to show.

    A further hour is a further key: who was erased leaves the page, and so does what has grown too old, without any news.
    """
    changed = book.last_change(tenant)
    return None if changed is None else f"{changed.isoformat()} {book.now(tenant):%Y-%m-%dT%H}"


def present_replies(desk: ThreadDesk, *, tenant: TenantRef) -> PresentedReplies:
    """Write the page anew. Idempotent. Raises `ObjectStoreUnreachable`."""
    facts = page_facts(desk, tenant)
    key = object_key(f"reports/{tenant.slug}/replies.html")
    desk.objects.put(key, reply_page(facts).encode("utf-8", "replace"))
    by_intent: dict[str, int] = {}
    for row in facts.replies:
        name = row.intent.intent.value if row.intent and row.intent.intent else "none"
        by_intent[name] = by_intent.get(name, 0) + 1
    still_open = sum(row.work.done_at is None for row in facts.replies)
    return PresentedReplies(key, len(facts.replies), still_open, len(facts.to_review), by_intent)


def page_facts(desk: ThreadDesk, tenant: TenantRef) -> ReplyPageFacts:
    """The newest replies of the last days, all that waits for a verdict, and the threads of both."""
    now = desk.book.now(tenant.id)
    since = now - timedelta(days=DAYS_SHOWN)
    found = desk.book.find(tenant.id, ReplyFilter(since=since, most=MOST_SHOWN + 1))
    shown = tuple(found[:MOST_SHOWN])
    uncertain = tuple(desk.book.find(tenant.id, ReplyFilter(kinds=None, to_review=True, most=MOST_SHOWN)))
    threads = threads_of(desk, tenant.id, [*shown, *uncertain])
    return ReplyPageFacts(tenant.slug, now, DAYS_SHOWN, shown, uncertain, threads, len(found) > len(shown))
