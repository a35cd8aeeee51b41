"""Tell people what a DNS audit brought: each audit's news once to each target, by a row, and nothing where nothing changed.

Belongs here: what is told, and how often it is tried. Does not: what counts as news (`domain.dns_audit.news`), how it travels
(an adapter behind `Notifier`). No audit waits for any of it.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from outreach_pipelines.application.notify_replies import (
    SECONDS,
    Notice,
    Notified,
    Notifier,
    NotTold,
    Told,
    count_notice,
    retry_seconds,
)
from outreach_pipelines.domain.dns_audit.news import News, NewsKind
from outreach_pipelines.domain.reference import SecretRef
from outreach_pipelines.domain.tenant import TenantId, TenantRef

MOST_LINES = 20
LONGEST_LINE = 300
_WORDS = {
    NewsKind.NOT_READY: "not ready to send through {subject}",
    NewsKind.READY_AGAIN: "ready again to send through {subject}",
    NewsKind.OUT_OF_SIGHT: "nobody knows whether it may send through {subject}: nothing leaves until that is known",
    NewsKind.CRITICAL: "{subject}",
    NewsKind.MENDED: "mended: {subject}",
    NewsKind.RECORDS: "changed: {subject}",
}
_TITLES = {
    NewsKind.NOT_READY: "{count} not ready to send",
    NewsKind.READY_AGAIN: "{count} ready again",
    NewsKind.OUT_OF_SIGHT: "{count} out of sight",
    NewsKind.CRITICAL: "{count} grave faults",
    NewsKind.MENDED: "{count} faults mended",
    NewsKind.RECORDS: "{count} records changed",
}
# What chats would act on; the rest of a record's text stays readable.
_INERT = str.maketrans({"<": "‹", ">": "›", "@": "＠", "`": "'"})


@dataclass(frozen=True, slots=True)
class WaitingNews:
    """One audit's news whose turn it is with one target; `tries` counts this one."""

    seen_at: datetime
    target: str
    tries: int
    news: tuple[News, ...]


class NewsBook(Protocol):
    """Which news were told to whom."""

    def queue(self, tenant: TenantId, targets: Sequence[str]) -> int:
        """Write a waiting row for each audit of late with news that is to be told and has none; how many."""
        ...

    def claim(self, tenant: TenantId, targets: Sequence[str]) -> WaitingNews | None:
        """The next that is due, put off so that nobody else takes it."""
        ...

    def settle(self, tenant: TenantId, waiting: WaitingNews, outcome: Told | NotTold, retry: int | None) -> None:
        """What came of it; without `retry` seconds news that were not told are given up."""
        ...


def notify_dns(
    book: NewsBook, notifier: Notifier, targets: Sequence[SecretRef], *, tenant: TenantRef, seconds: float = SECONDS
) -> Notified:
    """Tell what is new, and try again what was not told; a crash in between tells once more."""
    done, ends = Notified(), time.monotonic() + seconds
    by_name = {str(target): target for target in targets}
    if not by_name:
        return done
    book.queue(tenant.id, list(by_name))
    while time.monotonic() < ends and (waiting := book.claim(tenant.id, list(by_name))) is not None:
        outcome = notifier.tell(by_name[waiting.target], notice_of_news(tenant, waiting.news))
        retry = retry_seconds(outcome, waiting.tries)
        book.settle(tenant.id, waiting, outcome, retry)
        count_notice(done, outcome, retry)
    return done


def notice_of_news(tenant: TenantRef, news: Sequence[News]) -> Notice:
    """What is told of one audit, the gravest first."""
    order = list(NewsKind)
    ranked = sorted(news, key=lambda each: (order.index(each.kind), each.domain, each.subject))
    return Notice(f"{tenant.slug}: {_title(ranked)}", "\n".join(_body(tenant, ranked)))


def _title(news: Sequence[News]) -> str:
    # Two accounts of a domain are one domain, and a fault that many domains share (a listed address) is one fault.
    whole = (NewsKind.CRITICAL, NewsKind.MENDED, NewsKind.RECORDS)
    things = dict.fromkeys((each.kind, each.subject if each.kind in whole else each.domain) for each in news)
    counts = Counter(kind for kind, _ in things)
    return ", ".join(_TITLES[kind].format(count=count) for kind, count in counts.items())


def _body(tenant: TenantRef, news: Sequence[News]) -> Iterator[str]:
    alike: dict[tuple[NewsKind, str, str], list[News]] = {}
    for each in news:
        alike.setdefault((each.kind, each.subject, each.sentence), []).append(each)
    lines = [news_line(first, others=len(rest)) for first, *rest in alike.values()]
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"and {len(lines) - MOST_LINES} more"
    yield f"outreach dns news --tenant {tenant.slug}"


def news_line(news: News, *, others: int = 0) -> str:
    """One piece of news as a line of plain text, without characters that a chat would act on; `others`: domains alike."""
    what = _WORDS[news.kind].format(subject=news.subject)
    where = f"{news.domain} and {others} more domains" if others else news.domain
    flat = " ".join("".join(c if c.isprintable() else " " for c in f"{where}: {what}: {news.sentence}").split())
    short = flat if len(flat) <= LONGEST_LINE else f"{flat[: LONGEST_LINE - 1]}…"
    return short.translate(_INERT)
