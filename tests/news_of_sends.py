"""Sends of a small world over the real protocol, and events about them over the real inbox."""

from datetime import date, datetime
from uuid import uuid4

from small_world import NOON, SmallWorld

from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ingest_events import FeedItem, InboxRow
from outreach_pipelines.application.ports import Begun
from outreach_pipelines.application.record_events import RecordedEvents, record_events
from outreach_pipelines.domain.delivery_event import BounceFacts, DeliveryEvent, EventKind
from outreach_pipelines.domain.inbound.verdict import BounceClass, SoftCause
from outreach_pipelines.domain.letter import ClaimToken, Letter
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.send_answer import Accepted

SOFT = BounceFacts(BounceClass.SOFT, SoftCause.NETWORK, "4.4.1", "421 4.4.1 no route", "rule")


def claimed(messages: PostgresMessageStore, world: SmallWorld) -> Letter:
    (letter,) = messages.claim(world.tenant, hour=NOON, token=ClaimToken(uuid4()), most=10, ahead_seconds=0)
    return letter


def begun(messages: PostgresMessageStore, world: SmallWorld, *, subject: str = "Hello Ada") -> Letter:
    """A message of its own whose intent is committed."""
    letter = claimed(messages, world)
    tag = WireTag(f"tag{letter.claim.message_id}x{letter.claim.attempt}")
    outcome = messages.begin(letter.claim, hour=NOON, epoch=messages.epoch(), tag=tag, subject=subject)
    assert isinstance(outcome, Begun), outcome
    return letter


def sent(messages: PostgresMessageStore, world: SmallWorld, *, next_day: date | None = date(2026, 11, 23)) -> Letter:
    letter = begun(messages, world)
    taken = Accepted("ses-1", f"<{letter.claim.message_id}@email.amazonses.com>")
    messages.record_accepted(letter.claim, taken, subject="Hello Ada", next_due_day=next_day)
    return letter


def item(
    kind: EventKind, bounce: BounceFacts | None = None, *, key: str = "", at: datetime = NOON, away: date | None = None
) -> FeedItem:
    event = DeliveryEvent(key or f"{kind}:{uuid4()}", kind, at, bounce, "ses-1", away)
    return FeedItem("receipt", "ses", "{}", event, None)


def about(letter: Letter, *, attempt: int | None = None) -> MessageTag:
    claim = letter.claim
    return MessageTag(claim.tenant, claim.plan_day, claim.message_id, attempt or claim.attempt)


def apply(inbox: PostgresEventInbox, letter: Letter, *items: FeedItem, attempt: int | None = None) -> RecordedEvents:
    inbox.add([InboxRow(each, about(letter, attempt=attempt)) for each in items])
    return record_events(PostgresEventStore(inbox.app), tenant=letter.claim.tenant)


def row(world: SmallWorld, letter: Letter) -> dict[str, object]:
    return world.state(letter.claim.message_id)


def enrollment(world: SmallWorld, letter: Letter) -> dict[str, object]:
    return world.one("select * from app.enrollment where enrollment_id = %(e)s", e=letter.enrollment_id)


def suppressions(world: SmallWorld) -> list[object]:
    found = world.sql("select kind from app.suppression where tenant_id = %(t)s and lifted_at is null", t=world.tenant)
    return [each["kind"] for each in found]
