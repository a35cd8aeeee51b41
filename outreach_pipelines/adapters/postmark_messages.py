"""Looking a message in doubt up in Postmark's outbound messages.

Belongs here: what is searched for, and whether one of the found is the message. Does not: when it is worth to look, and
what follows (`application`).

Source: Postmark Developer Docs, "Messages API: Outbound message search".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from outreach_pipelines.adapters.http_api import HttpAnswer, HttpApi, JsonObject, printable
from outreach_pipelines.adapters.postmark import TAG_FIELD
from outreach_pipelines.domain.doubt import CouldNotLook, LookUp, NotSeen, Seen, Sought

#: The shortest time for which a server can be set to keep messages (Postmark, "Retention"; 45 days unless set).
KEPT: Final = timedelta(days=7)
_SEARCH: Final = "/messages/outbound"
_PAGE: Final = 500  # the most that Postmark gives; count and offset together stay within 10,000
_MOST_PAGES: Final = 20
# Days of a search are those of US Eastern time: one more on each side holds the moment in any zone.
_MARGIN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Page:
    """Messages, and how many the whole search has."""

    total: int
    messages: tuple[JsonObject, ...]


class PostmarkLookup:
    """`EvidenceLookup` of one server's stream. `kept` is how long the server keeps messages; older ones cannot be sought."""

    def __init__(self, api: HttpApi, *, stream: str, kept: timedelta = KEPT) -> None:
        self._api = api
        self._stream = stream
        self._kept = kept

    async def look(self, attempt: Sought) -> LookUp:
        """Ask for our tag, then for the recipient's messages that carry it; both must answer for absence."""
        if datetime.now(UTC) - attempt.intended_at > self._kept - _MARGIN:
            return CouldNotLook(f"sent about {self._kept} ago or more, and Postmark may keep no messages of that time")
        since = (attempt.intended_at - _MARGIN).astimezone(UTC).date().isoformat()
        found: LookUp = NotSeen()
        for narrowed in ({f"metadata_{TAG_FIELD}": str(attempt.tag)}, {"recipient": attempt.recipient}):
            found = await self._search({"fromdate": since, **narrowed}, attempt)
            if not isinstance(found, NotSeen):
                return found
        return found

    async def probe(self, sender: str) -> CouldNotLook | None:  # noqa: ARG002 - one stream for all senders
        """Whether the stream's messages can be searched now; None when they can."""
        page = await self._page({}, count=1, offset=0)
        return page if isinstance(page, CouldNotLook) else None

    async def close(self) -> None:
        """End all connections."""
        await self._api.close()

    async def _search(self, query: Mapping[str, str], attempt: Sought) -> LookUp:
        looked_at = 0
        for _ in range(_MOST_PAGES):
            page = await self._page(query, count=_PAGE, offset=looked_at)
            if isinstance(page, CouldNotLook):
                return page
            for message in page.messages:
                if _tag(message) == attempt.tag:
                    return _evidence(message, attempt)
            looked_at += len(page.messages)
            if looked_at >= page.total:
                return NotSeen()
        return CouldNotLook(f"{looked_at} messages were looked at, and there are more")

    async def _page(self, query: Mapping[str, str], *, count: int, offset: int) -> "_Page | CouldNotLook":
        window = {"messagestream": self._stream, "count": str(count), "offset": str(offset)}
        answer = await self._api.get(_SEARCH, {**query, **window})
        if not isinstance(answer, HttpAnswer):
            return CouldNotLook(answer.cause)
        if answer.status != 200:
            return CouldNotLook(printable(f"http {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}"))
        return _read_page(answer)


def _read_page(answer: HttpAnswer) -> _Page | CouldNotLook:
    found = answer.json_object() or {}
    total, messages = found.get("TotalCount"), found.get("Messages")
    if not isinstance(total, int) or not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        return CouldNotLook("unreadable: an answer without a count and a list of messages")
    return _Page(total, tuple(messages))


def _tag(message: JsonObject) -> object:
    metadata = message.get("Metadata")
    return metadata.get(TAG_FIELD) if isinstance(metadata, dict) else None


def _evidence(message: JsonObject, attempt: Sought) -> Seen | CouldNotLook:
    message_id, moment = message.get("MessageID"), _moment(message.get("ReceivedAt"))
    if not isinstance(message_id, str) or moment is None:
        return CouldNotLook("unreadable: a message of ours without its MessageID or ReceivedAt")
    return Seen(printable(message_id), attempt.message_id, moment)


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
