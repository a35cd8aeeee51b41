"""Messages in doubt looked up at Mailgun and Postmark, against a small HTTP server: seen, not seen, or not told."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_provider import CUT, SILENT, Provider, Request, Say, answer, provider
from transport_conformance import TAG

from outreach_pipelines.adapters.http_api import HttpApi
from outreach_pipelines.adapters.mailgun import mailgun_access
from outreach_pipelines.adapters.mailgun_events import MailgunLookup
from outreach_pipelines.adapters.postmark import postmark_access
from outreach_pipelines.adapters.postmark_messages import PostmarkLookup
from outreach_pipelines.application.ports import EvidenceLookup
from outreach_pipelines.domain.doubt import CouldNotLook, NotSeen, Seen, Sought
from outreach_pipelines.domain.secret import Secret

SENT = datetime.now(UTC) - timedelta(hours=1)
OURS = Sought(TAG, f"<{TAG}@mail.client.example>", "bo@mail.client.example", "ada@people.example", SENT)
Json = dict[str, Any]


def event(
    kind: str = "accepted",
    *,
    tag: str = TAG,
    message_id: str = "7@mail.client.example",
    after: float = 2.0,
    **more: object,
) -> Json:
    return {
        "event": kind,
        "timestamp": SENT.timestamp() + after,
        "recipient": "ada@people.example",
        "user-variables": {"outreach": tag},
        "message": {"headers": {"message-id": message_id}},
        **more,
    }


def events(*found: Json, then: str = "https://api.mailgun.net/v3/mail.client.example/events/W3siMiJd") -> bytes:
    return answer(200, {"items": list(found), "paging": {"next": then}})


def message(*, tag: str = TAG, **more: object) -> Json:
    return {
        "MessageID": "0a129aee-e1cd-480d-b08d-4f48548ff48d",
        "ReceivedAt": "2026-11-21T07:25:01.4178645-05:00",
        "Recipients": ["ada@people.example"],
        "Metadata": {"tag": tag},
        **more,
    }


def messages(*found: Json, total: int | None = None) -> bytes:
    return answer(200, {"TotalCount": len(found) if total is None else total, "Messages": list(found)})


def mailgun_at(url: str) -> MailgunLookup:
    return MailgunLookup(HttpApi(mailgun_access(url, Secret("key")), timeout=0.3, connect_timeout=1.0))


def postmark_at(url: str) -> PostmarkLookup:
    return PostmarkLookup(
        HttpApi(postmark_access(Secret("token"), url), timeout=0.3, connect_timeout=1.0), stream="out"
    )


LookupAt = Callable[[str], EvidenceLookup]


@asynccontextmanager
async def asking(at: LookupAt, says: Say | bytes) -> AsyncIterator[tuple[EvidenceLookup, Provider]]:
    async with provider(says) as met:
        lookup = at(met.url)
        try:
            yield lookup, met
        finally:
            await lookup.close()


async def looked(at: LookupAt, says: Say | bytes, sought: Sought = OURS) -> tuple[object, list[Request]]:
    async with asking(at, says) as (lookup, met):
        return await lookup.look(sought), met.requests


async def test_an_event_that_carries_our_tag_shows_that_mailgun_took_the_message() -> None:
    found, _ = await looked(mailgun_at, events(event("delivered", after=60.0), event(after=2.0)))

    taken_at = datetime.fromtimestamp(SENT.timestamp() + 2.0, UTC)
    assert found == Seen("7@mail.client.example", "<7@mail.client.example>", taken_at)


async def test_an_event_with_our_message_id_is_ours_though_mailgun_lost_the_variable() -> None:
    bare = event(message_id=OURS.message_id.strip("<>"))
    del bare["user-variables"]

    found, _ = await looked(mailgun_at, events(bare))

    assert isinstance(found, Seen)
    assert found.wire_message_id == OURS.message_id


async def test_a_message_that_mailgun_threw_away_is_seen_with_the_reason() -> None:
    found, _ = await looked(mailgun_at, events(event(), event("rejected", reject={"reason": "Bad attachment"})))

    assert isinstance(found, Seen)
    assert found.rejected == "Bad attachment"


async def test_mailgun_is_asked_by_message_id_and_by_recipient_from_before_the_send_to_now() -> None:
    found, requests = await looked(mailgun_at, events())

    first, second = (request.query for request in requests)
    assert found == NotSeen()
    assert requests[0].path == "/v3/mail.client.example/events"
    assert (first.pop("message-id"), second.pop("recipient")) == (f"{TAG}@mail.client.example", "ada@people.example")
    assert first == second
    assert 0 < SENT.timestamp() - float(first["begin"]) <= 3600
    assert {name: first[name] for name in ("event", "ascending")} == {
        "event": "accepted OR delivered OR failed OR rejected",
        "ascending": "yes",
    }
    assert "end" not in first


async def test_the_pages_of_mailgun_are_read_to_the_empty_one_and_at_our_own_address() -> None:
    others = events(event(tag="t" * 39), then="https://api.mailgun.example/v3/mail.client.example/events/next?x=1")

    def say(request: Request) -> bytes:
        return events(event()) if request.path.endswith("/next") else others

    found, requests = await looked(mailgun_at, say)

    assert isinstance(found, Seen)
    assert [(request.path[-5:], request.query.get("x")) for request in requests] == [("vents", None), ("/next", "1")]


@pytest.mark.parametrize("link", ["/elsewhere", "https://api.mailgun.net/", "", None])
async def test_a_link_that_leads_to_no_events_is_not_followed_to_absence(link: str | None) -> None:
    first = answer(200, {"items": [event(tag="t" * 39)], "paging": {"next": link}})

    found, requests = await looked(mailgun_at, lambda request: first if request.path.endswith("/events") else events())

    assert isinstance(found, CouldNotLook)
    assert len(requests) == 1


async def test_pages_without_end_are_not_absence() -> None:
    found, requests = await looked(mailgun_at, events(event(tag="t" * 39)))

    assert isinstance(found, CouldNotLook)
    assert len(requests) == 20


async def test_a_found_message_shows_that_postmark_took_it() -> None:
    found, _ = await looked(postmark_at, messages(message(tag="t" * 39), message()))

    moment = datetime(2026, 11, 21, 12, 25, 1, 417864, UTC)
    assert found == Seen("0a129aee-e1cd-480d-b08d-4f48548ff48d", OURS.message_id, moment)


async def test_postmark_is_asked_by_tag_and_by_recipient_in_the_stream_from_the_day_before() -> None:
    found, requests = await looked(postmark_at, messages())

    first, second = (request.query for request in requests)
    assert found == NotSeen()
    assert requests[0].path == "/messages/outbound"
    assert (first.pop("metadata_tag"), second.pop("recipient")) == (TAG, "ada@people.example")
    assert first == second
    assert first == {
        "messagestream": "out",
        "fromdate": (SENT - timedelta(days=1)).date().isoformat(),
        "count": "500",
        "offset": "0",
    }


async def test_all_that_postmark_counts_is_looked_at() -> None:
    others = [message(tag="t" * 39)] * 3

    def say(request: Request) -> bytes:
        return messages(*others, total=5) if request.query["offset"] == "0" else messages(message(), total=5)

    found, requests = await looked(postmark_at, say)

    assert isinstance(found, Seen)
    assert [request.query["offset"] for request in requests] == ["0", "3"]


async def test_fewer_messages_than_postmark_counts_are_not_absence() -> None:
    found, _ = await looked(postmark_at, messages(total=1))

    assert isinstance(found, CouldNotLook)


NO_ANSWER = [
    CUT,
    SILENT,
    answer(401, b"Forbidden"),
    answer(429, {"message": "slow down"}),
    answer(500, {"items": [], "TotalCount": 0, "Messages": []}),
    answer(302, {"items": [], "TotalCount": 0, "Messages": []}),
    answer(200, b"<html></html>"),
    answer(200, {}),
    answer(200, {"items": [5], "TotalCount": 1, "Messages": [5]}),
    answer(200, {"items": {}, "TotalCount": 0, "Messages": {}}),
    answer(200, {"items": [], "TotalCount": 0, "Messages": []})[:-4],
    answer(200, b" " * 5_000_000),
]


@pytest.mark.parametrize("at", [mailgun_at, postmark_at])
@pytest.mark.parametrize("says", NO_ANSWER, ids=range(len(NO_ANSWER)))
async def test_no_whole_answer_is_never_absence(at: LookupAt, says: bytes) -> None:
    found, requests = await looked(at, says)

    assert isinstance(found, CouldNotLook), found
    assert found.reason
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (mailgun_at, events(event(timestamp=None))),
        (mailgun_at, events(event(timestamp=1e300))),
        (mailgun_at, events(event(message={}))),
        (postmark_at, messages(message(ReceivedAt="yesterday"))),
        (postmark_at, messages(message(ReceivedAt="2026-11-21T07:25:01"))),
        (postmark_at, messages(message(MessageID=None))),
        (postmark_at, answer(200, {"Messages": []})),
    ],
)
async def test_what_cannot_be_read_is_neither_seen_nor_absent(at: LookupAt, says: bytes) -> None:
    found, _ = await looked(at, says)

    assert isinstance(found, CouldNotLook), found


async def test_absence_in_one_of_the_two_questions_alone_is_not_absence() -> None:
    def say(request: Request) -> bytes:
        return events() if "message-id" in request.query else answer(500, {})

    found, _ = await looked(mailgun_at, say)

    assert isinstance(found, CouldNotLook)


@pytest.mark.parametrize(("at", "days"), [(mailgun_at, 1), (postmark_at, 7)])
async def test_a_message_older_than_the_provider_keeps_records_is_not_asked_for(at: LookupAt, days: int) -> None:
    old = Sought(TAG, OURS.message_id, OURS.sender, OURS.recipient, datetime.now(UTC) - timedelta(days=days))

    found, requests = await looked(at, answer(500, {}), old)

    assert isinstance(found, CouldNotLook)
    assert requests == []


@pytest.mark.parametrize(
    ("at", "says", "query"),
    [
        (mailgun_at, events(event()), {"limit": "1"}),
        (postmark_at, messages(message()), {"messagestream": "out", "count": "1", "offset": "0"}),
    ],
)
async def test_an_account_whose_records_can_be_read_is_proven(at: LookupAt, says: bytes, query: dict[str, str]) -> None:
    async with asking(at, says) as (lookup, met):
        found = await lookup.probe("bo@mail.client.example")

    assert found is None
    assert [request.query for request in met.requests] == [query]


@pytest.mark.parametrize("at", [mailgun_at, postmark_at])
@pytest.mark.parametrize("says", NO_ANSWER, ids=range(len(NO_ANSWER)))
async def test_an_account_whose_records_cannot_be_read_is_not_proven(at: LookupAt, says: bytes) -> None:
    async with asking(at, says) as (lookup, _):
        found = await lookup.probe("bo@mail.client.example")

    assert isinstance(found, CouldNotLook)


async def test_no_log_names_the_recipient_who_was_looked_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    await looked(mailgun_at, events())

    assert "people.example" not in caplog.text


async def test_an_unreachable_provider_tells_nothing() -> None:
    lookup = mailgun_at("http://127.0.0.1:1")

    found = await lookup.look(OURS)
    await lookup.close()

    assert isinstance(found, CouldNotLook)
    assert found.reason.startswith("connection")
