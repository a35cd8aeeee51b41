"""Replies in words and as JSON documents: one form for the command line and the page.

Belongs here: sentences and documents. Does not: layout.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from outreach_pipelines.application.reply_list import ReplyRow
from outreach_pipelines.application.reply_thread import Came, Sent, Thread
from outreach_pipelines.domain.inbox_review import ReviewReason
from outreach_pipelines.domain.reply_intent.decided import DecidedIntent, IntentSource

Document = dict[str, object]


def words(name: str) -> str:
    """A stored name for people."""
    return name.replace("_", " ")


def moment(at: datetime) -> str:
    """A time for people, UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def first_line(text: str | None, most: int = 60) -> str:
    """The beginning of a text on one line, of characters that print."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in (text or "")[: 4 * most]).split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def intent_words(intent: DecidedIntent | None) -> str:
    """The intent alone."""
    return intent.intent.value if intent and intent.intent else "-"


def decided_words(intent: DecidedIntent | None) -> str:
    """By what the intent was decided, or why there is none."""
    if intent is None:
        return "nothing has looked at it yet"
    if intent.intent is None:
        return f"none: {intent.decided_by}"
    score = "" if intent.score is None else f", {intent.score:.0%} likely"
    by = "said by" if intent.source is IntentSource.PERSON else f"by {intent.source.value}"
    return f"{intent.intent.value}, {by} {intent.decided_by}{score}"


def work_words(row: ReplyRow) -> str:
    """Who answers, and whether that is done."""
    who = row.work.assigned_to or "nobody"
    return f"{who}, done {moment(row.work.done_at)} UTC" if row.work.done_at else f"{who}, open"


_WHY: Mapping[ReviewReason, str] = {
    ReviewReason.UNTIED: "nothing in it names a message of ours",
    ReviewReason.FOREIGN_TAG: "it names a message of another tenant",
    ReviewReason.NEVER_SENT: "it names a message of ours that never left",
    ReviewReason.FOR_PEOPLE: "it says nothing that a program may act on",
    ReviewReason.UNKNOWN_BOUNCE: "it did not arrive, and nobody knows why",
    ReviewReason.UNSURE: "what it says may be meant otherwise",
}


def why_words(row: ReplyRow) -> str:
    """Why a person should look at a mail, with what is known beyond; empty where nobody should."""
    if row.review is None:
        return ""
    why = row.review.why
    told = _WHY[ReviewReason(why)] if why in list(ReviewReason) else why
    detail = (row.park_reason or "").partition(": ")[2]
    return f"{told} ({detail})" if detail else told


def review_words(row: ReplyRow) -> str:
    """Why a person should look at it, or what a person said."""
    if row.review is None:
        return "nothing uncertain"
    if row.review.verdict is None:
        return f"waits for a person: {why_words(row)}"
    reason = f": {row.review.reason}" if row.review.reason else ""
    return f"{row.review.by} called it {row.review.verdict}{reason}"


def reply_document(tenant: str, row: ReplyRow) -> Document:
    """A reply as JSON. Times are ISO 8601 in UTC."""
    review = row.review
    return {
        "id": row.inbound,
        "tenant": tenant,
        "received_at": _iso(row.received_at),
        "kind": row.kind,
        "read_as": row.read_as,
        "confidence": row.confidence,
        "evidence": row.evidence,
        "person": row.person,
        "campaign": row.campaign,
        "mailbox": row.mailbox,
        "inbox": row.inbox,
        "folder": row.folder,
        "text": row.text,
        "away_until": row.away_until.isoformat() if row.away_until else None,
        "parked": row.park_reason,
        "review": review
        and {
            "why": review.why,
            "in_words": why_words(row),
            "verdict": review.verdict,
            "by": review.by,
            "reason": review.reason,
        },
        "intent": _intent(row.intent),
        "assigned_to": row.work.assigned_to,
        "note": row.work.note,
        "done_at": _iso(row.work.done_at),
        "original": row.object_key,
    }


def thread_documents(thread: Thread) -> list[Document]:
    """What was sent and what came, in order of time."""
    return [_entry(each) for each in thread]


def _entry(each: Sent | Came) -> Document:
    match each:
        case Sent():
            told: Document = {"direction": "sent", "at": _iso(each.at), "step": each.step, "mailbox": each.mailbox}
            return told | {"subject": each.subject, "text": each.text, "lacks": each.lacks or None}
        case Came(row=row):
            told = {"direction": "came", "at": _iso(each.at), "id": row.inbound, "kind": row.kind}
            return told | {
                "from": each.sender,
                "subject": each.subject,
                "text": row.text,
                "whole": each.whole,
                "intent": _intent(row.intent),
                "lacks": each.lacks or None,
            }


def _intent(intent: DecidedIntent | None) -> Document | None:
    if intent is None:
        return None
    name = intent.intent.value if intent.intent else None
    return {"intent": name, "source": intent.source.value, "decided_by": intent.decided_by, "score": intent.score}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
