"""The page of a tenant's replies: what is open, what waits for a verdict, each with its thread.

Belongs here: HTML and its style. Everything that came from outside goes through `_text`. Does not: reading (`present`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import assert_never

from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.reply_list import ReplyRow
from outreach_pipelines.application.reply_thread import Came, Sent, Thread
from outreach_pipelines.application.reply_words import (
    decided_words,
    first_line,
    intent_words,
    moment,
    review_words,
    words,
    work_words,
)
from outreach_pipelines.domain.ids import EnrollmentId
from outreach_pipelines.domain.tenant import TenantSlug

LONGEST_TEXT = 10_000
"""Characters of one message that the page shows."""
LONGEST_IN_THREAD = 2_000
MOST_IN_THREAD = 30
"""Messages of one thread, the newest: what strangers write bounds no page."""
_STYLE = """
:root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--ours:#eef4fb;--theirs:#f6f8fa;--mark:#9a6700}
@media(prefers-color-scheme:dark){:root{--back:#0e1318;--ink:#e6edf3;--soft:#a2acb6;--line:#30363d;--ours:#12263a;--theirs:#1a212a;--mark:#e0a33a}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:60rem;background:var(--back);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.2}h2{font-size:1.2rem;margin-top:2.5rem}h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
.soft{color:var(--soft)}.mark{color:var(--mark);font-weight:700}
article{border-top:1px solid var(--line);padding:.75rem 0}article p{margin:.25rem 0;overflow-wrap:anywhere}
details{margin-top:.5rem}summary{cursor:pointer;padding:.5rem 0;min-height:2.75rem}
.mail{margin:.5rem 0;padding:.5rem .75rem;border-radius:.4rem;background:var(--theirs)}.ours{background:var(--ours);margin-left:2rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:.25rem 0 0}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}caption{text-align:left;color:var(--soft);padding:.25rem 0}
th,td{padding:.25rem .5rem;border-bottom:1px solid var(--line);text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}
@media print{details{display:block}}
"""
# Nothing of the page may be loaded or run even if a text slipped through: the browser is told so too.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class ReplyPageFacts:
    """What a page tells: replies of the days shown, newest first, and threads by sequence; `is_cut` where there were more."""

    tenant: TenantSlug
    written_at: datetime
    days: int
    replies: tuple[ReplyRow, ...]
    to_review: tuple[ReplyRow, ...]
    threads: Mapping[EnrollmentId, Thread]
    is_cut: bool


def reply_page(facts: ReplyPageFacts) -> str:
    """The whole document, the same for the same facts."""
    uncertain = {row.inbound for row in facts.to_review}
    others = [row for row in facts.replies if row.inbound not in uncertain]
    open_ones = [row for row in others if row.work.done_at is None]
    done = [row for row in others if row.work.done_at is not None]
    still_open = sum(row.work.done_at is None for row in facts.replies)
    homes = _Homes.of([*facts.to_review, *open_ones, *done], facts.threads)
    title = f"Replies to {_text(facts.tenant)}"
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body><main>",
            f"<h1>{title}</h1>{_head(facts, still_open)}",
            _section("Waiting for a verdict", facts.to_review, homes),
            _section("Open", open_ones, homes),
            _section("Done", done, homes),
            "</main></body></html>\n",
        )
    )


def _head(facts: ReplyPageFacts, still_open: int) -> str:
    cut = " Older ones are left out." if facts.is_cut else ""
    told = (
        f'<p class="soft">Of the {facts.days} days before {moment(facts.written_at)} UTC: {len(facts.replies)} replies, '
        f"{still_open} open, {len(facts.to_review)} waiting for a verdict.{cut}</p>"
    )
    counts = Counter((words(row.kind), intent_words(row.intent)) for row in facts.replies)
    rows = "".join(
        f'<tr><td>{_text(kind)}</td><td>{_text(intent)}</td><td class="n">{count}</td></tr>'
        for (kind, intent), count in sorted(counts.items())
    )
    head = '<thead><tr><th scope="col">kind</th><th scope="col">intent</th><th scope="col">replies</th></tr></thead>'
    return f'{told}<div class="wide"><table><caption>What came back</caption>{head}<tbody>{rows}</tbody></table></div>'


@dataclass(frozen=True, slots=True)
class _Homes:
    """Each thread stands once, with the first mail of it that the page shows."""

    threads: Mapping[EnrollmentId, Thread]
    first: Mapping[EnrollmentId, InboundId]

    @classmethod
    def of(cls, rows: Iterable[ReplyRow], threads: Mapping[EnrollmentId, Thread]) -> "_Homes":
        first: dict[EnrollmentId, InboundId] = {}
        for row in rows:
            if row.enrollment is not None:
                first.setdefault(row.enrollment, row.inbound)
        return cls(threads, first)

    def thread_of(self, row: ReplyRow) -> str:
        thread = self.threads.get(row.enrollment, ()) if row.enrollment is not None else ()
        if not thread or row.enrollment is None:
            return ""
        home = self.first[row.enrollment]
        if home != row.inbound:
            return f"<p>The thread stands with mail {home}.</p>"
        return _thread(thread)


def _section(title: str, rows: Sequence[ReplyRow], homes: _Homes) -> str:
    body = "".join(_article(row, homes) for row in rows) or "<p>None.</p>"
    return f"<section><h2>{title} ({len(rows)})</h2>{body}</section>"


def _article(row: ReplyRow, homes: _Homes) -> str:
    uncertain = row.review is not None and row.review.verdict is None
    facts = [
        f"intent: {decided_words(row.intent)}",
        f"read as {words(row.read_as)}, confidence {row.confidence}: {first_line(row.evidence, 200)}",
        f"answered by {work_words(row)}" + (f"; {row.work.note}" if row.work.note else ""),
        f"away until {row.away_until}" if row.away_until else "",
    ]
    return (
        f'<article id="mail-{row.inbound}"><h3>{_text(row.person or "nobody we know")}: {_text(words(row.kind))}</h3>'
        f'<p class="soft">mail {row.inbound}, {moment(row.received_at)} UTC, {_text(row.campaign or "no campaign")}, '
        f"to {_text(row.mailbox or row.inbox)}</p>"
        + (f'<p class="mark">{_text(review_words(row))}</p>' if uncertain else "")
        + "".join(f"<p>{_text(each)}</p>" for each in facts if each)
        + f"<pre>{_text(row.text or '')}</pre>{homes.thread_of(row)}</article>"
    )


def _thread(thread: Thread) -> str:
    older = len(thread) - MOST_IN_THREAD
    cut = f'<p class="soft">{older} older ones are left out.</p>' if older > 0 else ""
    shown = "".join(map(_entry, thread[-MOST_IN_THREAD:]))
    return f"<details><summary>The thread: {len(thread)} messages</summary>{cut}{shown}</details>"


def _entry(each: Sent | Came) -> str:
    match each:
        case Sent():
            head = f"{moment(each.at)} UTC, we sent step {each.step} from {each.mailbox or '-'}: {each.subject}"
            return _mail("mail ours", head, (each.text, each.lacks))
        case Came(row=row):
            head = f"{moment(each.at)} UTC, {each.sender or 'somebody'}: {words(row.kind)}"
            return _mail("mail", head, (row.text, each.lacks))
    assert_never(each)


def _mail(kind: str, head: str, texts: Iterable[str | None]) -> str:
    body = "".join(f"<pre>{_text(text, LONGEST_IN_THREAD)}</pre>" for text in texts if text)
    return f'<div class="{kind}"><p class="soft">{_text(head)}</p>{body}</div>'


def _text(outside: str, most: int = LONGEST_TEXT) -> str:
    """What others wrote: escaped, cut, and without controls or marks that turn the direction of what stands around."""
    short = outside if len(outside) <= most else f"{outside[:most]}…"
    return escape("".join(c if c.isprintable() or c in "\n\t" else " " for c in short), quote=True)
