"""Messages of a small world that left, and the mail that comes back about them."""

from dataclasses import dataclass
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from uuid import uuid4

from inbox_reading import KEY, RECEIVED, FakeInbox
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.event_store import PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.application.ports import Begun
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.application.sync_replies import SyncedReplies, sync_replies
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken
from outreach_pipelines.domain.message_tag import MessageTag, WireTag, write_tag
from outreach_pipelines.domain.send_answer import Accepted
from outreach_pipelines.lab.bounces import BounceKind
from outreach_pipelines.lab.reports import failure_report
from outreach_pipelines.lab.wire_message import WireMessage


@dataclass(frozen=True)
class Sent:
    """A message that left, as it stood on the wire."""

    message: int
    claim: ClaimedMessage
    tag: WireTag
    wire: WireMessage

    @property
    def domain(self) -> str:
        return self.wire.mailbox.rpartition("@")[2]


def send(
    engine: Engine, world: SmallWorld, number: int = 1, *, wire_id: str | None = None, accepted: bool = True
) -> Sent:
    """Bring a message to the wire, under our Message-ID or under the provider's own."""
    store = PostgresMessageStore(engine)
    message = world.message(number, mailbox=world.mailboxes[number - 1])
    (letter,) = store.claim(world.tenant, hour=NOON, token=ClaimToken(uuid4()), most=1, ahead_seconds=0)
    claim = letter.claim
    tag = write_tag(MessageTag(world.tenant, claim.plan_day, claim.message_id, claim.attempt), KEY)
    assert isinstance(store.begin(claim, hour=NOON, epoch=store.epoch(), tag=tag), Begun)
    domain = letter.sender.address.rpartition("@")[2]
    message_id = wire_id or f"<{tag}@{domain}>"
    raw = f"From: {letter.sender.address}\r\nTo: {letter.recipient.address}\r\nSubject: Hello\r\nMessage-ID: {message_id}\r\n\r\nHow are you?\r\n"
    wire = WireMessage(
        "smtp-a",
        f"bounce+{tag}@{domain}",
        letter.recipient.address,
        letter.sender.address,
        message_id,
        tag,
        raw.encode(),
    )
    sent = Sent(message, claim, tag, wire)
    if accepted:
        accept(engine, sent, message_id)
    return sent


def accept(engine: Engine, sent: Sent, message_id: str) -> None:
    due = NOON.date() + timedelta(days=5)
    PostgresMessageStore(engine).record_accepted(
        sent.claim, Accepted("id-1", message_id), subject="Hello", next_due_day=due
    )


def mail(sent: Sent, text: str = "Yes, gladly.", **headers: str) -> bytes:
    """A mail from the recipient; `headers` replace In-Reply-To and the like."""
    letter = EmailMessage(policy=policy.SMTP)
    told = {
        "From": sent.wire.recipient,
        "To": sent.wire.mailbox,
        "Subject": "Re: Hello",
        "In-Reply-To": sent.wire.message_id,
    }
    for name, value in (told | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        letter[name] = value
    letter.set_content(text + "\n")
    return letter.as_bytes()


def bounce(sent: Sent) -> bytes:
    return failure_report(sent.wire, BounceKind.UNKNOWN_USER, now=RECEIVED).raw


def sync(store: PostgresReplyStore, world: SmallWorld, inbox: FakeInbox) -> SyncedReplies:
    return sync_replies(inbox, store, tenant=world.tenant)


def sync_and_record(engine: Engine, store: PostgresReplyStore, world: SmallWorld, *mails: bytes) -> SyncedReplies:
    synced = sync(store, world, FakeInbox(list(mails)))
    record_events(PostgresEventStore(engine), tenant=world.tenant)
    return synced


def waiting(world: SmallWorld) -> list[tuple[object, object]]:
    rows = world.sql(
        "select kind, message_id from app.event_inbox where tenant_id = %(t)s order by event_id", t=world.tenant
    )
    return [(row["kind"], row["message_id"]) for row in rows]


def kept(world: SmallWorld) -> list[dict[str, object]]:
    return world.sql("select * from app.inbound_message where tenant_id = %(t)s order by inbound_id", t=world.tenant)


def enrollment(world: SmallWorld, sent: Sent) -> dict[str, object]:
    return world.one(
        "select e.* from app.enrollment e join app.message m using (tenant_id, enrollment_id) where m.message_id = %(m)s",
        m=sent.message,
    )
