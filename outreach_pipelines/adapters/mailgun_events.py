"""Looking a message in doubt up in Mailgun's event store.

Belongs here: which events are asked for, and whether one of them is the message. Does not: when it is worth to look, and
what follows (`application`).

Source: Mailgun API Reference, "Events", and its pages "Query events" and "Event structure".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from outreach_pipelines.adapters.http_api import HttpAnswer, HttpApi, JsonObject, printable
from outreach_pipelines.adapters.mailgun import TAG_VARIABLE, domain_of, is_message_id
from outreach_pipelines.domain.doubt import CouldNotLook, LookUp, NotSeen, Seen, Sought

#: The shortest time for which Mailgun keeps events, that of its free plan (Mailgun, "Log retention").
KEPT: Final = timedelta(days=1)
_CLOCKS_DIFFER: Final = timedelta(minutes=15)
_TAKEN: Final = "accepted OR delivered OR failed OR rejected"
_PAGE: Final = 300  # the most that Mailgun gives
_MOST_PAGES: Final = 20
_LATEST: Final = 1e11  # seconds since 1970


@dataclass(frozen=True, slots=True)
class _Page:
    """Events, and where the next ones are. An empty page is the last one."""

    events: tuple[JsonObject, ...]
    next_path: str
    next_query: Mapping[str, str]


class MailgunLookup:
    """`EvidenceLookup` of one account.

    Events reach the store by several ways and late: Mailgun itself calls a stretch of time complete after half an hour
    ("Event polling"). `kept` is how long this account's plan keeps them; an older attempt cannot be looked for.
    """

    def __init__(self, api: HttpApi, *, kept: timedelta = KEPT) -> None:
        self._api = api
        self._kept = kept

    async def look(self, attempt: Sought) -> LookUp:
        """Ask for our Message-ID, then for the recipient's messages that carry our tag; both must answer for absence."""
        if datetime.now(UTC) - attempt.intended_at > self._kept - _CLOCKS_DIFFER:
            return CouldNotLook(f"sent more than {self._kept} ago, and Mailgun may keep no events of that time")
        since = {"begin": f"{(attempt.intended_at - _CLOCKS_DIFFER).timestamp():.3f}", "ascending": "yes"}
        found: LookUp = NotSeen()
        for narrowed in ({"message-id": attempt.message_id.strip("<>")}, {"recipient": attempt.recipient}):
            query = {"event": _TAKEN, "limit": str(_PAGE), **since, **narrowed}
            found = await self._search(f"/v3/{domain_of(attempt.sender)}/events", query, attempt)
            if not isinstance(found, NotSeen):
                return found
        return found

    async def probe(self, sender: str) -> CouldNotLook | None:
        """Whether events of this sender's domain can be read now; None when they can."""
        page = await self._page(f"/v3/{domain_of(sender)}/events", {"limit": "1"})
        return page if isinstance(page, CouldNotLook) else None

    async def close(self) -> None:
        """End all connections."""
        await self._api.close()

    async def _search(self, path: str, query: Mapping[str, str], attempt: Sought) -> LookUp:
        for _ in range(_MOST_PAGES):
            page = await self._page(path, query)
            if isinstance(page, CouldNotLook):
                return page
            ours = [event for event in page.events if _is_of(event, attempt)]
            if ours:
                return _evidence(ours)
            if not page.events:
                return NotSeen()
            path, query = page.next_path, page.next_query
        return CouldNotLook(f"more than {_MOST_PAGES} pages of events")

    async def _page(self, path: str, query: Mapping[str, str]) -> "_Page | CouldNotLook":
        answer = await self._api.get(path, query)
        if not isinstance(answer, HttpAnswer):
            return CouldNotLook(answer.cause)
        if answer.status != 200:
            return CouldNotLook(printable(f"http {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}"))
        return _read_page(answer)


def _read_page(answer: HttpAnswer) -> _Page | CouldNotLook:
    found = answer.json_object() or {}
    items, paging = found.get("items"), found.get("paging")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return CouldNotLook("unreadable: an answer without a list of events")
    link = paging.get("next") if isinstance(paging, dict) else None
    # Only its path: our key goes to nobody whom an answer names.
    next_page = urlsplit(link) if isinstance(link, str) else urlsplit("")
    if items and not next_page.path.startswith("/v3/"):
        return CouldNotLook("unreadable: events without a link to the next ones")
    return _Page(tuple(items), next_page.path, dict(parse_qsl(next_page.query)))


def _is_of(event: JsonObject, attempt: Sought) -> bool:
    variables = event.get("user-variables")
    tag = variables.get(TAG_VARIABLE) if isinstance(variables, dict) else None
    return tag == attempt.tag or _wire_id(event) == attempt.message_id


def _evidence(events: Sequence[JsonObject]) -> Seen | CouldNotLook:
    wire_ids = [wire_id for wire_id in map(_wire_id, events) if is_message_id(wire_id)]
    moments = [moment for moment in map(_moment, events) if moment is not None]
    if not wire_ids or not moments:
        return CouldNotLook("unreadable: an event of ours without its time or its Message-ID")
    rejections = [_rejection(event) for event in events if event.get("event") == "rejected"]
    return Seen(wire_ids[0].strip("<>"), wire_ids[0], min(moments), rejections[0] if rejections else None)


def _wire_id(event: JsonObject) -> str:
    message = event.get("message")
    headers = message.get("headers") if isinstance(message, dict) else None
    bare = headers.get("message-id") if isinstance(headers, dict) else None
    return f"<{bare.strip('<>')}>" if isinstance(bare, str) else ""


def _moment(event: JsonObject) -> datetime | None:
    stamp = event.get("timestamp")
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not 0 < stamp < _LATEST:
        return None
    return datetime.fromtimestamp(stamp, UTC)


def _rejection(event: JsonObject) -> str:
    reject = event.get("reject")
    reason = reject.get("reason") if isinstance(reject, dict) else None
    return printable(str(reason or "rejected"))
